"""The door over ASGI: what it takes, what it refuses, and what it answers."""

import asyncio
import json

import pytest
import sqlalchemy as sa

from receiver.db import Database
from receiver.door import Door
from receiver.inbox import list_refusals
from tests.receiver.kit import BASIC, JSON, Answer, Asked, deliveries, payload, posted, settings_of, signed, with_door


def test_an_accepted_notification_is_kept_byte_exact_and_answered_with_its_receipt(database: Database) -> None:
    body = payload("invoice.created")

    [answer] = posted(database.url, body)

    [row] = deliveries(database)
    assert (answer.status, answer.json) == (200, {"receipt": str(row.id), "repeat": False})
    assert (row.source, row.origin, row.native_type, row.native_id, row.body) == ("shop", "push", "invoice.created", "464", body)
    assert json.loads(row.headers) == {"content-type": "application/json"}
    assert row.routed_at is None and row.repeats == 0


def test_a_repeat_is_counted_on_the_first_row_and_a_variant_is_a_row_of_its_own(database: Database) -> None:
    body = payload("invoice.created")

    answers = posted(database.url, body, body, body + b"\n", body)

    first, variant = deliveries(database)
    assert [answer.json["repeat"] for answer in answers] == [False, True, False, True]
    assert [answer.json["receipt"] for answer in answers] == [str(first.id), str(first.id), str(variant.id), str(first.id)]
    assert (first.repeats, variant.repeats) == (2, 0)
    assert first.last_repeat_at is not None


def test_a_hundred_parallel_copies_make_one_row_and_each_gets_its_own_answer(database: Database) -> None:
    body = payload("customer.created")

    async def talk(asked: Asked) -> list[Answer]:
        return await asyncio.gather(*(asked.post("/webhooks/shop", body) for _ in range(100)))

    answers = with_door(settings_of(database.url, "store_timeout_s = 20"), talk)

    [row] = deliveries(database)
    assert [answer.status for answer in answers] == [200] * 100
    assert [answer.json["repeat"] for answer in answers].count(False) == 1
    assert {answer.json["receipt"] for answer in answers} == {str(row.id)}
    assert row.repeats == 99


@pytest.mark.parametrize(
    ("body", "status", "error", "field"),
    [
        (b"", 400, "payload", "body"),
        (b"{", 400, "payload", "body"),
        (b"hello", 400, "payload", "body"),
        (b"[]", 400, "payload", "body"),
        (b'{"id":1}', 400, "payload", "type"),
        (b'{"type":"a"}', 400, "payload", "id"),
        (b'{"id":1.5,"type":"a"}', 400, "payload", "id"),
        (b'{"id":true,"type":"a"}', 400, "payload", "id"),
        (b'{"id":"","type":"a"}', 400, "payload", "id"),
        (b'{"id":"a\\u0000b","type":"a"}', 400, "payload", "id"),
        (b'{"id":1,"id":2,"type":"a"}', 400, "payload", "body"),
        (b'{"id":1,"type":"a","\\u0069d":2}', 400, "payload", "body"),
        (b'{"id":1,"type":"a","x":NaN}', 400, "payload", "body"),
        (b'{"id":1,"type":"a","x":-Infinity}', 400, "payload", "body"),
        (b'{"id":1,"type":"a","x":"\xff"}', 400, "payload", "body"),
        (b'{"id":1,"type":"a","x":"\\ud800"}', 400, "payload", "body"),
        (b'{"id":' + b"9" * 5000 + b',"type":"a"}', 400, "payload", "id"),
        (b'{"id":1,"type":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "payload", "body"),
        (b'{"id":1,"type":"' + b"a" * 200 + b'"}', 400, "payload", "type"),
        (b'\xef\xbb\xbf{"id":1,"type":"a"}', 400, "payload", "body"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_notification_is_400_and_kept_as_a_refusal(
    sqlite_database: Database, body: bytes, status: int, error: str, field: str
) -> None:
    [answer] = posted(sqlite_database.url, body)

    assert (answer.status, answer.json) == (status, {"error": error, "field": field})
    assert deliveries(sqlite_database) == []
    with sqlite_database.read() as connection:
        [refusal] = list_refusals(connection)
    assert (refusal.source, refusal.status, refusal.detail, refusal.body_size) == ("shop", status, field, len(body))


def test_methods_media_encodings_and_paths_are_refused_each_with_its_status(sqlite_url: str) -> None:
    body = payload("invoice.created")

    async def talk(asked: Asked) -> list[Answer]:
        return [
            await asked.post("/webhooks/shop", b"", method="GET"),
            await asked.post("/webhooks/shop", body, method="PUT"),
            await asked.post("/webhooks/shop", body, ((b"content-type", b"text/xml"), BASIC)),
            await asked.post("/webhooks/shop", body, (JSON, BASIC, (b"content-encoding", b"gzip"))),
            await asked.post("/webhooks/nobody", body),
            await asked.post("/webhooks/", body),
            await asked.post("/webhooks/shop%00", body),
            await asked.post("/webhooks/shop", body, ((b"content-type", b"application/json; charset=utf-8"), BASIC)),
            await asked.post("/elsewhere", body),
        ]

    answers = with_door(settings_of(sqlite_url), talk)

    assert [answer.status for answer in answers] == [405, 405, 415, 415, 404, 404, 404, 200, 404]
    assert answers[0].headers["allow"] == "POST"


def test_a_full_queue_is_503_with_retry_after(sqlite_url: str) -> None:
    async def talk(asked: Asked) -> list[Answer]:
        bodies = [b'{"id":%d,"type":"a"}' % number for number in range(60)]
        return await asyncio.gather(*(asked.post("/webhooks/shop", body) for body in bodies))

    answers = with_door(settings_of(sqlite_url, "queue_max = 10\nstore_timeout_s = 20"), talk)

    refused = [answer for answer in answers if answer.status != 200]
    assert len(refused) == 50
    assert {(answer.status, answer.json["error"], answer.headers["retry-after"]) for answer in refused} == {(503, "overloaded", "1")}


def test_the_door_is_shut_until_the_schema_is_there(empty_sqlite_url: str) -> None:
    async def talk(asked: Asked) -> list[int]:
        hook = await asked.post("/webhooks/shop", payload("invoice.created"))
        assert hook.headers["retry-after"] == "1"
        return [hook.status, (await asked.get("/readyz")).status, (await asked.get("/healthz")).status]

    assert with_door(settings_of(empty_sqlite_url), talk) == [503, 503, 200]


def test_ready_means_a_round_trip_through_the_writer(database: Database) -> None:
    async def talk(asked: Asked) -> list[Answer]:
        before = await asked.get("/readyz")
        await asked.post("/webhooks/shop", payload("invoice.created"))
        return [before, await asked.get("/readyz"), await asked.get("/metrics")]

    before, after, metrics = with_door(settings_of(database.url), talk)

    assert (before.status, after.status, metrics.status) == (200, 200, 200)
    assert b'billhook_deliveries_accepted_total{repeat="no",source="shop"}' in metrics.body


def test_ready_names_the_database_that_keeps(database: Database) -> None:
    async def talk(asked: Asked) -> list[Answer]:
        return [await asked.get("/readyz")]

    [ready] = with_door(settings_of(database.url), talk)

    assert ready.json == {"status": "ready", "database": database.identity()}


def test_a_server_that_does_not_say_which_one_it_is_is_written_to_all_the_same(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Database) -> str:
        raise sa.exc.ProgrammingError("SELECT", {}, Exception("permission denied for function pg_control_system"))

    async def talk(asked: Asked) -> list[Answer]:
        return [await asked.get("/readyz")]

    monkeypatch.setattr(Database, "identity", refused)
    [ready] = with_door(settings_of(database.url), talk)

    assert ready.json == {"status": "ready", "database": ""}


def test_a_signed_event_is_validated_at_the_door_and_an_unknown_type_is_kept(sqlite_database: Database, now: int) -> None:
    good = {"type": "email.bounced", "timestamp": "2026-11-21T08:00:00Z", "data": {"invoice_id": "4711", "bounce": "hard"}}
    wrong = {**good, "data": {"bounce": "hard"}}
    other = {"type": "email.opened", "data": 12}

    async def talk(asked: Asked) -> list[Answer]:
        bodies = [json.dumps(message).encode() for message in (good, wrong, other)]
        return [await asked.post("/webhooks/mail", body, signed(f"msg_{n}", body, at=now)) for n, body in enumerate(bodies)]

    answers = with_door(settings_of(sqlite_database.url), talk)

    assert [answer.status for answer in answers] == [200, 400, 200]
    assert answers[1].json == {"error": "payload", "field": "data.invoice_id"}
    kept = deliveries(sqlite_database)
    assert [(row.native_type, row.native_id) for row in kept] == [("email.bounced", "msg_0"), ("email.opened", "msg_2")]
    assert json.loads(kept[0].headers)["webhook-timestamp"] == str(now)
    assert "signature" not in kept[0].headers


def test_a_flood_of_junk_is_sampled_and_counted(sqlite_database: Database) -> None:
    async def talk(asked: Asked) -> None:
        for _ in range(200):
            await asked.post("/webhooks/shop", b"junk", (JSON,))

    with_door(settings_of(sqlite_database.url, "refusals_per_minute = 5"), talk)

    with sqlite_database.read() as connection:
        refused = list_refusals(connection, source="shop")
    assert len(refused) == 5
    assert sum(row.seen for row in refused) == 200


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_no_calendar_holds_in_utc_is_400_naming_the_field(sqlite_database: Database, now: int, at: str) -> None:
    message = {"type": "email.bounced", "timestamp": "2026-11-21T08:00:00Z", "data": {"invoice_id": "4711", "at": at}}
    body = json.dumps(message).encode()

    async def talk(asked: Asked) -> Answer:
        return await asked.post("/webhooks/mail", body, signed("msg_1", body, at=now))

    answer = with_door(settings_of(sqlite_database.url), talk)

    assert (answer.status, answer.json) == (400, {"error": "payload", "field": "data.at"})


class FailingCommit:
    """A commit with a mistake nobody foresaw."""

    async def submit(self, row: object) -> None:
        raise RuntimeError(row)


def test_what_nobody_foresaw_is_503_with_retry_after_and_kept_and_its_log_quotes_nothing(
    sqlite_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, body = settings_of(sqlite_database.url), payload("invoice.created")

    async def talk(asked: Asked) -> Answer:
        door = Door(settings, FailingCommit(), asked.app.announcer, asked.app.refusals)  # type: ignore[arg-type]
        door.open = True
        return await Asked(door).post("/webhooks/shop", body)  # type: ignore[arg-type]

    answer = with_door(settings, talk)

    assert (answer.status, answer.json, answer.headers["retry-after"]) == (503, {"error": "failed"}, "60")
    with sqlite_database.read() as connection:
        [refusal] = list_refusals(connection, limit=10)
    assert (refusal.source, refusal.status, refusal.cause) == ("shop", 503, "failed")
    said = "".join(capsys.readouterr())
    assert "RuntimeError" in said and "invoice.created" not in said
