"""Effects from plan to end: slots, modes, approvals, caps, resends."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from receiver.event import Disputed, InvoiceCompleted, SendStopped
from tests.workers.letters import MAIL_UNCAPPED, act, effect_row, mail, post, times
from workers.authoring import Run, monsum, workflow
from workers.budgets import BudgetRow
from workers.control import Audit
from workers.desk import Alert
from workers.journal import JournalRow
from workers.ledger import SlotRow
from workers.testing.flow import Flow

SEND = "invoice.sendbyemail"


@workflow("t-mail-again", on=InvoiceCompleted)
def mail_again(run: Run, event: InvoiceCompleted) -> None:
    """The same letter, from another workflow."""
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.effect("once more", MAIL_UNCAPPED, invoice, recipient="a@example.com", subject="x", message="y")


def used(flow: Flow) -> list[int]:
    return [row["used"] for row in flow.rows(sa.select(table_of(BudgetRow).c.used).order_by(table_of(BudgetRow).c.window_on))]


def test_in_observe_nothing_is_called_and_what_would_have_been_is_journaled() -> None:
    with Flow(mail, mode="observe") as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        assert flow.effects == []
        assert times(flow, SEND) == 0
        journal = flow.rows(sa.select(table_of(JournalRow)).where(table_of(JournalRow).c.kind == "effect"))
        assert journal[0]["result"]["state"] == "observed"
        assert journal[0]["result"]["service"] == SEND
        assert journal[0]["result"]["request"]["recipient"]["to"] == "max@example.com"


def test_in_propose_it_waits_for_a_person() -> None:
    with Flow(mail, mode="propose") as flow:
        flow.trigger("invoice.completed")
        flow.advance(days=1)

        assert act(flow) == ("proposed", "mode_propose")
        assert times(flow, SEND) == 0


def test_what_a_block_forbids_is_not_even_proposed() -> None:
    with Flow(mail, mode="propose") as flow:
        ids = flow.trigger("invoice.completed")
        flow.signal(Disputed(source="shop", at=flow.clock.now, **ids, reason="wrong amount"))
        flow.advance(minutes=10)

        assert flow.effects == []
        assert flow.runs[0][2:] == ("skipped", "dispute")


def test_an_approved_effect_is_carried_out_and_remembers_who_approved_it() -> None:
    with Flow(mail, mode="propose") as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.order("approve", effect_row(flow)["id"], actor="ada")

        assert act(flow) == ("done", None)
        assert effect_row(flow)["approved_by"] == "ada"
        audit = flow.rows(sa.select(table_of(Audit)))
        assert [(row["act"], row["actor"]) for row in audit] == [("approve", "ada")]


def test_an_approval_ends_after_its_life_even_where_the_request_stays_valid() -> None:
    with Flow(mail, mode="propose") as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.sandbox.faults.add("unavailable", "invoice.get", times=100_000)
        flow.order("approve", effect_row(flow)["id"])
        flow.clock.pass_(timedelta(hours=71))
        flow.advance(minutes=30)
        lives = act(flow)
        flow.advance(hours=1)

        assert lives[0] == "approved"
        assert act(flow) == ("expired", "expired")
        assert times(flow, SEND) == 0


def test_a_rejected_proposal_ends_the_run_and_frees_its_slot() -> None:
    with Flow(mail, mode="propose") as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.order("reject", effect_row(flow)["id"])

        assert act(flow) == ("cancelled", "operator_rejected")
        assert flow.runs[0][2:] == ("skipped", "operator_rejected")
        assert not flow.rows(sa.select(table_of(SlotRow)))[0]["live"]


def test_a_proposal_can_be_approved_once_only() -> None:
    with Flow(mail, mode="propose") as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.order("approve", effect_row(flow)["id"])

        assert flow.order("approve", effect_row(flow)["id"]).startswith("refused")
        assert times(flow, SEND) == 1


def test_a_cancel_ends_a_proposal() -> None:
    with Flow(mail, mode="propose") as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))

        assert act(flow) == ("cancelled", "send.stopped")
        assert flow.runs[0][2] == "cancelled"


def test_a_second_workflow_on_the_same_letter_sends_nothing_again() -> None:
    with Flow(mail_again, mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        assert times(flow, SEND) == 1
        assert [
            row["result"]["state"] for row in flow.rows(sa.select(table_of(JournalRow)).where(table_of(JournalRow).c.kind == "effect"))
        ] == ["done", "duplicate"]


def test_an_exclusive_slot_is_refused_whatever_the_version_once_it_was_carried_out() -> None:
    with Flow(mail_again, mail) as flow:
        ids = flow.trigger("invoice.completed")
        flow.sandbox.trigger("invoice.changed", {**ids, "title": "Neuer Titel", "total": "200.00"})
        flow.advance(minutes=10)

        assert times(flow, SEND) == 1


def test_two_exclusive_effects_intended_in_two_versions_make_one_call() -> None:
    with Flow(mail_again, mail) as flow:
        flow.sandbox.faults.add("refuse", SEND, times=1000)
        ids = flow.trigger("invoice.completed")  # t-mail-again holds the first version's slot and cannot connect for some minutes
        flow.sandbox.trigger("invoice.changed", {"invoice_id": ids["invoice_id"], "total": "200.00"})
        flow.advance(minutes=5)
        waiting = [state for _, _, state, _ in flow.effects]
        flow.sandbox.faults.clear()
        flow.advance(hours=1)

        assert waiting == ["intended", "intended"]
        assert times(flow, SEND) == 1
        assert sorted((state, reason) for _, _, state, reason in flow.effects) == [("cancelled", "duplicate_intent"), ("done", None)]


def test_a_cancelled_effect_gives_its_slot_back() -> None:
    with Flow(mail, mode="propose") as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.order("reject", effect_row(flow)["id"])
        table = table_of(SlotRow)

        assert [(row.live, row.generation) for row in flow.rows(sa.select(table.c.live, table.c.generation))] == [(False, 0)]


def test_a_resend_opens_the_next_generation_of_its_slot() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        answer = flow.order("resend", effect_row(flow)["id"], reason="lost in the spam folder")
        flow.advance(minutes=1)

        assert answer.startswith("events: resend")
        assert times(flow, SEND) == 2
        assert [row["generation"] for row in flow.rows(sa.select(table_of(SlotRow)).order_by(table_of(SlotRow).c.id))] == [0, 1]


def test_a_resend_may_be_resent() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.order("resend", effect_row(flow)["id"], reason="lost")
        flow.clock.pass_(timedelta(minutes=1))
        flow.order("resend", effect_row(flow, 1)["id"], reason="lost again")
        flow.advance(minutes=1)

        assert times(flow, SEND) == 3


@pytest.mark.parametrize("reason", ["", "lost"])
def test_what_is_not_done_cannot_be_resent_and_nothing_without_a_reason(reason: str) -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        if reason:
            flow.sandbox.faults.add("drop", SEND)
        flow.advance(minutes=6)

        assert flow.order("resend", effect_row(flow)["id"], reason=reason).startswith("refused")
        assert times(flow, SEND) == 1


def test_a_resend_whose_outcome_is_unknown_is_not_joined_by_another() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.sandbox.faults.add("drop", SEND)
        first = effect_row(flow)["id"]
        flow.order("resend", first, reason="lost")
        flow.advance(minutes=1)
        flow.order("resend", first, reason="lost")
        flow.advance(minutes=10)

        assert times(flow, SEND) == 2


def test_the_days_cap_holds_the_rest_until_tomorrow_and_says_so_once() -> None:
    with Flow(mail, policy={"per_day": 1}) as flow:
        flow.trigger("invoice.completed")
        flow.trigger("invoice.completed")
        flow.advance(minutes=30)
        assert times(flow, SEND) == 1
        alerts = flow.rows(sa.select(table_of(Alert)))
        assert [row["reason"] for row in alerts] == ["daily_cap"]

        flow.advance(hours=15)

        assert times(flow, SEND) == 2
        assert used(flow) == [1, 1]


def test_what_ends_without_being_done_gives_its_part_of_the_cap_back() -> None:
    with Flow(mail, policy={"per_day": 1}) as flow:
        ids = flow.trigger("invoice.completed")
        flow.sandbox.faults.add("refuse", SEND, times=3)
        flow.advance(minutes=5)
        assert used(flow) == [1]

        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))

        assert act(flow)[0] == "cancelled"
        assert used(flow) == [0]


def test_an_unknown_effect_keeps_its_part_of_the_cap() -> None:
    with Flow(mail, policy={"per_day": 1}) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", SEND)
        flow.advance(minutes=10)

        assert used(flow) == [1]


def test_a_duplicate_takes_nothing_from_the_cap() -> None:
    with Flow(mail_again, mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        assert used(flow) == []


def test_an_effect_of_another_workflow_is_not_resolved_by_the_wrong_order() -> None:
    with Flow(post) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)

        assert flow.order("resolve", effect_row(flow)["id"], did=True).startswith("refused")
        assert flow.order("resolve", "nothing", did=True).startswith("refused")
