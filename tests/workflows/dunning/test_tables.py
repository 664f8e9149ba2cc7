"""What dunning remembers of what is owed: one span for each amount, however many invoices are looked at together."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from receiver.db import Database
from tests.workflows.dunning.cases import day
from workflows.dunning import tables
from workflows.dunning.balance import Seen


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_the_same_amount_lengthens_its_span_and_another_begins_a_new_one(
    database: Database, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(tables, "AT_ONCE", at_once)
    first, second = (dict(zip("ABC", map(Decimal, amounts), strict=True)) for amounts in (("10", "20", "30"), ("10.00", "5", "30")))

    database.write(lambda c: tables.see(c, "shop", first, on=day("2026-03-01"), same_on=day("2026-03-01")))
    database.write(lambda c: tables.see(c, "shop", second, on=day("2026-03-04"), same_on=day("2026-03-03")))
    database.write(lambda c: tables.see(c, "shop", {"C": Decimal(30)}, on=day("2026-03-05"), same_on=day("2026-03-02")))

    with database.read() as connection:
        found = {id: tables.seen_of(connection, "shop", id) for id in "ABC"}
    assert found == {
        "A": [Seen(day("2026-03-01"), Decimal(10)), Seen(day("2026-03-03"), Decimal(10))],
        "B": [Seen(day("2026-03-01"), Decimal(20)), Seen(day("2026-03-04"), Decimal(5))],
        "C": [Seen(day("2026-03-01"), Decimal(30)), Seen(day("2026-03-03"), Decimal(30))],
    }


@pytest.mark.parametrize(("state", "written"), [(tables.RESTING, False), (tables.STOPPED, True), (tables.FOREIGN, True)])
def test_a_ladder_that_stops_once_more_did_so_at_another_instant_and_one_that_rests_on_did_not(
    database: Database, state: str, written: bool
) -> None:
    first = datetime(2026, 4, 7, 7, tzinfo=UTC)
    said = {"customer_id": "501", "currency": "EUR", "state": state, "reason": "disputed"}

    for at in (first, first + timedelta(days=1)):
        database.write(lambda c, at=at: tables.put_ladder(c, "shop", "A", at=at, **said))  # type: ignore[misc]

    with database.read() as connection:
        row = tables.ladder_of(connection, "shop", "A")
    assert row is not None
    assert (row["changed_at"] > first) is written
