"""Paid first: invoice, charge, payment, then the grant; declines, late payments, and what is never lost in between."""

from decimal import Decimal
from typing import Any

import pytest

from workers.authoring import Insolvent, InvoicePaid, Paused
from workflows.credits.happenings import CreditsResume

from .conftest import Open, Shop

CHAIN = ["invoice.create", "invoice.complete", "invoice.capture", "customer.addcredits"]


def resume(shop: Shop, customer: str) -> None:
    shop.flow.signal(CreditsResume(source="shop", at=shop.flow.clock.now, customer_id=customer))


def the_invoice(shop: Shop) -> dict[str, Any]:
    (invoice,) = shop.flow.sandbox.account.invoices.values()
    return invoice


def test_the_customer_is_invoiced_charged_and_then_credited(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")

    shop.hint(customer, phone="1")

    assert shop.services == CHAIN
    assert (shop.grants, shop.balance(customer)) == (["88.10"], "100.00")
    assert the_invoice(shop)["INVOICE_EXT_UID"].startswith("billhook-topup-")
    assert the_invoice(shop)["TOTAL"] == Decimal("88.10")
    assert shop.orders == [("granted", "88.10", "confirmed")]


def test_with_vat_the_gross_amount_is_what_is_credited(open_shop: Open) -> None:
    shop = open_shop(vat_percent="19.00")
    customer = shop.customer("11.90")

    shop.hint(customer, phone="1")

    assert the_invoice(shop)["TOTAL"].quantize(Decimal("0.01")) == Decimal("88.10")
    assert shop.grants == ["88.10"]


def test_without_a_mandate_nothing_is_charged_and_people_hear_it_once(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90", BANK_ACCOUNT_MANDATE_REFERENCE_DATE="")

    shop.hint(customer, phone="1")
    shop.jump(hours=7)

    assert (shop.services, shop.orders) == ([], [])
    assert shop.alerts == [("no_mandate", 1)]


def test_a_declined_charge_is_tried_after_one_four_and_24_hours_and_then_the_customer_is_suspended(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("decline", "invoice.capture", times=9)

    shop.hint(customer, phone="1")
    for hours in (1, 4, 24, 24):
        shop.jump(hours=hours)

    asked = [call.at for call in shop.flow.sandbox.calls if call.service == "invoice.capture"]
    assert [round((later - asked[0]).total_seconds() / 3600) for later in asked] == [0, 1, 5, 29]
    assert shop.orders == [("failed", "88.10", None)]
    assert shop.grants == []
    assert shop.alerts == [("charge_declined", 4), ("topup_declined", 1)]


def test_after_a_decline_the_next_attempt_may_be_taken(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("decline", "invoice.capture")

    shop.hint(customer, phone="1")
    shop.jump(hours=1)

    assert shop.grants == ["88.10"]
    assert shop.services.count("invoice.create") == 1


def test_a_pause_between_invoice_and_charge_holds_the_charge_and_suspends_nobody(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("decline", "invoice.capture")
    shop.hint(customer, phone="1")

    paused_on = shop.flow.clock.now.date()
    shop.flow.signal(Paused(source="shop", at=shop.flow.clock.now, customer_id=customer, reason="asked", until=paused_on))
    shop.jump(hours=5)
    held = shop.grants
    shop.jump(hours=24)

    assert held == []
    assert shop.grants == ["88.10"]


def insolvent(shop: Shop, customer: str) -> Insolvent:
    return Insolvent(source="shop", at=shop.flow.clock.now, customer_id=customer, reason="12 IN 34/26")


@pytest.mark.parametrize("policy", [{}, {"grant_on": "immediate"}])
def test_an_insolvent_customer_is_neither_invoiced_nor_credited(open_shop: Open, policy: dict[str, Any]) -> None:
    shop = open_shop(**policy)
    customer = shop.customer("11.90")
    shop.flow.signal(insolvent(shop, customer))

    shop.hint(customer, phone="1")
    shop.jump(hours=25)

    assert (shop.services, {order[0] for order in shop.orders}) == ([], {"cancelled"})


def test_an_insolvency_between_invoice_and_charge_stops_the_charge_for_good(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("decline", "invoice.capture")
    shop.hint(customer, phone="1")
    asked = len(shop.flow.sandbox.calls)

    shop.flow.signal(insolvent(shop, customer))
    shop.jump(hours=48)

    assert "invoice.capture" not in [call.service for call in shop.flow.sandbox.calls[asked:]]
    assert (shop.orders, shop.grants) == ([("failed", "88.10", None)], [])
    assert ("topup_insolvency", 1) in shop.alerts


def test_an_insolvency_between_draft_and_completion_leaves_a_draft(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("unavailable", "invoice.complete")
    shop.hint(customer, phone="1")

    shop.flow.signal(insolvent(shop, customer))
    shop.jump(hours=1)

    assert (the_invoice(shop)["TYPE"], [state for state, *_ in shop.orders]) == ("draft", ["failed"])


def test_what_was_paid_before_an_insolvency_is_still_credited(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    account, pay = shop.flow.sandbox.account, shop.flow.sandbox.account.pay
    account.pay = lambda invoice, amount, day: None  # type: ignore[method-assign]
    shop.hint(customer, phone="1")
    account.pay = pay  # type: ignore[method-assign]
    shop.flow.signal(insolvent(shop, customer))

    shop.flow.trigger("invoice.paid", invoice_id=the_invoice(shop)["INVOICE_ID"])

    assert shop.orders == [("granted", "88.10", "confirmed")]


def test_a_lost_charge_waits_for_a_person_and_is_made_again_only_on_their_word(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("error-before", "invoice.capture")
    shop.hint(customer, phone="1")
    shop.jump(days=1)
    waited = shop.grants

    (unknown,) = shop.flow.ids("unknown")
    shop.flow.order("resolve", unknown, did=False)
    shop.flow.advance(minutes=1)

    assert waited == []
    assert shop.grants == ["88.10"]
    assert shop.services.count("invoice.capture") == 1


def test_a_direct_debit_that_pays_days_later_is_credited_then(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    account, pay = shop.flow.sandbox.account, shop.flow.sandbox.account.pay
    account.pay = lambda invoice, amount, day: None  # type: ignore[method-assign]
    shop.hint(customer, phone="1")
    account.pay = pay  # type: ignore[method-assign]
    shop.jump(days=2)
    early = shop.grants

    shop.flow.trigger("invoice.paid", invoice_id=the_invoice(shop)["INVOICE_ID"])

    assert early == []
    assert shop.orders == [("granted", "88.10", "confirmed")]


def test_what_a_customer_paid_after_the_top_up_had_failed_is_a_state_of_its_own_until_a_person_says_grant(open_shop: Open) -> None:
    shop = open_shop(decline_backoff=())
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("decline", "invoice.capture")
    shop.hint(customer, phone="1")

    shop.flow.trigger("invoice.paid", invoice_id=the_invoice(shop)["INVOICE_ID"])
    late = shop.orders
    resume(shop, customer)

    assert late == [("paid_not_granted", "88.10", None)]
    assert ("paid_not_granted", 1) in shop.alerts
    assert shop.orders == [("granted", "88.10", "confirmed")]
    assert shop.grants == ["88.10"]


def test_a_failed_top_up_whose_invoice_was_cancelled_as_a_part_is_not_called_paid(open_shop: Open) -> None:
    shop = open_shop(decline_backoff=())
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("decline", "invoice.capture")
    shop.hint(customer, phone="1")
    invoice = the_invoice(shop)

    shop.flow.sandbox.account.cancel_part(invoice, Decimal("88.10"))
    shop.flow.signal(InvoicePaid(source="shop", at=shop.flow.clock.now, invoice_id=invoice["INVOICE_ID"], customer_id=customer))

    assert [reason for name, _, _, reason in shop.flow.runs if name == "credits-late"] == ["nothing_came_in"]
    assert shop.orders == [("failed", "88.10", None)]
    assert "paid_not_granted" not in [*(reason for reason, _ in shop.alerts), *shop.tasks]


def test_a_paid_invoice_that_is_no_top_ups_is_not_even_read(open_shop: Open) -> None:
    shop = open_shop()

    shop.flow.trigger("invoice.completed")
    before = len(shop.flow.sandbox.calls)
    shop.flow.trigger("invoice.paid")

    assert len(shop.flow.sandbox.calls) == before
    assert [reason for name, _, _, reason in shop.flow.runs if name == "credits-late"] == ["not_a_failed_topup"]


def test_a_payment_that_went_back_before_the_grant_is_not_credited_on_a_persons_word(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("decline", "customer.addcredits")
    shop.hint(customer, phone="1")

    shop.flow.trigger("payment.chargeback", invoice_id=the_invoice(shop)["INVOICE_ID"])
    resume(shop, customer)

    assert (shop.grants, shop.orders) == ([], [("failed", "88.10", None)])
    assert ("topup_payment_failed", 1) in shop.alerts


def test_a_top_up_whose_invoice_was_cancelled_as_a_part_is_not_credited(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    account, pay = shop.flow.sandbox.account, shop.flow.sandbox.account.pay
    account.pay = lambda invoice, amount, day: None  # type: ignore[method-assign]
    shop.hint(customer, phone="1")
    account.pay = pay  # type: ignore[method-assign]

    account.cancel_part(the_invoice(shop), Decimal("88.10"))
    shop.jump(days=15)
    granted, orders = shop.grants, shop.orders
    resume(shop, customer)

    assert (granted, orders) == ([], [("failed", "88.10", None)])
    assert ("topup_unpaid", 1) in shop.alerts
    assert shop.orders[1:] == [("granted", "88.10", "confirmed")] and shop.services.count("invoice.capture") == 2  # another one, paid


def test_a_grant_the_provider_refuses_after_the_payment_is_paid_not_granted_and_told(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("decline", "customer.addcredits")

    shop.hint(customer, phone="1")
    shop.jump(hours=2)
    held = shop.orders
    resume(shop, customer)

    assert held == [("paid_not_granted", "88.10", None)]
    assert shop.alerts == [("paid_not_granted", 1)]
    assert shop.grants == ["88.10"]


def test_an_answer_lost_after_the_payment_is_told_after_half_an_hour(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("error-before", "customer.addcredits", times=9)

    shop.hint(customer, phone="1")
    shop.flow.advance(minutes=29)
    early = shop.alerts
    shop.flow.advance(minutes=20)

    assert ("paid_not_granted", 1) not in early
    assert ("paid_not_granted", 1) in shop.alerts


def test_an_invoice_that_shows_another_total_is_neither_completed_nor_charged(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    added: list[str] = []

    def use_credits(point: str) -> None:
        for invoice in shop.flow.sandbox.account.invoices.values():
            if point == "settled" and not added:
                invoice["ITEMS"].append({"DESCRIPTION": "Credit", "QUANTITY": "1", "UNIT_PRICE": "-11.90", "VAT_PERCENT": "0.00"})
                shop.flow.sandbox.account.total(invoice)
                added.append(point)

    shop.flow.point = use_credits
    shop.hint(customer, phone="1")

    assert shop.services == ["invoice.create"]
    assert shop.orders == [("failed", "88.10", None)]
    assert shop.alerts == [("topup_total_differs", 1)]


def test_an_unpaid_top_up_is_proposed_for_cancellation_after_fourteen_days_and_never_cancelled_by_itself(open_shop: Open) -> None:
    shop = open_shop(decline_backoff=())
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("decline", "invoice.capture")
    shop.hint(customer, phone="1")

    shop.jump(days=13)
    early = shop.flow.ids("proposed")
    shop.jump(days=2)
    (proposed,) = shop.flow.ids("proposed")
    waited = the_invoice(shop)["IS_CANCELED"]
    shop.flow.order("approve", proposed)

    assert (early, waited) == ([], False)
    assert the_invoice(shop)["IS_CANCELED"] is True


def test_the_third_top_up_within_a_day_pauses_the_customer(open_shop: Open) -> None:
    shop = open_shop(cap_day="500.00")
    customer = shop.customer("11.90")
    for _ in range(4):
        shop.use(customer, "11.90")
        shop.jump(hours=2)

    stopped = list(shop.grants)
    resume(shop, customer)
    shop.jump(days=1)

    assert stopped == ["88.10", "88.10"]
    assert ("topup_burst", 1) in shop.alerts
    assert len(shop.grants) == 3


@pytest.mark.parametrize(
    "shown_after, proof, tasks",
    [(60, "confirmed", []), (600, "review", ["balance_not_proved"])],
)
def test_a_balance_that_does_not_show_the_top_up_is_read_again_and_then_a_person_looks(
    open_shop: Open, shown_after: int, proof: str, tasks: list[str]
) -> None:
    shop = open_shop(grant_on="immediate")
    customer = shop.customer("11.90")

    def hide(point: str) -> None:
        if point == "settled":
            shop.use(customer, "11.90")

    shop.flow.point = hide
    shop.hint(customer, phone="1")
    shop.flow.advance(seconds=shown_after)
    shop.use(customer, "100.00")
    shop.flow.advance(minutes=5)
    shop.use(customer, "3.00")
    shop.jump(hours=2)
    shop.hint(customer, phone="2")

    assert shop.orders[0] == ("granted", "88.10", proof)
    assert shop.tasks == tasks
    assert len(shop.orders) == (1 if tasks else 2)


def test_in_mode_observe_nothing_is_written_and_what_would_be_invoiced_is_kept(open_shop: Open) -> None:
    shop = open_shop(mode="observe")
    customer = shop.customer("11.90")

    shop.hint(customer, phone="1")

    assert (shop.services, shop.orders, shop.flow.effects) == ([], [], [])
    assert shop.reasons[-1] is None
