"""An invoice that changes after it was sent."""

import sqlalchemy as sa

from receiver.db import table_of
from workers.ledger import EffectRow

from .conftest import Open, Shop


def watched(shop: Shop) -> list[tuple[str, str | None]]:
    return [(status, reason) for name, _, status, reason in shop.flow.runs if name == "auto-send-changes"]


def test_a_change_after_the_send_is_put_before_a_person_and_nothing_is_sent(open_shop: Open) -> None:
    shop = open_shop(helpers=True)
    invoice = shop.complete()
    shop.until("2026-11-20 10:30")

    shop.provider("invoice.changed", invoice_id=invoice, total="99.00")
    shop.until("2026-11-20 11:00")

    assert len(shop.sent) == 1
    assert shop.parked == ["changed_after_send"]


def test_a_change_before_the_send_is_auto_sends_own_matter(open_shop: Open) -> None:
    shop = open_shop(helpers=True)
    invoice = shop.complete()

    shop.provider("invoice.changed", invoice_id=invoice, total="99.00")

    assert watched(shop) == [("skipped", "not_sent")]
    assert shop.parked == []


def test_a_change_that_a_resend_delivered_needs_nobody(open_shop: Open) -> None:
    shop = open_shop(helpers=True)
    invoice = shop.complete()
    shop.until("2026-11-20 10:30")
    shop.flow.sandbox.trigger("invoice.changed", {"invoice_id": invoice, "total": "99.00"})

    shop.flow.order("resend", shop.effect_ids()[0], reason="corrected")
    shop.flow.notify()

    assert len(shop.sent) == 2
    assert watched(shop) == [("skipped", "same_version")]
    assert shop.parked == []


def test_a_payment_after_the_send_needs_nobody(open_shop: Open, kind: str) -> None:
    shop = open_shop(helpers=True, kind=kind)
    invoice = shop.complete()
    shop.until("2026-11-20 10:30")

    shop.provider("invoice.paid", invoice_id=invoice)

    assert shop.parked == []


def test_a_change_seen_right_after_the_call_is_parked_by_the_run_itself(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.complete()
    pushed: list[bytes] = []

    def change_during_the_call(name: str) -> None:
        if name == "called" and not pushed:
            shop.flow.sandbox.trigger("invoice.changed", {"invoice_id": invoice, "total": "99.00"})
            pushed.extend(letter.body for letter in shop.flow.sandbox.drain())
        if name == "settled":
            shop.flow.runtime.point = lambda name: None
            for body in pushed:
                shop.flow.deliver(body)

    shop.flow.runtime.point = change_during_the_call
    shop.until("2026-11-20 10:30")

    assert len(shop.sent) == 1
    assert shop.parked == ["changed_after_send"]


def test_a_call_that_is_never_settled_is_a_task(open_shop: Open) -> None:
    shop = open_shop(helpers=True)
    invoice = shop.complete()
    shop.until("2026-11-20 10:30")

    shop.flow.db.write(lambda c: c.execute(sa.update(table_of(EffectRow)).values(state="calling")))
    shop.provider("invoice.changed", invoice_id=invoice, total="99.00")
    shop.until("2026-11-20 11:00")

    assert shop.tasks == ["call_never_settled"]
    assert watched(shop) == [("done", None)]
