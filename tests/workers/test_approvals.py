"""Approvals: what needs a person's yes is never called without one, and a yes is for one request, one amount and a while."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.flow.test_races import at_once
from tests.workers.letters import act, completed, effect_row, slots, times
from workers import ledger
from workers.authoring import Approval, EffectExpired, InvoiceCompleted, Read, Run, effect, monsum, workflow
from workers.desk import Parked
from workers.errors import StateConflict
from workers.ledger import EffectRow
from workers.providers.service import AtMostOnce
from workers.registry import EffectDef
from workers.testing.flow import START, Flow

PAID = "invoice.setpaid"
ONCE = replace(monsum.set_paid, effect_class=AtMostOnce())
ASKED: list[Any] = []  # what when= was given


def large(policy: Any, invoice: Any, request: Any) -> Any:
    ASKED.append((invoice.id, request.invoice_id))
    return invoice.total.amount > 100


def paying(approval: Approval | None) -> EffectDef:
    return effect(monsum.set_paid, slot=slots("pay"), fresh=Read(monsum.invoice, must=completed), approval=approval)


LARGE = Approval(when=large, life=timedelta(hours=2), why="above_100")
CHOSEN: list[EffectDef] = [paying(LARGE)]


@pytest.fixture(autouse=True)
def shipped() -> Iterator[None]:
    yield
    CHOSEN[:] = [paying(LARGE)]


@workflow("t-approved", on=InvoiceCompleted)
def approved(run: Run, event: InvoiceCompleted) -> None:
    for round in count(1):
        invoice = run.read(f"invoice {round}", monsum.invoice, event.invoice_id)
        try:
            run.effect(f"pay {round}", CHOSEN[0], invoice)
            return
        except EffectExpired:
            run.sleep_until(run.now() + timedelta(minutes=1), f"pause {round}")


def large_one(flow: Flow) -> str:
    """The id of the effect for an invoice that needs a yes."""
    flow.trigger("invoice.completed", total="119.00")
    return str(effect_row(flow)["id"])


@pytest.mark.parametrize(("total", "ended"), [("50.00", ("done", None)), ("119.00", ("proposed", "above_100"))])
def test_in_mode_auto_only_what_needs_a_yes_waits_for_one_and_says_why(total: str, ended: Any) -> None:
    with Flow(approved) as flow:
        ids = flow.trigger("invoice.completed", total=total)
        flow.advance(days=9)

        assert act(flow) == ended
        assert times(flow, PAID) == (1 if ended[0] == "done" else 0)
        assert ASKED[-1] == (ids["invoice_id"], ids["invoice_id"])


def test_an_approved_one_is_carried_out_once() -> None:
    with Flow(approved) as flow:
        flow.order("approve", large_one(flow), actor="ada")
        flow.advance(minutes=1)

        assert act(flow) == ("done", None)
        assert (times(flow, PAID), effect_row(flow)["approved_by"]) == (1, "ada")


def test_a_yes_ends_after_the_authors_life_and_the_workflow_plans_again() -> None:
    with Flow(approved) as flow:
        first = large_one(flow)
        flow.sandbox.faults.add("unavailable", "invoice.get", times=100_000)
        flow.order("approve", first)
        assert effect_row(flow)["valid_until"] == START + timedelta(hours=2)
        flow.advance(hours=3)
        flow.sandbox.faults.clear()
        flow.advance(hours=1)

        assert [(step, state) for step, _, state, _ in flow.effects] == [("pay 1", "expired"), ("pay 2", "proposed")]
        assert times(flow, PAID) == 0


def intended(flow: Flow) -> str:
    """An effect that was intended without a yes and could not be called yet; its id."""
    CHOSEN[:] = [paying(None)]
    flow.sandbox.faults.add("refuse", PAID, times=99)
    id = large_one(flow)
    assert effect_row(flow)["state"] == "intended"
    flow.sandbox.faults.clear()
    return id


def test_an_effect_that_has_come_to_need_a_yes_goes_back_to_proposed_and_is_not_called() -> None:
    with Flow(approved) as flow:
        id = intended(flow)
        CHOSEN[:] = [paying(LARGE)]
        flow.advance(hours=1)
        before = (act(flow), times(flow, PAID))
        flow.order("approve", id)
        flow.advance(minutes=1)

        assert before == (("proposed", "above_100"), 0)
        assert (act(flow)[0], times(flow, PAID)) == ("done", 1)


@pytest.mark.parametrize(
    ("changed", "ended"),
    [
        ({"amount": "9999.00 EUR"}, ("proposed", "above_100")),
        ({"request": {"invoice_id": "1", "paid_date": None}}, ("cancelled", "request_changed")),
        ({"approved_for": "0" * 64}, ("proposed", "above_100")),
    ],
)
def test_a_yes_is_for_the_very_request_and_amount_and_nothing_else(changed: dict[str, Any], ended: Any) -> None:
    with Flow(approved) as flow:
        id = large_one(flow)
        flow.sandbox.faults.add("refuse", PAID, times=99)
        flow.order("approve", id)
        table = table_of(EffectRow)
        flow.db.write(lambda c: c.execute(sa.update(table).values(**changed)))
        flow.sandbox.faults.clear()
        flow.advance(hours=1)

        assert (act(flow), times(flow, PAID)) == (ended, 0)


def test_a_yes_that_ends_between_the_read_and_the_call_calls_nothing() -> None:
    with Flow(approved) as flow:
        id = large_one(flow)
        flow.runtime.point = lambda name: flow.clock.pass_(timedelta(seconds=30)) if name == "read" else None
        flow.db.write(lambda c: c.execute(sa.update(table_of(EffectRow)).values(valid_until=START + timedelta(seconds=20))))
        flow.order("approve", id)
        flow.settle()

        assert flow.effects[0][2] == "expired"
        assert times(flow, PAID) == 0


def test_a_yes_that_comes_too_late_is_refused(later: timedelta = timedelta(hours=1)) -> None:
    with Flow(approved) as flow:
        id = large_one(flow)
        flow.db.write(lambda c: c.execute(sa.update(table_of(EffectRow)).values(valid_until=START + later)))
        flow.clock.pass_(later)
        answer = flow.order("approve", id)

        assert answer.startswith("refused: It went out of date before it was approved")
        assert times(flow, PAID) == 0


def test_a_yes_is_for_one_call_of_what_may_happen_only_once() -> None:
    """A lost answer that nobody can look up is put before a person, and what is planned after it needs a yes of its own."""
    CHOSEN[:] = [effect(ONCE, slot=slots("pay"), fresh=Read(monsum.invoice, must=completed), approval=LARGE)]
    with Flow(approved) as flow:
        first = large_one(flow)
        flow.sandbox.faults.add("drop", PAID)
        flow.order("approve", first)
        flow.advance(hours=5)
        assert act(flow)[0] == "unknown"

        flow.order("resolve", first, did=False)
        flow.trigger("invoice.completed", total="120.00")
        flow.advance(hours=1)

        assert [state for _, _, state, _ in flow.effects] == ["cancelled", "proposed"]
        assert times(flow, PAID) == 1


def test_a_yes_and_its_end_at_once_come_to_one_of_the_two(postgres_database: Database) -> None:
    with Flow(approved, database=postgres_database) as flow:
        id = large_one(flow)
        now = flow.clock.now

        def moved(after: str) -> bool:
            try:
                flow.db.write(lambda c: ledger.move(c, id, after, since=["proposed"], at=now))
            except StateConflict:
                return False
            return True

        said = at_once(lambda: moved("approved"), lambda: moved("expired"))

        assert sorted(said) == [False, True]
        assert effect_row(flow)["state"] == ("approved" if said[0] else "expired")


def test_mode_propose_says_that_it_is_the_mode() -> None:
    with Flow(approved, mode="propose") as flow:
        flow.trigger("invoice.completed", total="50.00")

        assert act(flow) == ("proposed", "mode_propose")


def test_in_propose_the_authors_reason_comes_first() -> None:
    with Flow(approved, mode="propose") as flow:
        large_one(flow)

        assert act(flow) == ("proposed", "above_100")


def test_a_question_without_a_plain_answer_is_the_authors_mistake() -> None:
    CHOSEN[:] = [paying(replace(LARGE, when=lambda policy, invoice, request: None))]  # type: ignore[arg-type,return-value]
    with Flow(approved) as flow:
        flow.trigger("invoice.completed")

        (item,) = flow.rows(sa.select(table_of(Parked)))
        assert 'when= of the approval of effect "pay 1" (invoice.setpaid) gives neither True nor False' in item["reason"]
        assert item["detail"]["file"].endswith("test_approvals.py")
        assert flow.effects == []


@pytest.mark.parametrize("name", ["intended", "suspending", "suspended", "read", "calling"])
def test_a_worker_lost_before_the_call_calls_nothing_without_a_yes(name: str) -> None:
    class Crash(BaseException):
        """The worker is gone."""

    def point(passed: str) -> None:
        if passed == name:
            flow.runtime.point = lambda name: None
            raise Crash

    with Flow(approved) as flow:
        flow.runtime.point = point
        ids = flow.sandbox.trigger("invoice.completed", {"total": "119.00"})
        for notification in flow.sandbox.drain():
            survive(flow, lambda body=notification.body: flow.deliver(body))  # type: ignore[misc]
        flow.advance(minutes=5)
        assert (act(flow)[0], times(flow, PAID)) == ("proposed", 0)

        survive(flow, lambda: flow.order("approve", str(effect_row(flow)["id"])))
        flow.advance(minutes=5)

        assert ids and times(flow, PAID) == 1


def survive(flow: Flow, do: Any) -> None:
    try:
        do()
    except BaseException as crash:
        if type(crash).__name__ != "Crash":
            raise
        flow.clock.pass_(timedelta(seconds=31))
        flow.settle()
