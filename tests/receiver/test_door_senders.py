"""Who may come in at the door, by which proof, and that no proof is kept."""

import base64
import json

import pytest

from receiver.db import Database
from receiver.inbox import list_refusals
from tests.receiver.kit import BASIC, JSON, PATH_SECRET, Answer, Asked, deliveries, payload, settings_of, signed, with_door


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


def test_a_mail_services_key_cannot_lift_an_operators_block(sqlite_database: Database, now: int) -> None:
    message = {"type": "block.release", "timestamp": "2026-11-21T08:00:00Z", "data": {"customer_id": "7", "kind": "dispute"}}
    body = json.dumps(message).encode()

    async def talk(asked: Asked) -> Answer:
        return await asked.post("/webhooks/mail", body, signed("msg_1", body, at=now))

    answer = with_door(settings_of(sqlite_database.url), talk)

    assert (answer.status, answer.json) == (400, {"error": "payload", "field": "type"})
    assert deliveries(sqlite_database) == []


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
