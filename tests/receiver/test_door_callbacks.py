"""Qvickly's callbacks at the door: by POST and by GET, once each, and refused without their hash."""

import pytest

from receiver.db import Database
from receiver.errors import SettingsInvalid
from receiver.inbox import list_refusals
from receiver.settings import Settings
from receiver.sources.qvickly import BODY_MAX
from tests.receiver.kit import JSON, Answer, Asked, deliveries, settings_of, with_door
from tests.receiver.sources.callbacks import KEY, as_form, callback, recorded

SOURCES = '[source.pay]\nkind = "qvickly"\ncurrencies = ["SEK"]\n[source.shop]\nkind = "monsum"\n'
FORM = (b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")
BODY = recorded("callback_paid_swish.json")


def settings(database: Database, door: str = "", **more: str) -> Settings:
    return settings_of(database.url, door, environ={"BILLHOOK_DOOR_PAY_SIGNING": KEY, **more}, sources=SOURCES)


def sent(chosen: Settings, *requests: dict[str, object]) -> list[Answer]:
    async def talk(asked: Asked) -> list[Answer]:
        return [await asked.post("/webhooks/pay", **request) for request in requests]  # type: ignore[arg-type]

    return with_door(chosen, talk)


def test_a_callback_is_taken_as_json_as_a_form_and_as_a_query(sqlite_database: Database) -> None:
    bodies = [callback({"number": str(number), "status": "Paid"}) for number in (1, 2, 3)]
    answers = sent(
        settings(sqlite_database),
        {"body": bodies[0], "headers": (JSON,)},
        {"body": as_form(bodies[1]), "headers": (FORM,)},
        {"method": "GET", "query": as_form(bodies[2]), "headers": ()},
    )

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert [row.body for row in deliveries(sqlite_database)] == [bodies[0], as_form(bodies[1]), as_form(bodies[2])]
    assert {row.native_type for row in deliveries(sqlite_database)} == {"payment.paid"}


def test_the_same_callback_again_is_a_repeat(sqlite_database: Database) -> None:
    answers = sent(settings(sqlite_database), *[{"body": BODY, "headers": (JSON,)}] * 3)

    assert [answer.json["repeat"] for answer in answers] == [False, True, True]
    assert [row.repeats for row in deliveries(sqlite_database)] == [2]


@pytest.mark.parametrize("name", ["callback_tampered.json", "callback_unsigned.json", "callback_session_event_unsigned.json"])
def test_what_is_not_signed_gets_401_and_is_kept_as_a_refusal(sqlite_database: Database, name: str) -> None:
    (answer,) = sent(settings(sqlite_database), {"body": recorded(name), "headers": (JSON,)})

    assert answer.status == 401
    with sqlite_database.read() as connection:
        assert [row.status for row in list_refusals(connection)] == [401]


def test_an_unknown_status_is_kept_and_answered_like_any_other(sqlite_database: Database) -> None:
    (answer,) = sent(settings(sqlite_database), {"body": callback({"number": "7", "status": "Elsewhere"}), "headers": (JSON,)})

    assert answer.status == 200
    assert [row.native_type for row in deliveries(sqlite_database)] == ["payment.elsewhere"]


def test_a_query_is_held_to_the_size_of_a_body(sqlite_database: Database) -> None:
    (answer,) = sent(settings(sqlite_database, "max_body_bytes = 1024"), {"method": "GET", "query": b"data=" + b"x" * 1024, "headers": ()})

    assert answer.status == 413


def test_what_is_too_large_for_a_callback_is_refused_before_it_is_written_again_to_be_hashed(sqlite_database: Database) -> None:
    body = callback({"number": "7", "status": "Paid", "orderid": "x" * 1000})
    answers = sent(
        settings(sqlite_database),
        {"body": body.ljust(BODY_MAX), "headers": (JSON,)},
        {"body": body.ljust(BODY_MAX + 1), "headers": (JSON,)},
    )

    assert [answer.status for answer in answers] == [200, 413]


def test_only_qvickly_may_use_get(sqlite_database: Database) -> None:
    async def talk(asked: Asked) -> Answer:
        return await asked.post("/webhooks/shop", method="GET", headers=())

    answer = with_door(settings(sqlite_database), talk)

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "environ, said",
    [
        ({"BILLHOOK_DOOR_PAY_PATH": "v7Tq2nXb81LmPz0t", "BILLHOOK_DOOR_PAY_SIGNING": "165964686216"}, ""),
        ({"BILLHOOK_DOOR_PAY_SIGNING": "short"}, "not the provider's secret"),
        ({"BILLHOOK_DOOR_PAY_SIGNING": "changeme-changeme"}, "not the provider's secret"),
        ({"BILLHOOK_DOOR_PAY_USER": "u", "BILLHOOK_DOOR_PAY_PASSWORD": "kE4-ruW8mzQ2pLx9"}, "of no use"),
    ],
)
def test_the_merchants_secret_is_asked_for_as_the_provider_makes_it(sqlite_database: Database, environ: dict[str, str], said: str) -> None:
    chosen = settings(sqlite_database, **environ)

    if not said:
        assert chosen.door_secrets("pay").signing == ("165964686216",)
        return
    with pytest.raises(SettingsInvalid, match=said):
        chosen.door_secrets("pay")


def test_without_the_merchants_secret_nothing_starts(sqlite_url: str) -> None:
    with pytest.raises(SettingsInvalid, match="BILLHOOK_DOOR_PAY_SIGNING"):
        settings_of(sqlite_url, sources=SOURCES).door_secrets("pay")
