"""The gates of dunning: nothing goes out before bank data is fresh and the invoice is known to be sent; each says what it frees."""

from datetime import date

import pytest

from workers.authoring import BankChecked, InvoiceSent, RateConfirmed, Waiting
from workers.gates import set_free, waiting
from workflows.dunning.gates import ladders, rates

from .conftest import Office, Open


def freed(office: Office, event: object) -> list[str]:
    with office.flow.db.read() as connection:
        return set_free(connection, event)  # type: ignore[arg-type]


def waits(office: Office) -> list[Waiting]:
    with office.flow.db.read() as connection:
        return waiting(connection, "shop", 50)


def test_nothing_is_dunned_on_bank_data_nobody_checked_and_one_check_frees_it_at_once(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy={"approve_first_notice": False}, checked=False)
    invoice = office.invoice()

    office.until("2026-03-24", checks=False)
    stands = (office.ladder(invoice), office.sent)
    behind = [(one.gate, one.title, one.known) for one in waits(office) if one.gate == "bank.checked"]
    told = BankChecked(source="shop", at=office.flow.clock.now, through=date(2026, 3, 24))
    frees = freed(office, told)
    office.flow.signal(told)

    assert stands == (("open", "stale_bank_data"), [])
    assert behind == [("bank.checked", "1 notice waits for the bank", f"invoice {invoice} (L0)")]
    assert not [one for one in waits(office) if one.gate == "bank.checked"]
    assert frees == [f"invoice {invoice} of customer {office.customer_of(invoice)}: L0, 1190.00 EUR"]
    assert office.sent == ["2026-03-24"]
    assert office.flow.told == [("alert", "stale_bank_data")]


def test_an_invoice_nobody_sent_is_not_dunned_until_a_person_says_it_was(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy={"approve_first_notice": False})
    invoice = office.invoice(sent=False)

    office.until("2026-03-24")
    stands = (office.ladder(invoice), office.sent)
    (behind,) = (one for one in waits(office) if one.gate == "invoice.sent")
    named = {"invoice_id": invoice, "customer_id": office.customer_of(invoice)}
    frees = freed(office, InvoiceSent(source="shop", at=office.flow.clock.now, sent_on=date(2026, 3, 2), **named))
    office.mark_sent(invoice, "2026-03-02")

    assert stands == (("resting", "not_sent"), [])
    assert (behind.fields, behind.amount) == (named, "1190.00 EUR")
    assert not [one for one in waits(office) if one.gate == "invoice.sent"]
    assert frees == [f"invoice {invoice} of customer {named['customer_id']}: its ladder, 1190.00 EUR"]
    assert office.sent == ["2026-03-24"]


def test_one_rate_at_a_time_waits_to_be_compared(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy={"approve_first_notice": False}, checked=False)
    before = [one for one in waits(office) if one.gate == "rate.confirmed"]
    office.invoice()
    office.until("2026-03-24", checks=False)

    (first,) = (one for one in waits(office) if one.gate == "rate.confirmed")
    office.flow.signal(RateConfirmed(source="shop", at=office.flow.clock.now, key=first.fields["key"]))
    (second,) = (one for one in waits(office) if one.gate == "rate.confirmed")

    assert before == [] and "more wait after it" in first.known
    assert second.fields["key"] != first.fields["key"]


def test_a_rate_that_waits_for_nobody_cannot_be_confirmed(open_office: Open) -> None:
    office = open_office()

    with pytest.raises(ValueError, match="no rate waits under"):
        freed(office, RateConfirmed(source="shop", at=office.flow.clock.now, key="DE 2026-07-01 9.99"))


def test_a_confirmed_rate_is_shown_as_usable(open_office: Open) -> None:
    office = open_office()
    with office.flow.db.read() as connection:
        waiting = [row.key for row in rates(connection, "shop") if row.usable != "yes"]

    office.flow.signal(RateConfirmed(source="shop", at=office.flow.clock.now, key=waiting[0]))

    with office.flow.db.read() as connection:
        assert waiting[0] not in [row.key for row in rates(connection, "shop") if row.usable != "yes"]


def test_the_panel_names_for_every_ladder_what_comes_and_why_nothing_is_done(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00")
    invoice = office.invoice()
    other = office.invoice(sent=False)

    office.until("2026-03-24")

    with office.flow.db.read() as connection:
        shown = {row.invoice: (row.state, row.why, row.reached, row.next) for row in ladders(connection, "shop")}
    assert shown == {invoice: ("open", "", "L0", "L1"), other: ("resting", "not_sent", "", "")}
