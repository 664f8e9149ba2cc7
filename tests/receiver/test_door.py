"""The door over ASGI: what it takes, what it refuses, and what it answers."""

import asyncio
import base64
import json

import pytest
import sqlalchemy as sa

from receiver.db import Database
from receiver.door import Door
from receiver.inbox import Delivery, list_refusals
from receiver.signing import signature
from tests.receiver.kit import BASIC, JSON, KEY, PATH_SECRET, Answer, Asked, payload, settings_of, with_door

SMALL = "max_body_bytes = 4096"


def deliveries(database: Database) -> list[sa.Row[tuple[object, ...]]]:
    with database.read() as connection:
        return list(connection.execute(sa.select(Delivery.__table__).order_by(sa.text("id"))))  # type: ignore[attr-defined]


def posted(url: str, *bodies: bytes, path: str = "/webhooks/shop", door: str = "") -> list[Answer]:
    async def talk(asked: Asked) -> list[Answer]:
        return [await asked.post(path, body) for body in bodies]

    return with_door(settings_of(url, door), talk)


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


@pytest.mark.parametrize(
    "headers",
    [
        (JSON,),
        (JSON, (b"authorization", b"")),
        (JSON, (b"authorization", b"Basic")),
        (JSON, (b"authorization", b"Basic !!!")),
        (JSON, (b"authorization", b"Bearer " + BASIC[1][6:])),
        (JSON, (b"authorization", BASIC[1][:-4])),
        (JSON, (b"authorization", b"Basic " + base64.b64encode(b"hooks:wrong password 123"))),
        (JSON, (b"authorization", b"Basic \xff\xfe")),
    ],
)
def test_wrong_credentials_get_one_uniform_401(sqlite_url: str, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    async def talk(asked: Asked) -> Answer:
        return await asked.post("/webhooks/shop", payload("invoice.created"), headers)

    answer = with_door(settings_of(sqlite_url), talk)

    assert (answer.status, answer.body) == (401, b'{"error":"credentials"}')


def test_a_path_secret_opens_its_source_and_no_other(sqlite_database: Database) -> None:
    body = payload("customer.created.fastbill.constructed")
    paths = [
        f"/webhooks/core/{PATH_SECRET}",
        "/webhooks/core",
        "/webhooks/core/wrong",
        f"/webhooks/shop/{PATH_SECRET}",
        f"/webhooks/core/{PATH_SECRET}/x",
    ]

    async def talk(asked: Asked) -> list[int]:
        return [(await asked.post(path, body)).status for path in paths]

    assert with_door(settings_of(sqlite_database.url), talk) == [200, 401, 401, 401, 401]
    [row] = deliveries(sqlite_database)
    with sqlite_database.read() as connection:
        refused = list_refusals(connection)
    assert PATH_SECRET not in str(row) + str(refused)


def test_an_address_outside_the_list_is_refused_beside_right_credentials(sqlite_url: str) -> None:
    sources = '[source.shop]\nkind = "monsum"\nallow_from = ["203.0.113.0/24", "2001:db8::/32"]\n'
    body = payload("customer.created")

    async def talk(asked: Asked) -> list[int]:
        peers = ["203.0.113.9", "2001:db8::1", "::ffff:203.0.113.9", "198.51.100.1", "nonsense"]
        right = [(await asked.post("/webhooks/shop", body, client=peer)).status for peer in peers]
        return [*right, (await asked.post("/webhooks/shop", body, (JSON,), client="203.0.113.9")).status]

    environ = {"BILLHOOK_DOOR_CORE_PATH": "", "BILLHOOK_DOOR_MAIL_SIGNING": ""}
    assert with_door(settings_of(sqlite_url, environ=environ, sources=sources), talk) == [200, 200, 200, 401, 401, 401]


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


def signed(id: str, body: bytes, *, at: int, key: bytes = KEY) -> list[tuple[bytes, bytes]]:
    stamp = str(at).encode()
    mark = signature(key, id.encode(), stamp, body)
    return [JSON, (b"webhook-id", id.encode()), (b"webhook-timestamp", stamp), (b"webhook-signature", mark)]


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


def test_a_verified_replay_inside_the_window_is_a_repeat(sqlite_url: str, now: int) -> None:
    body = b'{"type":"email.opened"}'

    async def talk(asked: Asked) -> list[Answer]:
        return [await asked.post("/webhooks/mail", body, signed("msg_1", body, at=now - age)) for age in (10, 0, 400)]

    answers = with_door(settings_of(sqlite_url), talk)

    assert [answer.status for answer in answers] == [200, 200, 401]
    assert answers[1].json["repeat"] is True


def test_neither_a_delivery_nor_a_refusal_keeps_a_credential_a_cookie_or_a_signature(sqlite_database: Database, now: int) -> None:
    canary = (b"cookie", b"canary-cookie")
    body, other = payload("customer.created"), b'{"type":"email.opened"}'

    async def talk(asked: Asked) -> list[int]:
        sent = [("shop", body, [JSON, BASIC, canary]), ("shop", b"{", [JSON, BASIC, canary]), ("mail", other, signed("m1", other, at=now))]
        return [(await asked.post(f"/webhooks/{source}", content, headers)).status for source, content, headers in sent]

    assert with_door(settings_of(sqlite_database.url), talk) == [200, 400, 200]
    with sqlite_database.read() as connection:
        kept = str(deliveries(sqlite_database)) + str([tuple(row) for row in list_refusals(connection)])
    for secret in (BASIC[1][6:].decode(), "canary", signed("m1", other, at=now)[3][1].decode(), "authorization"):
        assert secret not in kept


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


def test_a_mail_services_key_cannot_lift_an_operators_block(sqlite_database: Database, now: int) -> None:
    message = {"type": "block.release", "timestamp": "2026-11-21T08:00:00Z", "data": {"customer_id": "7", "kind": "dispute"}}
    body = json.dumps(message).encode()

    async def talk(asked: Asked) -> Answer:
        return await asked.post("/webhooks/mail", body, signed("msg_1", body, at=now))

    answer = with_door(settings_of(sqlite_database.url), talk)

    assert (answer.status, answer.json) == (400, {"error": "payload", "field": "type"})
    assert deliveries(sqlite_database) == []


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


BEARER = (b"authorization", b"Bearer r3Gd8sKq1mXw5Tz7")
PROXIED = (b"x-forwarded-for", b"127.0.0.1")


@pytest.mark.parametrize(
    ("token", "client", "headers", "status"),
    [
        (None, "127.0.0.1", (), 200),
        (None, "::1", (), 200),
        (None, "203.0.113.9", (), 401),
        (None, "127.0.0.1", (PROXIED,), 401),
        (None, "203.0.113.9", (BEARER,), 401),
        ("r3Gd8sKq1mXw5Tz7", "203.0.113.9", (BEARER,), 200),
        ("another-Tz7-token", "203.0.113.9", (BEARER,), 401),
    ],
)
def test_metrics_are_for_this_machine_and_who_knows_the_token(
    sqlite_url: str, token: str | None, client: str, headers: tuple[tuple[bytes, bytes], ...], status: int
) -> None:
    environ = {"BILLHOOK_DOOR_METRICS_TOKEN": token} if token else {}

    async def talk(asked: Asked) -> Answer:
        return await asked.post("/metrics", headers=headers, method="GET", client=client)

    answer = with_door(settings_of(sqlite_url, environ=environ), talk)

    assert answer.status == status
    assert (b"billhook_" in answer.body) == (status == 200)
