"""Holding: the hold itself, and everything that keeps an invoice back until a person did something."""

import pytest

from receiver.event import InvoiceCompleted, LookAgain, Paused

from .conftest import POLICY, Open

LATER = "2026-11-20 12:00"
NO_HOLD = {"hold_minutes": 0, "email_window": "00:00-24:00", "post_window": "00:00-24:00"}


def test_a_letter_that_somebody_else_posted_during_the_hold_is_not_sent_again(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.complete()

    shop.flow.sandbox.account.invoices[invoice]["SHIPMENT"] = "1"
    shop.until(LATER)

    assert shop.sent == []
    assert shop.ended == [("skipped", "sent_elsewhere")]


def test_an_unmapped_delivery_method_holds_the_invoice_and_says_so_once(open_shop: Open, kind: str) -> None:
    shop = open_shop(kind=kind)

    shop.finish(delivery_method="pigeon")

    assert shop.sent == []
    assert shop.alerts == ["unmapped_channel"]
    assert shop.ended == [("waiting", None)]


def test_a_held_invoice_leaves_once_the_customer_has_a_channel(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.finish(delivery_method="pigeon")

    shop.provider("customer.updated", customer_id=shop.flow.sandbox.account.invoices[invoice]["CUSTOMER_ID"], delivery_method="mail")
    shop.until("2026-11-20 14:05")

    assert [service for service, _ in shop.sent] == ["sendbyemail"]


def test_a_held_invoice_takes_the_policy_of_the_day(open_shop: Open) -> None:
    shop = open_shop()
    shop.finish(delivery_method="pigeon")

    shop.flow.runtime.policies["auto-send"]["channel_map"] = {"pigeon": "post"}  # type: ignore[index]
    shop.until("2026-11-20 15:00")

    assert [service for service, _ in shop.sent] == ["sendbypost"]


def test_nothing_is_mapped_as_installed(open_shop: Open) -> None:
    shop = open_shop(policy={"channel_map": {}})

    shop.finish()

    assert shop.alerts == ["unmapped_channel"]


def test_an_unmapped_delivery_method_may_be_skipped_instead(open_shop: Open) -> None:
    shop = open_shop(policy={"unmapped_channel": "skip"})

    shop.finish(delivery_method="pigeon")

    assert shop.ended == [("skipped", "unmapped_channel")]


@pytest.mark.parametrize(
    ("address", "reason"),
    [("", "no_email"), ("not an address", "invalid_email"), ("a@b@c.de", "invalid_email"), ("max@muster.invalid", "placeholder_address")],
)
def test_an_address_that_cannot_be_used_is_a_task_and_no_other_field_is_taken(open_shop: Open, address: str, reason: str) -> None:
    shop = open_shop(policy={"placeholder_domains": ["invalid"]})
    record = shop.flow.sandbox.account.new_customer({"EMAIL": address, "EMAIL_CC": "boss@muster.de"})

    shop.finish(customer_id=record["CUSTOMER_ID"])

    assert shop.sent == []
    assert shop.tasks == [reason]


def test_a_corrected_address_lets_the_invoice_leave(open_shop: Open, kind: str) -> None:
    shop = open_shop(kind=kind)
    invoice = shop.finish(email="")

    shop.provider("customer.updated", customer_id=shop.flow.sandbox.account.invoices[invoice]["CUSTOMER_ID"], email="new@muster.de")
    shop.until("2026-11-20 12:05")

    assert [mail["to"] for mail in shop.mails] == ["new@muster.de"]


def test_an_address_changed_during_the_hold_is_the_one_that_counts(open_shop: Open, kind: str) -> None:
    shop = open_shop(kind=kind)
    invoice = shop.complete(email="old@muster.de")

    shop.until("2026-11-20 10:10")
    shop.provider("customer.updated", customer_id=shop.flow.sandbox.account.invoices[invoice]["CUSTOMER_ID"], email="new@muster.de")
    shop.until(LATER)

    assert [mail["to"] for mail in shop.mails] == ["new@muster.de"]


def test_an_incomplete_postal_address_is_a_task(open_shop: Open) -> None:
    shop = open_shop()

    shop.finish(delivery_method="post", zipcode="")

    assert shop.sent == []
    assert shop.tasks == ["postal_address_incomplete"]


def test_a_change_during_the_hold_starts_the_hold_again(open_shop: Open, kind: str) -> None:
    shop = open_shop(kind=kind)
    invoice = shop.complete()

    shop.until("2026-11-20 10:10")
    if kind == "monsum":
        shop.provider("invoice.changed", invoice_id=invoice, total="99.00")
    else:
        shop.flow.sandbox.trigger("invoice.changed", {"invoice_id": invoice, "total": "99.00"})
    shop.until(LATER)

    again = "2026-11-20 10:25" if kind == "monsum" else "2026-11-20 10:30"
    assert shop.sent == [("sendbyemail", again)]


def test_a_notification_without_a_printed_change_does_not_touch_the_hold(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.complete()

    shop.until("2026-11-20 10:10")
    shop.provider("invoice.paid", invoice_id=invoice)
    shop.until(LATER)

    assert shop.sent == [("sendbyemail", "2026-11-20 10:15")]


def test_a_change_seen_only_by_the_last_read_starts_the_hold_again(open_shop: Open) -> None:
    shop = open_shop(mode="propose")
    invoice = shop.complete()
    shop.until("2026-11-20 11:00")

    shop.flow.sandbox.account.invoices[invoice]["INTROTEXT"] = "Neu."
    shop.flow.order("approve", shop.effect_ids()[0])
    shop.until("2026-11-20 11:20")
    shop.flow.order("approve", shop.effect_ids()[1])

    assert [(state, reason) for _, _, state, reason in shop.flow.effects] == [("cancelled", "changed_before_send"), ("done", None)]
    assert shop.sent == [("sendbyemail", "2026-11-20 11:20")]


def test_a_mode_lowered_during_the_hold_sends_nothing(open_shop: Open) -> None:
    shop = open_shop()
    shop.complete()

    shop.flow.set_mode("auto-send", "observe")
    shop.until(LATER)

    assert shop.sent == []
    assert [reason for _, reason in shop.ended] == ["mode_changed"]


def test_a_paused_customer_is_sent_to_once_the_pause_is_over(open_shop: Open) -> None:
    shop = open_shop(policy=NO_HOLD)
    record = shop.flow.sandbox.account.new_customer({})
    day = shop.flow.clock.now.date()
    shop.flow.signal(Paused(source="shop", at=shop.flow.clock.now, customer_id=record["CUSTOMER_ID"], reason="asked to wait", until=day))

    shop.complete(customer_id=record["CUSTOMER_ID"])
    shop.until("2026-11-20 23:00")
    held = (shop.sent, shop.alerts)
    shop.until("2026-11-21 08:00")

    assert held == ([], ["pause"])
    assert len(shop.sent) == 1


def test_a_held_invoice_leaves_at_once_when_a_person_says_look_again(open_shop: Open) -> None:
    shop = open_shop(policy=NO_HOLD | {"channel_map": {}})
    invoice = shop.complete()
    shop.until("2026-11-20 10:05")
    held = (shop.sent, shop.alerts)
    shop.flow.runtime.policies["auto-send"] |= {"channel_map": POLICY["channel_map"]}  # type: ignore[index]

    shop.flow.signal(LookAgain(source="shop", at=shop.flow.clock.now, invoice_id=invoice))

    assert held == ([], ["unmapped_channel"])
    assert shop.sent == [("sendbyemail", "2026-11-20 10:05")]


def test_a_letter_the_provider_refuses_is_tried_again_once_there_is_postage(open_shop: Open) -> None:
    shop = open_shop()
    shop.flow.sandbox.account.remaining_credits = 0
    shop.finish(delivery_method="post")
    refused = (shop.sent, shop.tasks)

    shop.flow.sandbox.account.remaining_credits = 50
    shop.until("2026-11-20 15:00")

    assert refused == ([], ["provider_rejected"])
    assert [service for service, _ in shop.sent] == ["sendbypost"]


def test_the_daily_cap_holds_the_next_invoice_until_the_next_morning(open_shop: Open) -> None:
    shop = open_shop(policy={"daily_cap": 1})

    shop.complete()
    shop.complete()
    shop.until("2026-11-21 08:00")

    assert shop.sent == [("sendbyemail", "2026-11-20 10:15"), ("sendbyemail", "2026-11-21 07:00")]
    assert shop.alerts == ["daily_cap"]


@pytest.mark.parametrize(
    ("due", "left_at", "alerts"),
    [
        ("2026-12-05", "2026-11-21 10:00", []),
        ("2026-12-04", "2026-11-20 10:00", []),
        ("2026-12-03", "2026-11-20 10:00", ["prenotification_late"]),
    ],
)
def test_a_direct_debit_is_not_held_past_its_pre_notification(open_shop: Open, due: str, left_at: str, alerts: list[str]) -> None:
    shop = open_shop("2026-11-20 10:00", policy={"hold_minutes": 1440})
    account = shop.flow.sandbox.account
    draft = account.new_invoice(account.new_customer({"PAYMENT_TYPE": "2"}), {"DUE_DATE": f"{due} 00:00:00"})

    shop.provider("invoice.completed", invoice_id=draft["INVOICE_ID"])
    shop.until("2026-11-21 12:00")

    assert shop.sent == [("sendbyemail", left_at)]
    assert shop.alerts == alerts


def test_a_plain_pdf_is_held_where_an_e_invoice_is_due(open_shop: Open, kind: str) -> None:
    shop = open_shop("2027-01-04 10:00", kind=kind)

    shop.complete(total="1190.00", einvoice="no")
    shop.until("2027-01-04 12:00")

    assert shop.sent == []
    assert shop.tasks == ["einvoice_required"]


def test_a_pdf_with_an_embedded_e_invoice_may_be_mailed(open_shop: Open, kind: str) -> None:
    shop = open_shop("2027-01-04 10:00", kind=kind)

    shop.complete(total="1190.00", einvoice="yes")
    shop.until("2027-01-04 12:00")

    assert shop.sent == [("sendbyemail", "2027-01-04 10:15")]


def test_a_document_on_a_foreign_host_is_not_fetched_and_the_invoice_is_held(open_shop: Open) -> None:
    shop = open_shop("2027-01-04 10:00")
    invoice = shop.complete(total="1190.00", einvoice="yes")

    shop.flow.sandbox.account.invoices[invoice]["DOCUMENT_URL"] = "https://elsewhere.example/1.pdf"
    shop.until("2027-01-04 12:00")

    assert shop.sent == []
    assert shop.alerts == ["einvoice_unchecked"]


def test_a_completion_dated_in_the_future_does_not_hold_the_invoice_longer(open_shop: Open) -> None:
    shop = open_shop(mode="auto")
    invoice = shop.flow.sandbox.trigger("invoice.completed", {})["invoice_id"]
    shop.flow.sandbox.drain()
    at = shop.flow.clock.now.replace(year=2030)

    shop.flow.signal(InvoiceCompleted(source="shop", at=at, invoice_id=invoice))
    shop.until(LATER)

    assert shop.sent == [("sendbyemail", "2026-11-20 10:15")]
