"""Budgets of effects: reserved with the intent, waited for or refused when full, and never counted in the wrong unit."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from receiver.money import Money
from tests.workers.letters import completed, effect_row, slots, times
from workers.authoring import Budget, InvoiceCompleted, Read, Run, SendStopped, amount_used, effect, monsum, workflow
from workers.budgets import BudgetRow, ReservationRow
from workers.desk import Alert, Parked
from workers.events import EventRow
from workers.ledger import SlotRow
from workers.providers.monsum_requests import SetPaid
from workers.spending import following, opens_on
from workers.testing.flow import Flow

PAID = "invoice.setpaid"


class Priced(SetPaid):
    """A request that names its amount, as a bank's does."""

    amount: Money | None = None

    def data(self) -> dict[str, Any]:
        return {name: value for name, value in super().data().items() if name != "AMOUNT"}


PRICED = replace(monsum.set_paid, request=Priced, build=lambda obj, **said: Priced(invoice_id=obj.id, **said))
AMOUNT: list[Money | None] = []
BUDGETS: list[tuple[Budget, ...]] = []


def eur(text: str) -> Money:
    return Money(Decimal(text), "EUR")


def of_customer(obj: Any, **said: Any) -> str:
    return str(obj.customer_id)


@workflow("t-priced", on=InvoiceCompleted, cancel_on=(SendStopped,))
def priced(run: Run, event: InvoiceCompleted) -> None:
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    chosen = effect(PRICED, slot=slots("pay"), fresh=Read(monsum.invoice, must=completed), budget=BUDGETS[0])
    run.effect("pay", chosen, invoice, amount=AMOUNT[0])


@pytest.fixture
def spending() -> Iterator[Callable[..., Flow]]:
    """Opens a flow whose workflow spends an amount under these budgets."""
    opened: list[Flow] = []

    def begin(*budgets: Budget, amount: Money | None = None, **said: Any) -> Flow:
        BUDGETS[:], AMOUNT[:] = [budgets], [amount]
        opened.append(Flow(priced, **said))
        return opened[-1]

    yield begin
    for flow in opened:
        flow.close()


def used(flow: Flow) -> list[tuple[date, int]]:
    table = table_of(BudgetRow)
    return [(row["window_on"], row["used"]) for row in flow.rows(sa.select(table).order_by(table.c.window_on, table.c.scope))]


def alerts(flow: Flow) -> list[str]:
    return [row["reason"] for row in flow.rows(sa.select(table_of(Alert)))]


def test_money_is_counted_in_cents_per_customer_and_month_and_the_rest_waits_for_the_next(spending: Callable[..., Flow]) -> None:
    budget = Budget("payouts", limit=lambda policy: eur("50.00"), window="month", scope=of_customer)
    flow = spending(budget, amount=eur("19.99"))
    customer = flow.trigger("invoice.completed")["customer_id"]
    for _ in range(2):
        flow.trigger("invoice.completed", customer_id=customer)
    flow.trigger("invoice.completed")
    now = (times(flow, PAID), used(flow), alerts(flow))

    flow.advance(until=datetime(2026, 11, 30, 22, 59, tzinfo=UTC))
    before = times(flow, PAID)
    flow.advance(minutes=2)

    assert now == (3, [(date(2026, 11, 1), 3998), (date(2026, 11, 1), 1999)], ["budget_full"])
    assert (before, times(flow, PAID)) == (3, 4)
    assert used(flow)[2:] == [(date(2026, 12, 1), 1999)]


def test_a_full_budget_that_cancels_ends_the_run_with_its_reason(spending: Callable[..., Flow]) -> None:
    flow = spending(Budget("twice", limit=lambda policy: 2, window="week", full="cancel"))
    for _ in range(3):
        flow.trigger("invoice.completed")

    assert sorted(str(run[3]) for run in flow.runs) == ["None", "None", "budget_full:twice"]
    assert (times(flow, PAID), used(flow), alerts(flow)) == (2, [(date(2026, 11, 16), 2)], [])


def test_what_can_never_fit_waits_for_nothing_and_people_are_told(spending: Callable[..., Flow]) -> None:
    flow = spending(Budget("small", limit=lambda policy: eur("10.00")), amount=eur("10.01"))
    flow.trigger("invoice.completed")

    assert [run[2:] for run in flow.runs] == [("skipped", "over_budget:small")]
    assert (alerts(flow), used(flow)) == (["over_budget"], [(date(2026, 11, 20), 0)])


def test_of_several_budgets_all_are_taken_or_none(spending: Callable[..., Flow]) -> None:
    wide = Budget("a-money", limit=lambda policy: eur("100.00"), window="month")
    narrow = Budget("b-count", limit=lambda policy: 1, window="day", full="cancel")
    flow = spending(narrow, wide, amount=eur("5.00"))
    for _ in range(2):
        flow.trigger("invoice.completed")

    assert used(flow) == [(date(2026, 11, 1), 500), (date(2026, 11, 20), 1)]
    assert len(flow.rows(sa.select(table_of(ReservationRow)))) == 2


def test_what_ends_without_being_done_gives_every_budget_its_part_back(spending: Callable[..., Flow]) -> None:
    money, count = Budget("money", limit=lambda policy: eur("100.00")), Budget("count", limit=lambda policy: 9, window="month")
    flow = spending(money, count, amount=eur("5.00"))
    flow.sandbox.faults.add("refuse", PAID, times=99)
    ids = flow.trigger("invoice.completed")
    held = used(flow)

    flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))

    assert effect_row(flow)["state"] == "cancelled"
    assert [units for _, units in held] == [1, 500]
    assert [units for _, units in used(flow)] == [0, 0]
    assert flow.rows(sa.select(table_of(ReservationRow))) == []


@pytest.mark.parametrize("lost", ["dropped", "finishing", "finished"])
def test_a_worker_lost_while_it_cancels_gives_back_once(spending: Callable[..., Flow], lost: str) -> None:
    class Crash(BaseException):
        """The worker is gone."""

    flow = spending(Budget("money", limit=lambda policy: eur("100.00")), amount=eur("5.00"))
    flow.trigger("invoice.completed")
    flow.sandbox.faults.add("refuse", PAID, times=99)
    ids = flow.trigger("invoice.completed")

    def point(passed: str) -> None:
        if passed == lost:
            flow.runtime.point = lambda name: None
            raise Crash

    flow.runtime.point = point
    with pytest.raises(Crash):
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))
    flow.clock.pass_(timedelta(seconds=31))
    flow.advance(minutes=5)

    assert {(run[2] == "done", run[3]) for run in flow.runs} == {(True, None), (False, "send.stopped")}
    assert used(flow) == [(date(2026, 11, 20), 500)]


def test_a_taken_slot_is_a_duplicate_however_full_the_budget_is(spending: Callable[..., Flow]) -> None:
    flow = spending(Budget("once", limit=lambda policy: 1))
    flow.trigger("invoice.completed")
    (recorded,) = flow.rows(sa.select(table_of(EventRow).c.id).where(table_of(EventRow).c.type == InvoiceCompleted.type))
    flow.order("replay", str(recorded["id"]))

    assert [(run[2], run[3]) for run in flow.runs] == [("done", None), ("done", None)]
    assert (times(flow, PAID), alerts(flow)) == (1, [])


def test_an_effect_that_was_refused_its_budget_holds_no_slot(spending: Callable[..., Flow]) -> None:
    flow = spending(Budget("none", limit=lambda policy: 0, full="cancel"))
    flow.trigger("invoice.completed")

    assert [run[3] for run in flow.runs] == ["over_budget:none"]
    assert flow.rows(sa.select(table_of(SlotRow))) == []


def test_what_a_budget_has_used_can_be_asked(spending: Callable[..., Flow]) -> None:
    budget = Budget("payouts", limit=lambda policy: eur("50.00"), window="month", scope=of_customer)
    flow = spending(budget, amount=eur("19.99"))
    customer = flow.trigger("invoice.completed")["customer_id"]

    with flow.db.read() as connection:
        asked = [
            amount_used(connection, "shop", "t-priced", budget, on=date(2026, month, 30), currency="EUR", scope=customer)
            for month in (11, 12)
        ]
    assert asked == [eur("19.99"), eur("0.00")]


def test_a_resend_counts_too(spending: Callable[..., Flow]) -> None:
    flow = spending(Budget("money", limit=lambda policy: eur("9.00"), full="cancel"), amount=eur("5.00"))
    flow.trigger("invoice.completed")
    flow.order("resend", effect_row(flow)["id"], reason="lost")

    assert sorted(str(run[3]) for run in flow.runs) == ["None", "budget_full:money"]
    assert used(flow) == [(date(2026, 11, 20), 500)]


def test_in_observe_nothing_is_taken(spending: Callable[..., Flow]) -> None:
    flow = spending(Budget("money", limit=lambda policy: eur("9.00")), amount=eur("5.00"), mode="observe")
    flow.trigger("invoice.completed")

    assert used(flow) == []


def test_an_amount_may_be_said_beside_the_request(spending: Callable[..., Flow]) -> None:
    flow = spending(Budget("totals", limit=lambda policy: eur("1000.00"), amount=lambda obj, request: obj.total))
    flow.trigger("invoice.completed", total="119.00")

    assert used(flow) == [(date(2026, 11, 20), 11900)]


@pytest.mark.parametrize(
    ("budget", "amount", "said"),
    [
        (Budget("b", limit=lambda policy: eur("9.00")), None, "has no amount with a currency: give amount="),
        (Budget("b", limit=lambda policy: eur("9.00"), amount=lambda o, r: Decimal(3)), None, "return it from amount="),  # type: ignore[arg-type,return-value]
        (Budget("b", limit=lambda policy: eur("9.00")), Money(Decimal(5), "SEK"), "its limit is in EUR and the amount in SEK"),
        (Budget("b", limit=lambda policy: eur("9.00")), eur("1.005"), "more decimal places than EUR"),
        (Budget("b", limit=lambda policy: eur("9.00")), eur("-1.00"), "the amount is below zero"),
        (Budget("b", limit=lambda policy: eur("-9.00")), eur("1.00"), "its limit is below zero: return 0"),
        (Budget("b", limit=lambda policy: -1), None, "its limit is below zero: return 0"),
        (Budget("b", limit=lambda policy: 2.5), None, "limit= gives neither an int nor Money"),  # type: ignore[arg-type,return-value]
        (Budget("b", limit=lambda policy: True), None, "limit= gives neither"),
        (Budget("b", limit=lambda policy: 5, scope=lambda obj, **said: None), None, "scope= gives no text"),  # type: ignore[arg-type,return-value]
        (Budget("b", limit=lambda policy: 5, scope=lambda obj, **said: "x" * 257), None, "scope= gives no text"),
        (Budget("b", limit=lambda policy: 5, scope=lambda obj: "x"), None, 'scope= of budget "b"'),
    ],
)
def test_what_cannot_be_counted_is_named_with_budget_step_and_file(
    budget: Budget, amount: Money | None, said: str, spending: Callable[..., Flow]
) -> None:
    flow = spending(budget, amount=amount)
    flow.trigger("invoice.completed")

    (item,) = flow.rows(sa.select(table_of(Parked)))
    assert (item["kind"], said in item["reason"], 'effect "pay" (invoice.setpaid)' in item["reason"]) == ("failed", True, True), item
    assert item["detail"]["file"].endswith("test_spending.py")
    assert (flow.effects, used(flow)) == ([], [])


def test_a_worker_lost_at_any_point_leaves_the_budget_as_the_effect_is(spending: Callable[..., Flow]) -> None:
    class Crash(BaseException):
        """The worker is gone."""

    for name in ("intended", "read", "calling", "called", "settled"):
        flow = spending(Budget("money", limit=lambda policy: eur("9.00")), amount=eur("5.00"))

        def point(passed: str, name: str = name, flow: Flow = flow) -> None:
            if passed == name:
                flow.runtime.point = lambda name: None
                raise Crash

        flow.runtime.point = point
        with pytest.raises(Crash):
            flow.trigger("invoice.completed")
        flow.clock.pass_(timedelta(seconds=31))
        flow.notify()
        flow.advance(minutes=5)

        assert (times(flow, PAID), used(flow)) == (1, [(date(2026, 11, 20), 500)]), name


@pytest.mark.parametrize(
    ("window", "day", "first", "next_on"),
    [
        ("day", "2026-12-31", "2026-12-31", "2027-01-01"),
        ("week", "2026-11-22", "2026-11-16", "2026-11-23"),
        ("week", "2026-11-23", "2026-11-23", "2026-11-30"),
        ("month", "2026-12-31", "2026-12-01", "2027-01-01"),
        ("month", "2028-02-29", "2028-02-01", "2028-03-01"),
    ],
)
def test_a_window_begins_on_its_first_day_and_ends_before_the_next(window: Any, day: str, first: str, next_on: str) -> None:
    opened = opens_on(window, date.fromisoformat(day))

    assert (opened.isoformat(), following(window, opened).isoformat()) == (first, next_on)
