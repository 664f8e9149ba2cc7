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
from workers.console.second import First, Verdict, decide, takes_two
from workers.console.settings import Limits
from workers.ids import new_id

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ANNA, BEN = Person("console:anna", "approver"), Person("console:ben", "approver")
ABOVE = Limits(above=Decimal(100))


@pytest.fixture
def effect(store: Database, made: Made) -> sa.RowMapping:
    with store.read() as connection:
        row = ledger.load(connection, made.effect)
    assert row is not None
    return row


def first(effect: sa.RowMapping, by: str = "console:anna") -> First:
    return First(by=by, at=AT, bound=ledger.bound_to(effect))


def test_one_is_enough_up_to_the_amount_and_where_no_amount_is_set(effect: sa.RowMapping) -> None:
    assert decide(effect, None, ANNA, limits=Limits(), at=AT) is Verdict.ENOUGH
    assert decide(effect, None, ANNA, limits=Limits(above=Decimal(119)), at=AT) is Verdict.ENOUGH
    assert decide(effect, None, ANNA, limits=Limits(above=Decimal("118.99")), at=AT) is Verdict.FIRST


def test_the_second_yes_is_another_persons(effect: sa.RowMapping) -> None:
    assert decide(effect, first(effect), BEN, limits=ABOVE, at=AT) is Verdict.ENOUGH
    assert decide(effect, first(effect), ANNA, limits=ABOVE, at=AT) is Verdict.SAME


@pytest.mark.parametrize("by", ["cli:anna", "console:ANNA", "token:anna"])
def test_one_person_by_two_ways_in_is_one(effect: sa.RowMapping, by: str) -> None:
    assert decide(effect, first(effect, by), ANNA, limits=ABOVE, at=AT) is Verdict.SAME


def test_a_programs_token_is_nobody(effect: sa.RowMapping) -> None:
    program = Person("token:backoffice", "approver")

    assert decide(effect, None, program, limits=ABOVE, at=AT) is Verdict.NOBODY
    assert decide(effect, first(effect), program, limits=ABOVE, at=AT) is Verdict.NOBODY
    assert decide(effect, None, program, limits=Limits(above=Decimal(500)), at=AT) is Verdict.ENOUGH


def test_a_first_yes_for_another_request_or_too_long_ago_does_not_count(effect: sa.RowMapping) -> None:
    kept = first(effect)

    assert decide(effect, replace(kept, bound="another"), BEN, limits=ABOVE, at=AT) is Verdict.FIRST
    assert decide(effect, kept, BEN, limits=ABOVE, at=AT + timedelta(hours=72)) is Verdict.FIRST
    assert decide(effect, kept, BEN, limits=ABOVE, at=AT + timedelta(hours=71)) is Verdict.ENOUGH


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
    assert takes_two(amount, ABOVE) is more


def test_what_is_too_much_together_takes_two_though_each_is_less(effect: sa.RowMapping) -> None:
    limits = Limits(above=Decimal(500))

    assert decide(effect, None, ANNA, limits=limits, at=AT, heavy={"EUR"}) is Verdict.FIRST
    assert decide(effect, None, ANNA, limits=limits, at=AT, heavy={"SEK"}) is Verdict.ENOUGH


def test_what_has_a_first_yes_waits_for_the_second_even_alone_and_light(effect: sa.RowMapping) -> None:
    limits = Limits(above=Decimal(500))

    assert decide(effect, first(effect), ANNA, limits=limits, at=AT) is Verdict.SAME
    assert decide(effect, first(effect), BEN, limits=limits, at=AT) is Verdict.ENOUGH


def test_a_yes_to_one_act_is_none_to_another(effect: sa.RowMapping) -> None:
    assert decide(effect, first(effect), BEN, limits=ABOVE, at=AT, act="did") is Verdict.FIRST


@pytest.fixture
def three(store: Database, made: Made) -> list[str]:
    """Three proposals of 119.00 EUR."""
    return [made.effect, *(another(store, made, number) for number in ("4712", "4713"))]


def another(store: Database, made: Made, number: str) -> str:
    plan = ledger.Plan(
        run_id=made.run, step=f"send {number}", workflow="auto-send", source="shop", service="invoice.sendbyemail", object_kind="invoice",
        object_id=number, customer_id="501", purpose="send", request={"INVOICE_ID": number}, amount="119.00 EUR",
    )  # fmt: skip
    id = new_id()
    store.write(lambda c: ledger.intend(c, id, plan, state="proposed", at=AT))
    return id


def weigh(
    store: Database, ids: list[str], person: Person = ANNA, *, limits: Limits, at: datetime = AT, counted: bool = True
) -> frozenset[str]:
    return store.write(lambda c: second.weigh(c, "approve", "approve", ids, person, limits=limits, at=at, counted=counted))


def test_many_weigh_by_their_sum_in_a_currency(store: Database, three: list[str]) -> None:
    assert weigh(store, three, limits=Limits(above=Decimal(356))) == {"EUR"}
    assert weigh(store, three, limits=Limits(above=Decimal(357))) == frozenset()
    assert weigh(store, three[:2], limits=Limits(above=Decimal(300))) == frozenset()


def test_what_somebody_else_said_yes_to_weighs_nothing(store: Database, three: list[str]) -> None:
    limits = Limits(above=Decimal(200))
    for id in three[:2]:
        store.write(lambda c, id=id: second.yes(c, id, ANNA, limits=limits, at=AT, heavy={"EUR"}))  # type: ignore[misc]

    assert weigh(store, three, BEN, limits=limits) == frozenset()
    assert weigh(store, three, ANNA, limits=limits) == {"EUR"}


def test_one_by_one_counts_as_the_sum_of_a_day(store: Database, three: list[str]) -> None:
    limits = Limits(a_day=Decimal(300))

    alone = [weigh(store, [id], limits=limits) for id in three]

    assert alone == [frozenset(), frozenset(), {"EUR"}]
    assert weigh(store, three[2:], BEN, limits=limits) == frozenset()
    assert weigh(store, three[2:], limits=limits, at=AT + timedelta(hours=24, minutes=59)) == {"EUR"}
    assert weigh(store, three[2:], limits=limits, at=AT + timedelta(hours=25)) == frozenset()


def test_to_look_at_the_page_counts_nothing(store: Database, three: list[str]) -> None:
    for _ in range(5):
        assert weigh(store, three[:2], limits=Limits(a_day=Decimal(300)), counted=False) == frozenset()


def test_what_was_held_is_not_counted_as_decided(store: Database, three: list[str]) -> None:
    limits = Limits(a_day=Decimal(300))
    weigh(store, three, limits=limits)

    assert weigh(store, three[:2], limits=limits) == frozenset()
