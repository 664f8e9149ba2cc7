"""Operators' orders: carried out once, kept with who gave them, refused where things are no longer so."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import table_of
from tests.workers.letters import act, completed, effect_row, mail, times, valid
from tests.workers.routed import events, noting, outcome
from tests.workers.test_breaker import open_breaker
from workers import control, desk, operator
from workers.authoring import InvoiceCompleted, Read, Run, Slot, effect, monsum, workflow
from workers.control import Audit
from workers.desk import Parked, Task
from workers.ledger import EffectRow
from workers.operator import APPROVAL_LIFE, Order
from workers.registry import Registry
from workers.runs import RunRow
from workers.testing.flow import START, Flow


def test_one_form_pressed_twice_is_one_order() -> None:
    with Flow(mail, mode="propose") as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        order = Order(act="approve", subject=effect_row(flow)["id"], actor="ada")
        for _ in range(2):
            arrival = operator.order_arrival(order, source="shop", at=flow.clock.now, id="form-1")
            flow.db.write(lambda c, arrival=arrival: inbox.append(c, arrival))  # type: ignore[misc]
        flow.settle()

        assert act(flow) == ("done", None)
        assert len(flow.rows(sa.select(table_of(Audit)))) == 1


def test_an_order_says_in_the_inbox_who_gave_it() -> None:
    with Flow(mail) as flow:
        flow.order("retry", "nothing", actor="ada")

        rows = flow.rows(sa.select(table_of(inbox.Delivery).c.actor, table_of(inbox.Delivery).c.outcome))
        assert [(row["actor"], row["outcome"]) for row in rows if row["actor"]] == [("ada", "refused")]


@pytest.mark.parametrize("act_name", ["approve", "reject", "resolve", "resend", "retry", "close", "replay"])
def test_an_order_about_nothing_is_refused(act_name: str) -> None:
    with Flow(mail) as flow:
        assert flow.order(act_name, "nothing", did=True, reason="x").startswith("refused")


@pytest.mark.parametrize(("chosen", "ends"), [(mail, START + timedelta(minutes=6) + APPROVAL_LIFE), (valid, START + timedelta(hours=1))])
def test_an_approval_lives_no_longer_than_its_life_nor_than_the_request(chosen: Any, ends: datetime) -> None:
    with Flow(chosen, mode="propose") as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.sandbox.faults.add("unavailable", "invoice.get", times=1000)
        flow.order("approve", effect_row(flow)["id"])

        assert effect_row(flow)["valid_until"] == ends


def test_resolve_wants_to_know_whether_it_happened_and_keeps_when() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", "invoice.sendbyemail")
        flow.advance(minutes=6)
        id = effect_row(flow)["id"]
        assert flow.order("resolve", id).startswith("refused")
        flow.advance(days=2)
        for slip in ("2006-11-20", "2026-11-19", "2026-11-23", "2062-11-20T00:00:00+00:00"):
            assert flow.order("resolve", id, did=True, on=slip).startswith("refused: It was called for on 2026-11-20")

        flow.order("resolve", id, did=True, on="2026-11-21")

        assert effect_row(flow)["settled_at"] == START.replace(hour=23), "the day began in Berlin"


def test_what_was_resolved_as_done_on_the_day_of_its_call_did_not_happen_before_it() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", "invoice.sendbyemail")
        flow.advance(minutes=6)

        flow.order("resolve", effect_row(flow)["id"], did=True, on="2026-11-20")

        row = effect_row(flow)
        assert (row["state"], row["settled_at"]) == ("done", row["calling_at"])


def test_an_effect_that_was_resolved_as_not_done_may_be_planned_again() -> None:
    with Flow(mail, noting) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("error-before", "invoice.sendbyemail")
        flow.advance(minutes=6)
        flow.order("resolve", effect_row(flow)["id"], did=False)
        (completed,) = events(flow, "invoice.completed")

        flow.order("replay", str(completed["id"]), workflow="t-mail")
        flow.advance(minutes=6)

        assert times(flow, "invoice.sendbyemail") == 1


def test_a_replayed_event_does_nothing_twice() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        (completed,) = events(flow, "invoice.completed")

        flow.order("replay", str(completed["id"]))
        flow.advance(minutes=6)

        assert [run[2] for run in flow.runs] == ["done", "done"]
        assert times(flow, "invoice.sendbyemail") == 1


def test_an_unknown_number_to_replay_is_refused() -> None:
    with Flow(mail) as flow:
        assert flow.order("replay", "4711").startswith("refused")


@pytest.mark.parametrize("number", ["9" * 20, "²"])
@pytest.mark.parametrize("act_name", ["replay", "retry", "close"])
def test_a_number_no_row_can_have_is_refused(act_name: str, number: str) -> None:
    with Flow(mail) as flow:
        said = flow.order(act_name, f"delivery:{number}" if act_name == "retry" else number, reason="x")

    assert said.startswith("refused") and "billhook " in said


def test_what_an_order_came_to_stands_on_its_delivery() -> None:
    with Flow(mail) as flow:
        arrival = operator.order_arrival(Order(act="close", subject="99"), source="shop", at=START)
        kept = flow.db.write(lambda c: inbox.append(c, arrival))
        flow.settle()

        assert outcome(flow, kept.delivery_id)[0] == "refused"
        assert "billhook parked" in outcome(flow, kept.delivery_id)[1]


def rejected_login(flow: Flow) -> str:
    """A run parked because the provider rejected its request; its id."""
    flow.sandbox.faults.add("login", "invoice.sendbyemail")
    flow.trigger("invoice.completed")
    flow.advance(minutes=6)
    assert flow.runs[0][2] == "parked"
    return str(effect_row(flow)["run_id"])


def test_a_rejected_request_is_planned_anew_when_its_run_is_retried() -> None:
    with Flow(mail) as flow:
        run_id = rejected_login(flow)

        assert flow.order("retry", run_id, reason="the password is right again") == "events: retried"

        assert [(step, state) for step, _, state, _ in flow.effects] == [("act", "rejected"), ("act", "done")]
        assert flow.runs[0][2] == "done"
        assert [call for call, _ in flow.calls] == ["invoice.sendbyemail"]
        assert open_items(flow) == []


def test_a_retried_run_that_is_rejected_again_is_parked_again() -> None:
    with Flow(mail) as flow:
        run_id = rejected_login(flow)
        flow.sandbox.faults.add("login", "invoice.sendbyemail")
        flow.order("retry", run_id)

        assert [state for _, _, state, _ in flow.effects] == ["rejected", "rejected"]
        assert open_items(flow) == [("rejected", f"run:{run_id}")]


@workflow("t-asking", on=InvoiceCompleted)
def asking(run: Run, event: InvoiceCompleted) -> None:
    """Puts a question before a person, and then fails."""
    run.park("which address", "address_unclear")
    raise RuntimeError


def test_a_retry_answers_no_question_the_workflow_asked() -> None:
    with Flow(asking) as flow:
        flow.trigger("invoice.completed")
        flow.advance(hours=2)
        assert sorted(kind for kind, _ in open_items(flow)) == ["address_unclear", "failed"]
        (run_id,) = [subject.partition(":")[2] for kind, subject in open_items(flow) if kind == "failed"]

        flow.order("retry", run_id)

        assert "address_unclear" in [kind for kind, _ in open_items(flow)]


def open_items(flow: Flow) -> list[tuple[str, str]]:
    table = table_of(Parked)
    return [(row["kind"], row["subject"]) for row in flow.rows(sa.select(table).where(table.c.closed_at.is_(None)))]


def test_an_alert_and_a_task_are_closed_by_their_ids_once() -> None:
    with Flow(mail) as flow:
        flow.db.write(lambda c: desk.alert(c, source="*", subject="ledger", reason="restored", at=START))
        flow.db.write(lambda c: desk.task(c, run_id="r", name="n", source="shop", reason="call the customer", at=START))

        assert [flow.order("close", subject, actor="ada") for subject in ("alert:1", "task:1")] == ["events: closed"] * 2
        assert flow.order("close", "alert:1").startswith("refused: There is no open alert 1")
        (task,) = flow.rows(sa.select(table_of(Task)))
        assert (task["actor"], task["closed_at"] is None) == ("ada", False)


def test_a_run_put_off_by_an_outage_is_tried_at_once_when_a_person_says_so() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("refuse", "invoice.sendbyemail", times=9)
        flow.advance(minutes=5)
        assert effect_row(flow)["wake_at"] is not None
        flow.sandbox.faults.clear()

        assert flow.order("retry", effect_row(flow)["run_id"]) == "events: tried again now"
        assert act(flow) == ("done", None)


def opened(flow: Flow) -> str:
    """The id of a run that a breaker holds for a quarter of an hour."""
    flow.trigger("invoice.completed")
    flow.advance(minutes=4, seconds=50)
    flow.db.write(lambda c: open_breaker(c, 8, at=flow.clock.now))
    flow.advance(seconds=20)
    assert flow.runs[0][3] == "breaker_open"
    return str(effect_row(flow)["run_id"])


def test_a_retry_at_an_open_breaker_is_the_call_that_tries() -> None:
    with Flow(mail) as flow:
        run_id = opened(flow)

        assert "breaker of shop is open; this run is let through" in flow.order("retry", run_id)
        assert act(flow) == ("done", None)


def test_the_alert_of_a_breaker_is_not_closed_before_the_breaker() -> None:
    with Flow(mail) as flow:
        run_id = opened(flow)

        assert flow.order("close", "alert:1").startswith("refused: The breaker of shop is open")
        flow.order("retry", run_id)
        assert flow.order("close", "alert:1").startswith("refused: There is no open alert 1")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("freeze", "Every effect is frozen (stock take): `billhook unfreeze`"),
        ("pause:shop:*", "It is paused (stock take): `billhook resume --source shop`"),
        ("pause:*:t-mail", "It is paused (stock take): `billhook resume --workflow t-mail`"),
    ],
)
def test_a_retry_of_what_a_person_holds_is_refused_with_what_releases_it(name: str, says: str) -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.db.write(lambda c: control.put(c, name, {"reason": "stock take"}, at=flow.clock.now))
        flow.advance(minutes=6)

        assert flow.order("retry", effect_row(flow)["run_id"]).startswith(f"refused: {says}")


def test_a_run_that_waits_for_its_time_is_not_retried_and_the_answer_says_what_helps() -> None:
    with Flow(mail) as flow:
        ids = flow.trigger("invoice.completed")
        (run,) = flow.rows(sa.select(table_of(RunRow)))

        said = flow.order("retry", run["id"])

        assert said.startswith("refused: It waits for an event or an instant")
        assert f"billhook signal look.again --set invoice_id={ids['invoice_id']}" in said


LEVEL = effect(
    monsum.send_by_email,
    slot=lambda invoice, subject, **_: [Slot(invoice.source, invoice.id, "remind", subject)],
    fresh=Read(monsum.invoice, must=completed),
)


@workflow("t-levels", on=InvoiceCompleted)
def levels(run: Run, event: InvoiceCompleted) -> None:
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    for level in ("1", "2", "3"):
        run.effect(f"level {level}", LEVEL, invoice, recipient="max@example.com", subject=level, message="Bitte.")


@pytest.mark.parametrize("level", ["1", "2", "3"])
def test_a_resend_of_one_level_does_no_other_level_again(level: str) -> None:
    with Flow(levels) as flow:
        flow.trigger("invoice.completed")
        (row,) = flow.rows(sa.select(table_of(EffectRow).c.id).where(table_of(EffectRow).c.step == f"level {level}"))
        flow.order("resend", row["id"], reason="it was lost")
        flow.advance(minutes=1)

        assert sorted(step for step, _, _, _ in flow.effects) == sorted(["level 1", "level 2", "level 3", f"level {level}"])
        assert times(flow, "invoice.sendbyemail") == 4


@workflow("t-breaks", on=InvoiceCompleted, key=lambda event: "all")
def breaks(run: Run, event: InvoiceCompleted) -> None:
    raise RuntimeError


def test_a_trigger_behind_a_closed_run_whose_workflow_is_gone_is_put_before_a_person() -> None:
    with Flow(breaks) as flow:
        flow.trigger("invoice.completed")
        flow.advance(hours=3)
        flow.trigger("invoice.completed")
        flow.runtime = replace(flow.runtime, registry=Registry())
        (item,) = flow.rows(sa.select(table_of(Parked)))
        flow.order("close", str(item["id"]), reason="no longer used")

        (told,) = flow.rows(sa.select(table_of(Parked)).where(table_of(Parked).c.closed_at.is_(None)))
        assert "does not know that workflow" in told["reason"]
        assert "billhook replay" in told["reason"]
