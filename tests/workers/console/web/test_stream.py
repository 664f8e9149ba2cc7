"""The live page: one look for all, only what changed, a word and an end where the database is away, and never too many."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from tests.workers.console.conftest import Browser
from workers.console.web import seats, stream
from workers.console.web.seats import Seats
from workers.console.web.serve import server
from workers.console.web.stream import BEAT, Live, Watched, event

SOON = 0.001


@pytest.fixture(autouse=True)
def _restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr(stream, "SHARE", 1e6)


def live(look: Callable[[], str], **times: float) -> Live:
    return Live(look, lambda: "away", **{"every_s": 0.0, "beat_s": 5.0, "lasts_s": 5.0, **times})


async def seen(watched: Live, how_many: int) -> list[str]:
    """What a watcher is sent, at most so many fragments."""
    found = []
    fragments = watched.fragments(await watched.first())
    async for fragment in fragments:
        found.append(fragment)
        if len(found) == how_many:
            break
    await fragments.aclose()
    return found


def test_what_does_not_change_is_sent_once_and_then_only_a_sign_of_life() -> None:
    assert asyncio.run(seen(live(lambda: "same", beat_s=SOON), 3)) == ["same", "", ""]


def test_a_change_is_sent_and_two_watchers_share_one_look() -> None:
    looks = count()

    async def both() -> tuple[list[list[str]], Live]:
        watched = live(lambda: str(next(looks) // 5), every_s=SOON)
        return await asyncio.gather(*(seen(watched, 3) for _ in range(2))), watched

    found, watched = asyncio.run(both())

    assert all(sorted(set(one)) == one for one in found)
    assert watched.watching == 0
    assert next(looks) < 25  # three fragments of five looks each, for both together


def test_nobody_looks_once_nobody_watches() -> None:
    looks = count()

    async def watch_and_leave() -> tuple[int, int]:
        watched = live(lambda: str(next(looks)))
        await seen(watched, 3)
        while watched._reading:
            await asyncio.sleep(0)
        before = next(looks)
        await asyncio.sleep(SOON)
        return before, next(looks)

    before, after = asyncio.run(watch_and_leave())

    assert after == before + 1


def test_a_look_that_takes_long_is_followed_by_a_rest_that_is_longer_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SHARE", 0.05)
    looks = count()

    def look() -> str:
        until = time.monotonic() + 0.004
        while time.monotonic() < until:
            pass
        return str(next(looks))

    async def timed() -> float:
        began = asyncio.get_running_loop().time()
        await seen(live(look), 4)  # the first, and three that the reader made, with two rests between
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(timed()) >= 2 * 0.004 / stream.SHARE


def test_a_process_that_stops_does_not_wait_for_a_long_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "rest_s", lambda _took, _every: 3_600.0)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        watched.close()

    async def closed() -> list[str]:
        monkeypatch.setattr(stream.asyncio, "sleep", sleep)
        return await seen(watched, 9)

    watched = live(lambda: "same", beat_s=SOON)

    assert "same" in asyncio.run(closed()) and slept == [1.0]


def test_a_slow_watcher_is_sent_the_newest_and_not_what_it_missed() -> None:
    numbers = count()

    async def watch_slowly() -> list[str]:
        watched = live(lambda: str(next(numbers)))
        fragments = watched.fragments(await watched.first())
        found = [await anext(fragments)]
        while next(numbers) < 50:
            await asyncio.sleep(0)
        found.append(await anext(fragments))
        await fragments.aclose()
        return found

    first, second = asyncio.run(watch_slowly())

    assert int(second) - int(first) > 10


def test_a_database_that_is_away_is_told_and_ends_the_stream() -> None:
    told = iter(["here"])

    def look() -> str:
        for said in told:
            return said
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    assert asyncio.run(seen(live(look), 9)) == ["here", "away"]


def test_a_process_that_stops_ends_every_stream() -> None:
    async def closed() -> list[str]:
        watched = live(lambda: "same", beat_s=SOON)
        watched.close()
        return await seen(watched, 9)

    assert asyncio.run(closed()) == ["same", ""]


def test_a_server_that_is_told_to_stop_ends_the_streams_first(browser: Browser) -> None:
    served = server(browser.app)

    served.handle_exit(signal.SIGTERM, None)

    assert served.should_exit
    assert browser.app.state.live._closed


def test_a_stream_ends_after_its_time_so_that_who_watches_is_asked_again() -> None:
    assert len(asyncio.run(seen(live(lambda: "same", beat_s=SOON, lasts_s=5 * SOON), 1_000))) < 50


def test_too_many_watchers_are_refused_and_told_what_to_do(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "EACH_MAX", 0)

    program, page = browser.get("/now/stream"), browser.get("/now/stream", hx_request="true")

    assert [(answer.status_code, answer.headers["retry-after"]) for answer in (program, page)] == [(429, "60")] * 2
    assert "close some of them" in program.text and "arriving" not in program.text
    assert "looks again every few seconds" in page.text and "arriving" in page.text


class Client:
    """Somebody who asked for the stream: `takes` so many messages and then none, or has left."""

    def __init__(self, takes: int, *, left: bool = False) -> None:
        self.taken = 0
        self._takes, self._left = takes, left

    async def send(self, _message: Any) -> None:
        self.taken += 1
        if self.taken > self._takes:
            await asyncio.Event().wait()

    async def receive(self) -> dict[str, str]:
        if not self._left:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}


async def streams_to(client: Client, watched: Live) -> bool:
    """Whether a seat is free once the stream to the client is over."""
    kept, numbers = Seats(), {"type": "http", "asgi": {"spec_version": "2.3"}}
    await Watched(watched, "first", kept, ("console:anna", ""), str)(numbers, client.receive, client.send)
    with ExitStack() as open_:
        return all(open_.enter_context(kept.seat("console:anna", "")) for _ in range(seats.EACH_MAX))


@pytest.mark.parametrize("client", [Client(takes=2), Client(takes=1_000_000, left=True)], ids=["takes nothing more", "has left"])
def test_a_client_that_is_gone_is_noticed_and_its_seat_is_free(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SEND_S", SOON)
    numbers = count()
    watched = live(lambda: str(next(numbers)), lasts_s=600.0)

    free = asyncio.run(asyncio.wait_for(streams_to(client, watched), 20))

    assert free and watched.watching == 0


def test_a_stream_does_not_begin_where_the_database_is_away(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> str:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(browser.app.state.live, "_look", away)

    assert browser.get("/now/stream").status_code == 503


def test_a_fragment_of_several_lines_is_one_event() -> None:
    assert event("<p>\n\n  a</p>") == "data: <p>\ndata:   a</p>\n\n"
    assert BEAT.startswith(":")
