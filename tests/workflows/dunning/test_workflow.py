"""What befalls a ladder: a mode that only observes, a returned payment, an address that bounces, a no of a person, a lasting rest."""

from datetime import date

from workers.authoring import BlockReleased, EmailBounced, Insolvent, Paused
from workers.desk import Alert
from workflows.dunning.letter import address_hash

from .cases import L0, L1
from .conftest import Office, Open

ALONE = {"approve_first_notice": False}


def test_in_observe_the_whole_ladder_is_shown_and_leaving_it_starts_at_the_lowest_level(open_office: Open) -> None:
    office = open_office(mode="observe", policy=ALONE)
    invoice = office.invoice()

    office.until("2026-05-31")

    assert [(name, state) for name, _, _, state in office.notices(invoice)] == [(f"L{n}", "observed") for n in range(4)]
    assert (office.mails, office.claims(invoice), office.flow.told) == ([], [], [])
    assert office.ladder(invoice) == ("stopped", "hand_over_proposed")

    office.flow.set_mode("dunning", "auto")
    office.until("2026-06-02")

    assert office.notices(invoice)[-1] == ("L0", "2026-06-01", "2026-06-08", "done")


def test_at_a_providers_slowest_pace_every_reminder_goes_out_the_same_morning(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=ALONE, calls_per_minute=8)
    invoices = [office.invoice() for _ in range(3)]
    office.until("2026-03-23")

    office.flow.advance(minutes=45)

    assert [office.notices(invoice) for invoice in invoices] == [[("L0", "2026-03-23", "2026-03-30", "done")]] * 3


def test_a_message_about_two_invoices_reads_both_with_one_call_and_their_customer_once(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=ALONE)
    first = office.invoice()
    office.invoice(customer_id=office.customer_of(first))
    office.until("2026-03-23")

    asked = [call.service for call in office.flow.sandbox.calls]
    sent = asked.index("invoice.sendbyemail")
    assert asked[sent - 4 : sent] == ["invoice.get", "customer.get", "invoice.getreminders", "invoice.getreminders"]
    assert len(office.mails) == 1


def test_a_returned_payment_goes_on_at_the_level_reached_after_some_days(open_office: Open) -> None:
    office = open_office("2026-04-17 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.until("2026-04-20")
    office.flow.trigger("invoice.paid", invoice_id=invoice)
    paid = office.ladder(invoice)

    office.flow.clock.move(office.local("2026-04-22 10:00"))
    office.flow.trigger("payment.chargeback", invoice_id=invoice)
    office.until("2026-04-28")

    assert paid == ("closed", "paid")
    assert office.notices(invoice)[-1][:2] == ("L2", "2026-04-27")  # 22 + 3 + 1 is a Sunday


def test_a_bounced_notice_gives_no_level_and_the_same_level_goes_to_a_new_address(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=ALONE)
    invoice = office.invoice(email="old@example.org")
    named = {"invoice_id": invoice, "customer_id": office.customer_of(invoice)}
    office.until("2026-03-23")

    bounced = EmailBounced(source="shop", at=office.flow.clock.now, address_hash=address_hash("old@example.org"), **named)
    office.flow.signal(bounced)
    office.until("2026-03-25")
    rested = office.notices(invoice)
    office.flow.trigger("customer.updated", customer_id=named["customer_id"], email="new@example.org")
    office.until("2026-03-27")

    assert [(name, state) for name, _, _, state in rested] == [("L0", "undelivered")]
    assert [(name, state) for name, _, _, state in office.notices(invoice)] == [("L0", "undelivered"), ("L0", "done")]
    assert [mail["to"] for mail in office.mails] == ["old@example.org", "new@example.org"]
    assert ("task", "notice_undelivered") in office.flow.told
    assert ("task", "address_bounced") in office.flow.told


def test_a_notice_a_person_rejects_is_not_proposed_again_until_they_say_so(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00")
    invoice, office.grants = office.invoice(), False
    office.until("2026-03-23")

    office.flow.order("reject", office.flow.ids("proposed")[0])
    office.until("2026-04-10")
    rested = (office.ladder(invoice), office.flow.ids("proposed"))
    office.look_again(invoice)

    assert rested == (("stopped", "operator_rejected"), [])
    assert len(office.flow.ids("proposed")) == 1


def test_a_proposal_nobody_answered_is_made_anew_with_that_days_figures(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00")
    office.invoice()
    office.grants = False

    office.until("2026-03-25")

    states = [state for _, _, state, _ in office.flow.effects]
    assert states == ["expired", "expired", "proposed"]


def test_a_pause_ends_by_itself_and_the_ladder_goes_on_the_day_after(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=ALONE)
    invoice = office.invoice()
    customer = office.customer_of(invoice)
    office.flow.signal(Paused(source="shop", at=office.flow.clock.now, customer_id=customer, reason="on leave", until=date(2026, 3, 30)))

    office.until("2026-04-07")

    assert [sent for _, sent, _, _ in office.notices(invoice)] == ["2026-03-31"]


def insolvent(office: Office, invoice: str) -> Insolvent:
    return Insolvent(source="shop", at=office.flow.clock.now, customer_id=office.customer_of(invoice), reason="12 IN 34/26")


def test_an_insolvent_customer_gets_nothing_for_any_invoice_until_a_person_takes_it_back(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy={"approve_first_notice": False})
    invoice = office.invoice()
    other = office.invoice(customer_id=office.customer_of(invoice))
    office.flow.signal(insolvent(office, invoice))

    office.until("2026-04-10")
    rested = (office.ladder(invoice), office.ladder(other), office.sent)
    ended = BlockReleased(source="shop", at=office.flow.clock.now, customer_id=office.customer_of(invoice), kind="insolvency")
    office.flow.signal(ended)
    office.until("2026-04-13")

    assert rested == (("resting", "insolvency"), ("resting", "insolvency"), [])
    assert len(office.sent) == 1


def test_an_insolvency_told_after_the_step_was_claimed_stops_the_call(open_office: Open) -> None:
    office = open_office("2026-04-20 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    told = insolvent(office, invoice)
    office.at_point("read", lambda: office.block(told))

    office.until("2026-04-21")

    assert office.mails == []
    assert [(state, reason) for _, _, state, reason in office.flow.effects] == [("cancelled", "insolvency")]


def test_a_customer_with_the_word_that_takes_out_is_left_alone(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00")
    customer = office.flow.trigger("customer.created", **{"x_attributes.dunning": "off"})["customer_id"]
    invoice = office.invoice(customer_id=customer)

    office.until("2026-03-25")

    assert (office.ladder(invoice), office.sent) == (("resting", "excluded"), [])


def test_a_customer_without_an_address_is_a_task_and_is_tried_again_the_next_day(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=ALONE)
    invoice = office.invoice(email="")
    office.until("2026-03-23")
    rested = (office.ladder(invoice), office.flow.told)

    office.flow.trigger("customer.updated", customer_id=office.customer_of(invoice), email="new@example.org")
    office.until("2026-03-24")

    assert rested == (("open", "no_email"), [("task", "no_email")])
    assert [mail["to"] for mail in office.mails] == ["new@example.org"]


def test_a_message_nobody_knows_about_is_told_of_every_morning_by_one_alert(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=ALONE)
    office.invoice()
    office.flow.sandbox.faults.add("drop", "invoice.sendbyemail")

    office.until("2026-03-23")
    at_once = office.flow.told.count(("alert", "notice_unknown"))
    office.move("2026-03-24 09:00")
    office.move("2026-03-25 09:00")

    assert (at_once, office.flow.told.count(("alert", "notice_unknown"))) == (0, 1)


def test_a_block_shows_as_such_although_no_notification_says_how_the_invoice_is_paid(open_office: Open) -> None:
    office = open_office("2026-04-17 10:00", policy=ALONE)
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.flow.signal(
        Paused(source="shop", at=office.flow.clock.now, customer_id=office.customer_of(invoice), invoice_id=invoice, reason="holiday")
    )

    office.until("2026-04-21")

    assert office.ladder(invoice) == ("resting", "paused")


def test_a_bounce_concerns_the_last_notice_before_it_and_no_earlier_one(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=ALONE)
    invoice = office.invoice(email="old@example.org")
    office.until("2026-04-07")

    named = {"invoice_id": invoice, "customer_id": office.customer_of(invoice)}
    office.flow.signal(EmailBounced(source="shop", at=office.flow.clock.now, **named))
    office.look_again(invoice)
    office.until("2026-04-09")

    assert [(name, state) for name, _, _, state in office.notices(invoice)] == [("L0", "done"), ("L1", "undelivered")]
    assert office.flow.told.count(("task", "address_bounced")) == 1


def test_the_task_before_a_pause_ends_is_given_once(open_office: Open) -> None:
    office = open_office("2026-04-17 10:00", policy=ALONE)
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    said = {"customer_id": office.customer_of(invoice), "invoice_id": invoice, "until": date(2026, 4, 24)}
    office.flow.signal(Paused(source="shop", at=office.flow.clock.now, reason="holiday", **said))  # type: ignore[arg-type]
    office.until("2026-04-22")
    before = office.flow.told.count(("task", "pause_ends"))

    office.until("2026-04-23")
    office.look_again(invoice)
    office.until("2026-04-24")

    assert (before, office.flow.told.count(("task", "pause_ends"))) == (0, 1)


def test_interest_rests_while_an_invoice_was_paid_and_goes_on_when_the_money_went_back(open_office: Open) -> None:
    office = open_office("2026-04-13 09:00")
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.until("2026-04-14")
    office.flow.clock.move(office.local("2026-04-14 10:00"))
    office.flow.trigger("invoice.paid", invoice_id=invoice)

    office.flow.clock.move(office.local("2026-04-20 10:00"))
    office.flow.trigger("payment.chargeback", invoice_id=invoice)
    office.until("2026-04-24")

    assert office.notices(invoice)[-1][:2] == ("L2", "2026-04-24")  # 20 + 3 + 1
    assert office.figures("L2")["interest"] == "3.35"  # 8 to 13 and 21 to 24 April


def test_a_provider_that_does_not_tell_what_is_owed_is_told_of_once_for_all_its_invoices_with_the_way_out(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=ALONE, kind="fastbill")
    first, other = office.invoice(), office.invoice()
    office.until("2026-03-23")
    told = office.rows(Alert)

    office.until("2026-04-10")

    assert [office.ladder(one) for one in (first, other)] == [("resting", "outstanding_unknown")] * 2
    assert [(row["subject"], row["reason"], row["count"]) for row in told] == [("shop", "outstanding_unknown", 1)]
    assert "block.exclude" in told[0]["detail"]["instead"]
    assert [row["count"] for row in office.rows(Alert)] == [1]


def test_what_only_observing_found_is_told_of_once_the_workflow_acts(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=ALONE, kind="fastbill", mode="observe")
    office.invoice()
    office.until("2026-03-24")
    before = office.flow.told

    office.flow.set_mode("dunning", "auto")
    office.invoice()
    office.until("2026-03-26")

    assert (before, office.flow.told) == ([], [("alert", "outstanding_unknown")])


def test_an_invoice_whose_balance_the_last_read_does_not_tell_is_not_sent_and_told_of_with_the_others(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=ALONE)
    invoice = office.invoice()
    office.until("2026-03-20")
    office.flow.sandbox.account.kind = "fastbill"

    office.until("2026-03-23")

    assert (office.mails, office.ladder(invoice)[1]) == ([], "outstanding_unknown")
    assert [(row["subject"], row["reason"]) for row in office.rows(Alert)] == [("shop", "outstanding_unknown")]
