"""AutoDNS's pushes at the door: in JSON and XML, by login or path, once each; what is malformed is kept as a refusal with its reason."""

import base64

import pytest

from receiver.db import Database
from receiver.errors import SettingsInvalid
from receiver.inbox import list_refusals
from receiver.settings import Settings
from tests.receiver.kit import JSON, Answer, Asked, deliveries, settings_of, with_door
from tests.receiver.sources.autodns_samples import recorded
from tests.receiver.sources.test_autodns_xml import ATTACKS

SECRET, PASSWORD = "v7Tq2nXb81LmPz0t", "kE4-ruW8mzQ2pLx9"
SOURCES = '[source.nic]\nkind = "autodns"\nallow_from = ["127.0.0.0/8"]\n'
AS_XML = (b"content-type", b"application/xml; charset=UTF-8")
BASIC = (b"authorization", b"Basic " + base64.b64encode(f"nic:{PASSWORD}".encode()))
PUSH = recorded("push_job_customer_update_constructed.xml")
POLL = recorded("poll_job_customer_update_constructed.json")


def settings(database: Database, door: str = "", **secrets: str) -> Settings:
    chosen = secrets or {"BILLHOOK_DOOR_NIC_PATH": SECRET}
    return settings_of(database.url, door, environ=chosen, sources=SOURCES)


def sent(chosen: Settings, *requests: dict[str, object], url: str = f"/webhooks/nic/{SECRET}") -> list[Answer]:
    async def talk(asked: Asked) -> list[Answer]:
        return [await asked.post(url, **request) for request in requests]  # type: ignore[arg-type]

    return with_door(chosen, talk)


def refusals(database: Database) -> list[tuple[int, str, str, bytes]]:
    with database.read() as connection:
        return [(row.status, row.cause, row.detail, row.body) for row in list_refusals(connection)]


def test_a_push_is_taken_in_xml_and_in_json_byte_for_byte(sqlite_database: Database) -> None:
    answers = sent(settings(sqlite_database), {"body": PUSH, "headers": (AS_XML,)}, {"body": POLL, "headers": (JSON,)})

    assert [answer.status for answer in answers] == [200, 200]
    assert [(row.native_type, row.native_id, row.body) for row in deliveries(sqlite_database)] == [
        ("job.success", "30000001", PUSH),
        ("job.success", "30000001", POLL),
    ]


def test_the_same_push_again_is_a_repeat(sqlite_database: Database) -> None:
    answers = sent(settings(sqlite_database), *[{"body": PUSH, "headers": (AS_XML,)}] * 2)

    assert [answer.json["repeat"] for answer in answers] == [False, True]


@pytest.mark.parametrize("login, status", [(BASIC, 200), ((b"authorization", b"Basic bm8="), 401)])
def test_a_login_proves_the_sender(sqlite_database: Database, login: tuple[bytes, bytes], status: int) -> None:
    chosen = settings(sqlite_database, BILLHOOK_DOOR_NIC_USER="nic", BILLHOOK_DOOR_NIC_PASSWORD=PASSWORD)

    (answer,) = sent(chosen, {"body": PUSH, "headers": (AS_XML, login)}, url="/webhooks/nic")

    assert answer.status == status


def test_an_address_that_is_not_listed_is_refused_beside_a_right_secret(sqlite_database: Database) -> None:
    chosen = settings_of(
        sqlite_database.url, environ={"BILLHOOK_DOOR_NIC_PATH": SECRET}, sources=SOURCES.replace("127.0.0.0/8", "62.116.129.216/32")
    )

    (answer,) = sent(chosen, {"body": PUSH, "headers": (AS_XML,)})

    assert answer.status == 401
    assert [(status, cause) for status, cause, *_ in refusals(sqlite_database)] == [(401, "address")]


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "oversized"])
def test_hostile_xml_is_kept_as_a_refusal_with_its_reason(sqlite_database: Database, name: str) -> None:
    body, cause = ATTACKS[name]

    (answer,) = sent(settings(sqlite_database), {"body": body, "headers": (AS_XML,)})

    # The cause is for the operator; a sender is told no more than that the payload is wrong.
    assert (answer.status, answer.json["error"]) == (400, "payload")
    expected = "json" if not body else cause
    assert [(status, said) for status, said, *_ in refusals(sqlite_database)] == [(400, expected)]
    assert not deliveries(sqlite_database)


@pytest.mark.parametrize(
    "body, field", [(PUSH.replace(b"<status>success</status>", b""), "job.status"), (PUSH.replace(b"30000001", b"x"), "job.id")]
)
def test_a_malformed_message_is_kept_and_its_field_named(sqlite_database: Database, body: bytes, field: str) -> None:
    (answer,) = sent(settings(sqlite_database), {"body": body, "headers": (AS_XML,)})

    assert (answer.status, answer.json["field"]) == (400, field)
    assert refusals(sqlite_database) == [(400, "payload", field, body)]


def test_an_oversized_push_is_413(sqlite_database: Database) -> None:
    (answer,) = sent(settings(sqlite_database, "max_body_bytes = 1024"), {"body": b"<a>" + b"x" * 2000 + b"</a>", "headers": (AS_XML,)})

    assert answer.status == 413


@pytest.mark.parametrize(
    "secrets, said",
    [
        ({"BILLHOOK_DOOR_NIC_SIGNING": "kE4-ruW8mzQ2pLx9kE4-ruW8"}, "autodns does not sign"),
        ({"BILLHOOK_DOOR_OTHER_PATH": SECRET}, "lets anybody in"),
        ({"BILLHOOK_DOOR_NIC_USER": "nic"}, "set both"),
    ],
)
def test_the_doors_secrets_are_asked_for_by_name(sqlite_database: Database, secrets: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said) as caught:
        settings(sqlite_database, **secrets).door_secrets("nic")

    assert "BILLHOOK_DOOR_NIC_" in str(caught.value)
