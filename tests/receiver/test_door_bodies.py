"""How a body arrives at the door: too large, too slow, or broken off."""

import asyncio

import pytest

from receiver.db import Database
from receiver.inbox import list_refusals
from tests.receiver.kit import BASIC, JSON, Answer, Asked, deliveries, payload, posted, settings_of, with_door

SMALL = "max_body_bytes = 4096"


@pytest.mark.parametrize("chunks", [[b"x" * 4097], [b"x" * 1000] * 5, [b"x" * 4096, b"x"], [b"x" * 100_000] * 110])
def test_a_body_above_the_cap_is_413_however_it_arrives(sqlite_database: Database, chunks: list[bytes]) -> None:
    async def talk(asked: Asked) -> Answer:
        return await asked.post("/webhooks/shop", chunks)

    answer = with_door(settings_of(sqlite_database.url, SMALL), talk)

    assert (answer.status, answer.json, answer.headers["connection"]) == (413, {"error": "too_large"}, "close")
    with sqlite_database.read() as connection:
        [refusal] = list_refusals(connection)
    assert (refusal.body_size, refusal.body) == (sum(map(len, chunks)), b"")


def test_a_length_that_says_too_much_is_413_before_the_body_is_asked_for(sqlite_url: str) -> None:
    async def talk(asked: Asked) -> list[int]:
        lengths = [b"99999999999999999999999999", b"-1", b"abc"]
        return [
            (await asked.post("/webhooks/shop", b"", (JSON, BASIC, (b"content-length", length)), stuck=True)).status for length in lengths
        ]

    assert with_door(settings_of(sqlite_url, SMALL), talk) == [413, 413, 413]


def test_a_body_exactly_at_the_cap_is_taken(sqlite_url: str) -> None:
    body = b'{"id":1,"type":"a","x":"'
    body += b"x" * (4096 - len(body) - 2) + b'"}'

    [answer] = posted(sqlite_url, body, door=SMALL)

    assert (len(body), answer.status) == (4096, 200)


def test_a_body_that_does_not_come_is_408_while_others_are_served(sqlite_url: str) -> None:
    async def talk(asked: Asked) -> tuple[list[Answer], Answer]:
        slow = [asyncio.create_task(asked.post("/webhooks/shop", b'{"id"', stuck=True)) for _ in range(1000)]
        good = await asked.post("/webhooks/shop", payload("customer.created"))
        return list(await asyncio.gather(*slow)), good

    slow, good = with_door(settings_of(sqlite_url, "receive_timeout_s = 0.5\nstore_timeout_s = 20"), talk)

    assert good.status == 200
    assert {(answer.status, answer.body, answer.headers["connection"]) for answer in slow} == {(408, b'{"error":"too_slow"}', "close")}


def test_a_sender_that_goes_away_is_not_answered_and_nothing_is_kept(sqlite_database: Database) -> None:
    async def talk(asked: Asked) -> list[object]:
        sent: list[object] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.disconnect"}

        async def send(message: object) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/webhooks/shop", "headers": [JSON, BASIC], "client": None}
        await asked.app(scope, receive, send)  # type: ignore[arg-type]
        return sent

    assert with_door(settings_of(sqlite_database.url), talk) == []
    assert deliveries(sqlite_database) == []
