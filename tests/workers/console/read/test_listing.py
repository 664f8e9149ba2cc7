"""Lists: every row once, over pages; what an index finds and what is looked for; and an end to looking."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import Database, table_of
from workers.console.read import listing
from workers.console.read.listing import LISTINGS, page
from workers.errors import FilterInvalid
from workers.ids import CLOCK_DIGITS
from workers.ledger import EffectRow
from workers.runs import RunRow
from workers.views import newest_before

START = datetime(2026, 11, 1, tzinfo=UTC)


def deliver(connection: Connection, count: int, *, source: str = "shop", first: int = 0, word: str = "") -> None:
    rows = [
        {
            "source": source, "origin": "push", "native_type": "invoice.created", "native_id": str(number), "body_hash": "", "headers": "",
            "received_at": START + timedelta(minutes=number), "body": f'{{"number": "{word}{number}"}}'.encode(),
        }
        for number in range(first, first + count)
    ]  # fmt: skip
    connection.execute(sa.insert(table_of(inbox.Delivery)), rows)


def run(connection: Connection, number: int, **other: Any) -> None:
    values = {
        "id": f"{number:0{CLOCK_DIGITS}x}000000000", "source": "shop", "workflow": "auto-send", "key": str(number), "trigger_id": number,
        "status": "done", "mode": "auto", "started_at": START + timedelta(minutes=number), "pending_seq": 0, "fence": 0, "takeovers": 0,
    }  # fmt: skip
    columns = {column.name for column in table_of(RunRow).c}
    connection.execute(sa.insert(table_of(RunRow)).values({key: value for key, value in {**values, **other}.items() if key in columns}))


def numbers(found: listing.Page) -> list[str]:
    return [row["native_id"] for row in found.rows]


def look(database: Database, name: str, *, older: str | None = None, limit: int = 50, **wanted: str) -> listing.Page:
    with database.read() as connection:
        return page(connection, LISTINGS[name], wanted, sources=["shop", "other"], older=older, limit=limit)


def test_pages_show_every_row_once_newest_first(database: Database) -> None:
    database.write(lambda c: deliver(c, 7))

    first = look(database, "deliveries", limit=3)
    second = look(database, "deliveries", limit=3, older=first.older)
    third = look(database, "deliveries", limit=3, older=second.older)

    assert [*numbers(first), *numbers(second), *numbers(third)] == ["6", "5", "4", "3", "2", "1", "0"]
    assert third.older is None


def test_rows_that_come_while_one_reads_move_no_page(database: Database) -> None:
    database.write(lambda c: deliver(c, 4))
    first = look(database, "deliveries", limit=2)

    database.write(lambda c: deliver(c, 3, first=10))

    assert numbers(look(database, "deliveries", limit=2, older=first.older)) == ["1", "0"]


def test_a_text_is_found_in_the_bytes_of_a_body(database: Database) -> None:
    database.write(lambda c: deliver(c, 2, word="käse-"))
    database.write(lambda c: deliver(c, 2, first=5))

    assert numbers(look(database, "deliveries", text="käse-1")) == ["1"]
    assert numbers(look(database, "deliveries", text="%")) == []


def test_looking_ends_and_says_how_far_it_came(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SCAN", 3)
    database.write(lambda c: deliver(c, 7))

    first = look(database, "deliveries", text='"1"')
    second = look(database, "deliveries", text='"1"', older=first.older)

    assert (numbers(first), first.looked_to) == ([], START + timedelta(minutes=4))
    assert numbers(second) == ["1"]


def test_an_object_is_found_however_far_back(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SCAN", 2)
    database.write(lambda c: [run(c, number, customer_id="501" if number == 1 else "7") for number in range(1, 9)])

    found = look(database, "runs", customer="501", state="done")

    assert [row["key"] for row in found.rows] == ["1"]
    assert (found.older, found.looked_to) == (None, None)


def test_what_is_parked_is_found_however_far_back_and_in_order(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SCAN", 2)

    def live(connection: Connection) -> None:
        for number in range(9):
            run(connection, number, status="parked" if number < 3 else "done")

    database.write(live)

    first = look(database, "runs", state="parked", limit=2)
    second = look(database, "runs", state="parked", limit=2, older=first.older)
    narrowed = look(database, "runs", state="parked", workflow="other")

    assert [row["key"] for row in (*first.rows, *second.rows)] == ["2", "1", "0"]
    assert (first.looked_to, second.older, narrowed.rows) == (None, None, [])


@pytest.mark.parametrize(("name", "state", "index"), [("runs", "parked", "run_due"), ("effects", "proposed", "effect_state")])
def test_a_state_that_few_are_in_is_asked_of_its_index(sqlite_database: Database, name: str, state: str, index: str) -> None:
    asked: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, values: Any, *_others: Any) -> None:
        asked.append((statement, values))

    sqlite_database.write(lambda c: [run(c, number) for number in range(50)])
    sqlite_database.write(lambda c: c.exec_driver_sql("ANALYZE"))

    with sqlite_database.read() as connection:
        sa.event.listen(connection, "before_cursor_execute", keep)
        page(connection, LISTINGS[name], {"state": state}, sources=["shop"])
        sa.event.remove(connection, "before_cursor_execute", keep)
        plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()) for statement, values in asked]

    assert next(plan for plan in plans if "SEARCH" in plan or "SCAN" in plan).count(f"INDEX {index} (") == 1


def test_a_row_of_a_source_that_is_not_configured_is_not_an_objects(database: Database) -> None:
    database.write(lambda c: run(c, 1, customer_id="501", source="stranger"))

    assert look(database, "runs", customer="501").rows == []


@pytest.mark.parametrize(
    ("until", "expected"), [("2026-11-01T00:03", ["2", "1", "0"]), ("2026-11-01", []), ("2027-01-01", ["5", "4", "3"])]
)
def test_a_time_is_gone_to_at_once(database: Database, monkeypatch: pytest.MonkeyPatch, until: str, expected: list[str]) -> None:
    monkeypatch.setattr(listing, "SCAN", 3)
    database.write(lambda c: deliver(c, 6))

    assert numbers(look(database, "deliveries", until=until)) == expected


def test_the_newest_before_an_instant_is_found_among_ids_that_are_texts(database: Database) -> None:
    database.write(lambda c: [run(c, number) for number in (3, 5, 9)])

    with database.read() as connection:
        found = newest_before(connection, table_of(RunRow), "started_at", START + timedelta(minutes=6))
        rows = connection.execute(sa.select(table_of(RunRow).c.key).where(table_of(RunRow).c.id <= found)).scalars().all()

    assert sorted(rows) == ["3", "5"]


def effect(connection: Connection, number: int, amount: str | None) -> None:
    values = {
        "id": f"{number:0{CLOCK_DIGITS}x}000000000", "run_id": "r", "step": str(number), "workflow": "auto-send", "source": "shop",
        "service": "invoice.sendbyemail", "object_kind": "invoice", "object_id": str(number), "purpose": "send", "state": "done",
        "request": {"to": "a@example.org"}, "request_hash": "", "amount": amount, "attempts": 0, "retired": False,
        "intended_at": START, "generation": 1, "looks": 0,
    }  # fmt: skip
    columns = {column.name for column in table_of(EffectRow).c}
    connection.execute(sa.insert(table_of(EffectRow)).values({key: value for key, value in values.items() if key in columns}))


def test_effects_are_found_by_their_amount(database: Database) -> None:
    amounts = {1: "9.00 EUR", 2: "119.00 EUR", 3: "1000.00 SEK", 4: None}
    database.write(lambda c: [effect(c, number, amount) for number, amount in amounts.items()])

    def found(**wanted: str) -> list[str]:
        return sorted(row["object_id"] for row in look(database, "effects", **wanted).rows)

    assert found(least="100") == ["2", "3"]
    assert found(least="100", currency="eur") == ["2"]
    assert found(most="10") == ["1"]


@pytest.mark.parametrize(("field", "said"), [("since", "yesterday"), ("until", "21.11."), ("least", "many"), ("most", "NaN")])
def test_a_field_that_cannot_be_understood_is_named(database: Database, field: str, said: str) -> None:
    with pytest.raises(FilterInvalid, match=f"^{field}: "):
        look(database, "effects", **{field: said})


def test_a_page_is_never_longer_than_the_most(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LIMIT_MAX", 3)
    database.write(lambda c: deliver(c, 5))

    assert len(look(database, "deliveries", limit=10_000).rows) == 3
    assert len(look(database, "deliveries", limit=-1).rows) == 1


@pytest.mark.parametrize("older", ["x", "-1", "1" * 30, "' OR 1=1"])
def test_a_cursor_nobody_gave_finds_nothing(database: Database, older: str) -> None:
    database.write(lambda c: deliver(c, 2))

    assert look(database, "deliveries", older=older).rows == []
