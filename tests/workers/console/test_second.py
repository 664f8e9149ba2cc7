"""The rule of two people."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.console.conftest import Made
from workers import control, ledger
from workers.console import second
from workers.console.roles import Person
from workers.console.second import First, Verdict, decide, is_more

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ANNA, BEN = Person("console:anna", "approver"), Person("console:ben", "approver")
ABOVE = Decimal(100)


@pytest.fixture
def effect(store: Database, made: Made) -> sa.RowMapping:
    with store.read() as connection:
        row = ledger.load(connection, made.effect)
    assert row is not None
    return row


def first(effect: sa.RowMapping, by: str = "console:anna") -> First:
    return First(by=by, at=AT, bound=ledger.bound_to(effect))


def test_one_is_enough_up_to_the_amount_and_where_no_amount_is_set(effect: sa.RowMapping) -> None:
    assert decide(effect, None, ANNA, above=None, at=AT) is Verdict.ENOUGH
    assert decide(effect, None, ANNA, above=Decimal(119), at=AT) is Verdict.ENOUGH
    assert decide(effect, None, ANNA, above=Decimal("118.99"), at=AT) is Verdict.FIRST


def test_the_second_yes_is_another_persons(effect: sa.RowMapping) -> None:
    assert decide(effect, first(effect), BEN, above=ABOVE, at=AT) is Verdict.ENOUGH
    assert decide(effect, first(effect), ANNA, above=ABOVE, at=AT) is Verdict.SAME


@pytest.mark.parametrize("by", ["cli:anna", "console:ANNA", "token:anna"])
def test_one_person_by_two_ways_in_is_one(effect: sa.RowMapping, by: str) -> None:
    assert decide(effect, first(effect, by), ANNA, above=ABOVE, at=AT) is Verdict.SAME


def test_a_programs_token_is_nobody(effect: sa.RowMapping) -> None:
    program = Person("token:backoffice", "approver")

    assert decide(effect, None, program, above=ABOVE, at=AT) is Verdict.NOBODY
    assert decide(effect, first(effect), program, above=ABOVE, at=AT) is Verdict.NOBODY
    assert decide(effect, None, program, above=Decimal(500), at=AT) is Verdict.ENOUGH


def test_a_first_yes_for_another_request_or_too_long_ago_does_not_count(effect: sa.RowMapping) -> None:
    kept = first(effect)

    assert decide(effect, replace(kept, bound="another"), BEN, above=ABOVE, at=AT) is Verdict.FIRST
    assert decide(effect, kept, BEN, above=ABOVE, at=AT + timedelta(hours=72)) is Verdict.FIRST
    assert decide(effect, kept, BEN, above=ABOVE, at=AT + timedelta(hours=71)) is Verdict.ENOUGH


def test_the_first_yes_is_kept_audited_and_forgotten(store: Database, effect: sa.RowMapping) -> None:
    store.write(lambda c: second.keep_first(c, effect, ANNA, at=AT, reason="checked"))

    with store.read() as connection:
        assert second.first_of(connection, effect["id"]) == first(effect)
        audit = connection.execute(sa.select(table_of(control.Audit))).mappings().one()
    assert (audit["act"], audit["actor"], audit["subject"], audit["reason"]) == ("approve.first", ANNA.name, effect["id"], "checked")

    store.write(lambda c: second.forget(c, effect["id"], at=AT))
    with store.read() as connection:
        assert second.first_of(connection, effect["id"]) is None


@pytest.mark.parametrize(
    ("amount", "more"), [("100.00 EUR", False), ("100.01 SEK", True), ("-100.01 EUR", True), (None, False), ("many EUR", True), ("", True)]
)
def test_an_amount_that_cannot_be_read_is_more_and_none_is_not(amount: str | None, more: bool) -> None:
    assert is_more(amount, ABOVE) is more
