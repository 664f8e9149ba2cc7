"""Hints: they arrive as messages of one id, and a Redis that is away or hangs costs nobody anything."""

import socket
import threading
import time

import pytest
import redis
from structlog.testing import capture_logs

from receiver.dispatch import QUEUE, WAITING_MAX, Announcer, Link, gathered, make_broker
from receiver.errors import SettingsInvalid


def received(url: str) -> list[tuple[str, tuple[object, ...]]]:
    """What waits in Redis, as a worker would fetch it."""
    consumer = make_broker(url).consume(QUEUE, prefetch=100, timeout=10)
    found = []
    while (message := next(consumer)) is not None:
        found.append((message.actor_name, tuple(message.args)))
        consumer.ack(message)
    consumer.close()
    return found


def test_hints_are_messages_of_one_id_for_two_actors(redis_url: str) -> None:
    announcer = Announcer(redis_url)

    announcer.announce_delivery(7)
    announcer.announce_run("r-1")
    announcer.close()

    assert received(redis_url) == [("route", (7,)), ("advance", ("r-1",))]


def test_the_broker_has_no_middleware_at_all(redis_url: str) -> None:
    assert make_broker(redis_url).middleware == []


def test_without_a_redis_nothing_is_sent_and_nothing_fails() -> None:
    announcer = Announcer(None)

    announcer.announce_delivery(1)

    announcer.close()


@pytest.mark.parametrize("hung", [True, False])
def test_a_redis_that_hangs_or_is_away_does_not_hold_the_caller(hung: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if not hung:
            silent.close()
        announcer = Announcer(f"redis://127.0.0.1:{port}/0")
        began = time.monotonic()

        for id in range(WAITING_MAX * 3):
            announcer.announce_delivery(id)

        took = time.monotonic() - began
        announcer.close()
    assert took < 0.5
    assert not any(thread.name == "billhook-announcer" and thread.is_alive() for thread in threading.enumerate())


def test_a_url_that_is_none_is_named() -> None:
    with pytest.raises(SettingsInvalid, match="redis"):
        make_broker("nonsense")


def test_hints_flow_again_when_redis_is_back(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    announcer = Announcer(redis_url)
    client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    for id in range(5):
        announcer.announce_delivery(id)
    announcer.close()

    client.close()
    assert "route" in {actor for actor, _ in received(redis_url)}


def test_a_redis_that_stays_away_is_told_once_and_once_when_it_is_back() -> None:
    link = Link()

    with capture_logs() as logged:
        link.found()
        for _ in range(3):
            link.lost()
        away = link.away
        for _ in range(3):
            link.found()

    assert (away, link.away) == (True, False)
    assert [(line["log_level"], line["event"].partition(":")[0]) for line in logged] == [
        ("warning", "redis is away"),
        ("info", "redis is back"),
    ]


def test_hints_for_deliveries_that_wait_together_are_one_of_the_lowest() -> None:
    waiting = [("route", 8), ("advance", "r-1"), ("route", 7), ("advance", "r-2"), ("route", 9)]

    assert gathered(waiting) == [("route", 7), ("advance", "r-1"), ("advance", "r-2")]
    assert gathered(waiting[1:2]) == [("advance", "r-1")]
