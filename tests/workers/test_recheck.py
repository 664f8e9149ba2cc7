"""Refused requests are checked again with today's secret, and taken in once, and only what is proved."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from receiver.inbox import Delivery, RefusedRequest
from receiver.settings import Settings, load_settings
from receiver.sources.qvickly import message_hash
from workers import recheck
from workers.control import Audit
from workers.recheck import Checked

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
RIGHT, WRONG = "165964686216", "999999999999"
KINDS = {"pay": "qvickly", "mail": "standard", "shop": "monsum"}
ENVIRON = {
    "BILLHOOK_DOOR_PAY_SIGNING": RIGHT, "BILLHOOK_DOOR_PAY_PATH": "c0ffee-c0ffee-1234567890",
    "BILLHOOK_DOOR_MAIL_SIGNING": "whsec_" + "A" * 32, "BILLHOOK_DOOR_SHOP_PATH": "c0ffee-c0ffee-1234567890",
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    sources = "\n".join(f'[source.{name}]\nkind = "{kind}"\n{ALLOWED if name == "pay" else ""}' for name, kind in KINDS.items())
    (tmp_path / "billhook.toml").write_text(f'[billhook]\ndatabase = "sqlite:///x.db"\n{sources}')
    return load_settings(tmp_path / "billhook.toml", ENVIRON)


ALLOWED = 'allow_from = ["10.0.0.0/8"]'


def callback(number: str, secret: str = RIGHT, *, names: str = "number") -> bytes:
    data = {names: number, "status": "Created", "orderid": "7", "url": ""}
    text = json.dumps(data, separators=(",", ":"))
    return json.dumps({"credentials": {"hash": message_hash(secret.encode(), text)}, "data": data}).encode()


def refuse(database: Database, *bodies: bytes, **other: Any) -> None:
    rows = [
        RefusedRequest(**{
            "source": "pay", "at": AT, "status": 401, "cause": "signature", "body": body, "body_size": len(body), "peer": "10.0.0.7",
            "headers": "{}", **other,
        })
        for body in bodies
    ]  # fmt: skip
    database.write(lambda c: inbox.keep_refusals(c, rows))


def check(database: Database, settings: Settings, source: str = "pay") -> Checked:
    with database.read() as connection:
        return recheck.check(connection, settings.source(source), settings.door_secrets(source))


def take_in(database: Database, settings: Settings, *, through: int = 1_000) -> int:
    said = {"through": through, "at": AT, "actor": "cli:anna", "reason": "secret put right"}
    return database.write(lambda c: recheck.take_in(c, settings.source("pay"), settings.door_secrets("pay"), **said))  # type: ignore[arg-type]


def deliveries(database: Database) -> list[tuple[str, str, datetime, bytes]]:
    table = table_of(Delivery)
    with database.read() as connection:
        rows = connection.execute(sa.select(table.c.origin, table.c.native_id, table.c.received_at, table.c.body).order_by(table.c.id))
        return [tuple(row) for row in rows]


def test_what_another_source_refused_is_never_taken_in_for_this_one(sqlite_database: Database, settings: Settings) -> None:
    refuse(sqlite_database, callback("1"), source="shop")

    assert (check(sqlite_database, settings).verify, take_in(sqlite_database, settings)) == ([], 0)
    assert deliveries(sqlite_database) == []


def test_what_verifies_today_is_taken_in_as_it_came_then_and_once(sqlite_database: Database, settings: Settings) -> None:
    first, second = callback("1"), callback("2")
    refuse(sqlite_database, first, second, first)

    found = check(sqlite_database, settings)
    taken = [take_in(sqlite_database, settings), take_in(sqlite_database, settings)]

    assert (len(found.verify), found.here, found.why_not) == (2, 1, {})
    assert taken == [2, 0]
    assert [(origin, at, body) for origin, _, at, body in deliveries(sqlite_database)] == [("push", AT, first), ("push", AT, second)]
    assert check(sqlite_database, settings).here == 3


@pytest.mark.parametrize(
    ("body", "other", "why"),
    [
        (callback("1", WRONG), {}, recheck.STILL), (b"{}", {}, recheck.NOT_KEPT),
        (callback("1"), {"peer": "203.0.113.9"}, recheck.ELSEWHERE), (callback("1"), {"body_size": 70_000}, recheck.CUT),
        (callback("1", names="strange"), {}, recheck.STRANGE),
    ],
    ids=["another secret", "no hash", "an address that is not allowed", "cut off", "signed, and no callback"],
)  # fmt: skip
def test_a_stranger_and_what_cannot_be_proved_is_never_taken_in(
    sqlite_database: Database, settings: Settings, body: bytes, other: dict[str, Any], why: str
) -> None:
    refuse(sqlite_database, body, **other)

    found = check(sqlite_database, settings)

    assert (found.verify, found.why_not) == ([], {why: 1})
    assert take_in(sqlite_database, settings) == 0 and deliveries(sqlite_database) == []


@pytest.mark.parametrize(("source", "why"), [("mail", recheck.NOT_KEPT), ("shop", recheck.UNSIGNED)])
def test_what_was_proved_by_what_is_not_kept_says_so(sqlite_database: Database, settings: Settings, source: str, why: str) -> None:
    refuse(sqlite_database, b'{"type": "x"}', source=source)

    assert check(sqlite_database, settings, source).why_not == {why: 1}


@pytest.mark.parametrize("cause", ["credentials", "address", "too_large"])
def test_what_was_refused_before_its_signature_was_looked_at_is_not_checked(
    sqlite_database: Database, settings: Settings, cause: str
) -> None:
    refuse(sqlite_database, callback("1"), cause=cause)

    assert check(sqlite_database, settings) == Checked()
    assert take_in(sqlite_database, settings) == 0


def test_what_came_after_the_look_is_not_taken_in_with_it(sqlite_database: Database, settings: Settings) -> None:
    refuse(sqlite_database, callback("1"))
    through = check(sqlite_database, settings).through
    refuse(sqlite_database, callback("2"))

    assert take_in(sqlite_database, settings, through=through) == 1


def test_what_was_only_counted_is_told_and_so_is_who_took_in(
    sqlite_database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recheck, "CHECKED_MAX", 2)
    refuse(sqlite_database, callback("1"), callback("2"), callback("3"))
    sqlite_database.write(lambda c: inbox.count_refusals(c, {("pay", "signature"): 40}))

    found = check(sqlite_database, settings)
    take_in(sqlite_database, settings)

    with sqlite_database.read() as connection:
        audit = connection.execute(sa.select(table_of(Audit))).mappings().one()
    assert (found.uncounted, found.more, len(found.verify)) == (40, True, 2)
    assert (audit["act"], audit["actor"], audit["subject"], audit["reason"]) == ("recheck", "cli:anna", "pay", "secret put right")
    assert audit["detail"] == {"through": 1_000, "taken": 2}
