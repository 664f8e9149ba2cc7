"""What dunning remembers of what is owed: one span for each amount, however many invoices are looked at together."""

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
