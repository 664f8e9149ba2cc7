"""The acceptance scenarios of dunning, as written: S1 to S8, S10, S12, S15, S16, S18 and S19."""

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from workers.authoring import BlockReleased, Disputed
from workers.ledger import EffectRow

from .cases import L0, L1, notice
from .conftest import Open


def test_an_unpaid_invoice_climbs_the_whole_ladder_over_easter_and_the_first_of_may(open_office: Open) -> None:
    office = open_office()
    invoice = office.invoice()

    office.until("2026-05-31")

    assert office.notices(invoice) == [
        ("L0", "2026-03-23", "2026-03-30", "done"),
        ("L1", "2026-04-07", "2026-04-17", "done"),
        ("L2", "2026-04-21", "2026-05-04", "done"),
        ("L3", "2026-05-08", "2026-05-18", "done"),
    ]
    assert office.sent == ["2026-03-23", "2026-04-07", "2026-04-21", "2026-05-08"]
    assert office.ladder(invoice) == ("stopped", "hand_over_proposed")
    assert [told for told in office.flow.told if told[0] == "task"] == [("task", "send_a_letter"), ("task", "hand_over_proposed")]
    assert office.figures("L2") == {"principal": "1190.00", "interest": "4.69", "flat_sum": "40.00", "fee": "0.00", "total": "1234.69"}
    assert office.figures("L3") == {"principal": "1190.00", "interest": "10.38", "flat_sum": "40.00", "fee": "0.00", "total": "1240.38"}
    assert "0,33" in office.mails[2]["message"]
    assert len(office.proposed) == 2  # the first notice ever to the customer, and L3


@pytest.mark.parametrize("kind", ["consumer", ""])
def test_a_consumer_or_somebody_unknown_owes_less_interest_and_no_flat_sum(open_office: Open, kind: str) -> None:
    office = open_office("2026-04-20 10:00")
    invoice = office.invoice(total="238.00", customer_type=kind)
    office.reached(invoice, L0, L1)

    office.until("2026-04-21")

    assert office.figures("L2") == {"principal": "238.00", "interest": "0.57", "flat_sum": "0.00", "fee": "0.00", "total": "238.57"}


def test_a_notice_dated_where_no_rate_is_known_carries_no_interest_and_raises_one_alert(open_office: Open) -> None:
    office = open_office("2026-12-30 10:00", policy={"rates": {"DE": {"2026-07-01": "1.52"}}})
    invoice = office.invoice(invoice_date="2026-10-01", due_date="2026-10-15 00:00:00")
    office.reached(invoice, notice(0, "2026-12-01", "2026-12-08"), notice(1, "2026-12-14", "2026-12-28"))

    office.until("2027-01-05")

    assert office.figures("L2")["interest"] is None
    assert office.flow.told.count(("alert", "rate_missing")) == 1  # the gap ahead of the half-year and the notice without interest


def test_a_partial_payment_between_levels_bears_interest_until_its_credit_day(open_office: Open) -> None:
    office = open_office("2026-04-17 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0, L1)

    office.until("2026-04-28")
    office.flow.clock.move(office.local("2026-04-28 10:00"))
    office.flow.trigger("invoice.paid", invoice_id=invoice, amount="500.00")
    office.until("2026-05-08")

    assert office.figures("L3") == {"principal": "690.00", "interest": "8.83", "flat_sum": "40.00", "fee": "0.00", "total": "738.83"}


def test_a_payment_seen_by_the_last_read_stops_the_call(open_office: Open) -> None:
    office = open_office("2026-04-20 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.at_point("intended", lambda: office.flow.sandbox.trigger("invoice.paid", {"invoice_id": invoice}))

    office.until("2026-04-21")

    assert office.mails == []
    assert [(state, reason) for _, _, state, reason in office.flow.effects] == [("cancelled", "paid")]


def test_a_payment_that_crosses_the_notice_waives_its_claims_and_ends_the_ladder(open_office: Open) -> None:
    office = open_office("2026-04-20 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.at_point("called", lambda: office.flow.sandbox.trigger("invoice.paid", {"invoice_id": invoice}))

    office.until("2026-04-21")
    office.flow.notify()
    office.until("2026-05-12")

    assert office.notices(invoice)[-1] == ("L2", "2026-04-21", "2026-05-04", "crossed")
    assert office.claims(invoice) == [(2, "interest", "4.69", "waived"), (2, "flat_sum", "40.00", "waived")]
    assert office.ladder(invoice) == ("closed", "paid")
    assert office.sent == ["2026-04-21"]


def test_a_due_event_given_three_times_sends_one_reminder(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00")
    invoice = office.invoice()

    office.until("2026-03-23")
    event = next(id for id, type in ((r["id"], r["type"]) for r in office.events()) if type == "invoice.overdue")
    office.flow.order("replay", str(event))
    office.flow.order("replay", str(event))
    office.until("2026-03-25")

    assert office.notices(invoice) == [("L0", "2026-03-23", "2026-03-30", "done")]
    assert office.sent == ["2026-03-23"]


def test_a_reminder_whose_answer_was_lost_waits_for_a_person_whose_date_counts(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy={"approve_first_notice": False})
    invoice = office.invoice()
    office.flow.sandbox.faults.add("drop", "invoice.sendbyemail")

    office.until("2026-03-30")
    [unknown] = office.flow.ids("unknown")
    before = len(office.flow.calls)
    office.flow.order("resolve", unknown, did=True, on="2026-03-23T09:00:00+01:00")
    office.until("2026-04-07")

    assert before == 1
    assert office.notices(invoice) == [("L0", "2026-03-23", "2026-03-30", "done"), ("L1", "2026-04-07", "2026-04-17", "done")]


def test_a_dispute_rests_the_ladder_and_its_release_sends_the_same_next_level(open_office: Open) -> None:
    office = open_office("2026-04-10 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    customer = office.customer_of(invoice)
    office.flow.signal(Disputed(source="shop", at=office.flow.clock.now, customer_id=customer, invoice_id=invoice, reason="wrong goods"))

    office.until("2026-04-24")
    rested = (office.ladder(invoice), office.sent)
    office.flow.signal(BlockReleased(source="shop", at=office.flow.clock.now, customer_id=customer, invoice_id=invoice, kind="dispute"))
    office.until("2026-04-30")

    assert rested == (("resting", "disputed"), [])
    assert office.notices(invoice)[-1] == ("L2", "2026-04-28", "2026-05-08", "done")
    assert (office.figures("L2")["interest"], office.figures("L2")["total"]) == ("7.03", "1237.03")


def test_a_dispute_opened_after_the_step_was_claimed_stops_the_call(open_office: Open) -> None:
    office = open_office("2026-04-20 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    told = Disputed(source="shop", at=office.flow.clock.now, customer_id=office.customer_of(invoice), invoice_id=invoice, reason="late")
    office.at_point("read", lambda: office.block(told))

    office.until("2026-04-21")

    assert office.mails == []
    assert [(state, reason) for _, _, state, reason in office.flow.effects] == [("cancelled", "dispute")]


def test_a_cancelled_invoice_is_never_dunned_again_and_its_claims_are_void(open_office: Open) -> None:
    office = open_office("2026-04-20 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.until("2026-04-21")

    office.flow.clock.move(office.local("2026-04-22 10:00"))
    office.flow.trigger("invoice.canceled", invoice_id=invoice)
    office.until("2026-05-12")

    assert office.sent == ["2026-04-21"]
    assert office.ladder(invoice) == ("closed", "invoice_cancelled")
    assert {state for _, _, _, state in office.claims(invoice)} == {"void"}


def test_one_letter_for_two_invoices_keeps_each_at_its_own_figures_and_another_currency_apart(open_office: Open) -> None:
    office = open_office("2026-04-20 10:00", policy={"min_days_between": 1})
    first = office.invoice(total="400.00")
    same = {"customer_id": office.customer_of(first)}
    second = office.invoice(total="250.55", invoice_date="2026-03-03", **same)
    office.reached(first, L0, L1)
    office.reached(second, L0, notice(1, "2026-04-15", "2026-04-17"))

    office.until("2026-04-21")
    [mail] = office.mails
    office.flow.trigger("invoice.paid", invoice_id=first)

    assert (office.figures("L2", first)["interest"], office.figures("L2", second)["interest"]) == ("1.58", "0.42")
    assert "732,55" in mail["message"]
    assert (office.ladder(first), office.ladder(second)[0]) == (("closed", "paid"), "open")


def test_a_changed_address_is_the_only_one_that_is_written_to(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00")
    invoice = office.invoice(email="old@example.org")

    office.move("2026-03-23 08:30")
    office.flow.trigger("customer.updated", customer_id=office.customer_of(invoice), email="new@example.org")
    office.until("2026-03-24")
    office.until("2026-03-26")

    assert [mail["to"] for mail in office.mails] == ["new@example.org"]


def test_an_address_changed_after_the_plan_is_planned_anew_and_not_written_to(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy={"approve_first_notice": False})
    invoice = office.invoice(email="old@example.org")
    changed = {"customer_id": office.customer_of(invoice), "email": "new@example.org"}
    office.at_point("intended", lambda: office.flow.sandbox.trigger("customer.updated", changed))

    office.until("2026-03-24")

    assert [mail["to"] for mail in office.mails] == ["new@example.org"]
    assert [reason for _, _, _, reason in office.flow.effects] == ["recipient_changed", None]


def test_a_reminder_somebody_else_sent_stops_the_ladder_until_an_operator_takes_over(open_office: Open) -> None:
    office = open_office("2026-04-02 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0)
    office.flow.sandbox.trigger("payment.reminded", {"invoice_id": invoice, "level": "1"})

    office.until("2026-04-24")
    stopped = (office.ladder(invoice), office.sent, office.flow.told.count(("alert", "foreign_dunning")))
    office.look_again(invoice)
    office.until("2026-04-28")

    assert stopped == (("foreign_dunning", "foreign_dunning"), [], 1)
    assert [name for name, *_ in office.notices(invoice)] == ["L0", "L1"]


@pytest.mark.parametrize(("agreed", "total"), [(True, "960.23"), (False, "900.23")])
def test_a_swedish_consumer_is_reminded_and_a_letter_of_demand_is_only_proposed(open_office: Open, agreed: bool, total: str) -> None:
    policy = {"reminder_fee_agreed": agreed, "approve_first_notice": False, "approve_consumer_fees": False}
    office = open_office("2026-06-01 10:00", policy=policy, zone="Europe/Stockholm")
    said = {"customer_type": "consumer", "country": "SE", "language": "sv", "currency": "SEK"}
    invoice = office.invoice(total="899.00", invoice_date="2026-05-01", due_date="2026-05-29 00:00:00", **said)
    office.grants = False

    office.until("2026-06-15")
    proposed, sent = office.flow.ids("proposed"), office.sent

    assert office.notices(invoice) == [("S0", "2026-06-03", "2026-06-11", "done")]
    assert office.figures("S0")["total"] == total
    assert (len(proposed), sent) == (1, ["2026-06-03"])
    if agreed:
        office.approve()
        assert office.figures("S1") == {
            "principal": "899.00", "interest": "4.19", "flat_sum": "0.00", "fee": "240.00", "total": "1143.19",
        }  # fmt: skip
        assert office.notices(invoice)[-1] == ("S1", "2026-06-15", "2026-06-25", "done")
    assert office.flow.rows(sa.select(table_of(EffectRow).c.id))
