"""What auto-send does and does not do with one invoice, each reason once."""

import pytest

from receiver.event import InvoiceCompleted
from workflows.auto_send import workflow

from .conftest import Open

LATER = "2026-11-20 12:00"


def test_both_channels_send_one_mail_and_one_letter(open_shop: Open, kind: str) -> None:
    shop = open_shop(kind=kind)

    shop.finish(delivery_method="both")

    assert shop.sent == [("sendbyemail", "2026-11-20 10:15"), ("sendbypost", "2026-11-20 10:15")]
    assert shop.slots == [("send", 0), ("send-copy", 0)]
    assert shop.ended == [("done", None)]


def test_the_letter_beside_a_mail_waits_for_its_own_window(open_shop: Open) -> None:
    shop = open_shop("2026-11-20 18:00")

    shop.complete(delivery_method="both")
    shop.until("2026-11-23 09:00")

    assert shop.sent == [("sendbyemail", "2026-11-20 18:15"), ("sendbypost", "2026-11-23 08:00")]


def test_the_letter_beside_a_mail_is_not_posted_once_the_invoice_changed(open_shop: Open) -> None:
    shop = open_shop("2026-11-20 18:00")
    invoice = shop.complete(delivery_method="both")

    shop.until("2026-11-20 20:00")
    shop.provider("invoice.changed", invoice_id=invoice, total="99.00")
    shop.until("2026-11-23 09:00")

    assert shop.sent == [("sendbyemail", "2026-11-20 18:15")]
    assert shop.parked == ["changed_after_send"]
    assert shop.ended == [("skipped", "changed_after_send")]


def test_replaying_an_invoice_sent_on_both_channels_sends_neither_again(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.finish(delivery_method="both")

    shop.replay(invoice)
    shop.until("2026-11-20 13:00")

    assert len(shop.sent) == 2
    assert shop.ended[-1] == ("skipped", "already_sent")


def test_a_customer_who_moved_to_letters_gets_no_letter_for_what_was_mailed(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.finish()
    customer = shop.flow.sandbox.account.invoices[invoice]["CUSTOMER_ID"]

    shop.provider("customer.updated", customer_id=customer, delivery_method="post")
    shop.replay(invoice)
    shop.until("2026-11-20 13:00")

    assert [service for service, _ in shop.sent] == ["sendbyemail"]
    assert shop.ended[-1] == ("skipped", "already_sent")


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [({"total": "0.00"}, "zero_total"), ({"delivery_method": "none"}, "channel_none"), ({"total": "-5.00"}, "negative_total")],
)
def test_an_invoice_that_is_not_to_be_sent_ends_with_its_reason(open_shop: Open, kind: str, overrides: dict[str, str], reason: str) -> None:
    shop = open_shop(kind=kind)

    shop.finish(**overrides)

    assert shop.sent == []
    assert shop.ended == [("skipped", reason)]


def test_an_invoice_without_a_total_ends_with_its_reason_and_an_alert(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.complete()

    shop.flow.sandbox.account.invoices[invoice]["TOTAL"] = ""
    shop.until(LATER)

    assert shop.ended == [("skipped", "total_unknown")]
    assert shop.alerts == ["total_unknown"]


def test_an_invoice_of_nobody_ends_with_its_reason(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.flow.sandbox.trigger("invoice.completed", {})["invoice_id"]
    shop.flow.sandbox.drain()

    shop.flow.sandbox.account.invoices[invoice]["CUSTOMER_ID"] = ""
    shop.flow.signal(InvoiceCompleted(source="shop", at=shop.flow.clock.now, invoice_id=invoice))
    shop.until(LATER)

    assert set(shop.ended) == {("skipped", "customer_unknown")}


def test_an_invoice_that_never_comes_to_rest_is_given_up_with_a_task(open_shop: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "ROUNDS_MAX", 3)
    shop = open_shop()
    invoice = shop.complete()

    for total in ("10.00", "20.00", "30.00"):
        shop.flow.advance(minutes=10)
        shop.provider("invoice.changed", invoice_id=invoice, total=total)
    shop.until(LATER)

    assert shop.sent == []
    assert shop.ended == [("skipped", "not_sent_in_time")]
    assert shop.tasks == ["not_sent_in_time"]


def test_an_invoice_that_vanished_ends_with_its_reason(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.complete()

    del shop.flow.sandbox.account.invoices[invoice]
    shop.until(LATER)

    assert shop.ended == [("skipped", "invoice_not_found")] or shop.ended == [("cancelled", "invoice.deleted")]


def test_a_customer_who_vanished_ends_the_run_with_its_reason(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.complete()

    del shop.flow.sandbox.account.customers[shop.flow.sandbox.account.invoices[invoice]["CUSTOMER_ID"]]
    shop.until(LATER)

    assert shop.ended == [("skipped", "customer_not_found")]


def test_an_invoice_that_became_a_draft_again_is_not_sent(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.complete()

    shop.flow.sandbox.account.invoices[invoice]["TYPE"] = "draft"
    shop.until(LATER)

    assert shop.ended == [("skipped", "not_outgoing")]


def test_a_copy_goes_inside_the_one_call_where_the_policy_says_so(open_shop: Open) -> None:
    shop = open_shop(policy={"cc_mode": "same_call"})
    record = shop.flow.sandbox.account.new_customer({"EMAIL_CC": "boss@muster.de"})

    shop.finish(customer_id=record["CUSTOMER_ID"])

    assert [(mail["to"], mail["cc"]) for mail in shop.mails] == [(record["EMAIL"], "boss@muster.de")]


def test_a_copy_that_cannot_be_sent_is_left_out_with_an_alert(open_shop: Open) -> None:
    shop = open_shop(policy={"cc_mode": "same_call"})
    record = shop.flow.sandbox.account.new_customer({"EMAIL_CC": "nobody"})

    shop.finish(customer_id=record["CUSTOMER_ID"])

    assert [mail["cc"] for mail in shop.mails] == [None]
    assert shop.alerts == ["cc_left_out"]


def test_the_provider_is_left_to_copy_by_itself_as_installed(open_shop: Open) -> None:
    shop = open_shop()
    record = shop.flow.sandbox.account.new_customer({"EMAIL_CC": "boss@muster.de"})

    shop.finish(customer_id=record["CUSTOMER_ID"])

    assert [mail["cc"] for mail in shop.mails] == [None]


@pytest.mark.parametrize(
    ("language", "subject"), [("sv", "Faktura 26/001"), ("en", "Invoice 26/001"), ("de-AT", "Rechnung 26/001"), ("fr", "Rechnung 26/001")]
)
def test_the_text_is_in_the_customers_language(open_shop: Open, language: str, subject: str) -> None:
    shop = open_shop()

    shop.finish(language=language)

    assert [mail["subject"] for mail in shop.mails] == [subject]


def test_the_mail_says_number_amount_and_due_date_as_they_are_read(open_shop: Open) -> None:
    shop = open_shop(policy={"signature": "Muster & Söhne"})

    shop.finish(total="1190.00", salutation="mrs", last_name="Örtel")

    message = shop.mails[0]["message"]
    assert "Sehr geehrte Frau Örtel," in message
    assert "Rechnung 26/001 vom 20.11.2026 über 1.190,00\xa0€" in message
    assert "bis zum 04.12.2026" in message
    assert message.endswith("Mit freundlichen Grüßen\nMuster & Söhne\n")
