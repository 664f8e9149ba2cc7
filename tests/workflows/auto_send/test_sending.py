"""The effects: modes and approvals, lost replies, caps, postage."""

from typing import Any

import sqlalchemy as sa

from receiver.db import table_of
from workers import ledger
from workers.desk import Alert
from workers.ids import new_id
from workers.ledger import EffectRow, Plan, Slot

from .conftest import Open, Shop

LATER = "2026-11-20 12:00"
NO_HOLD = {"hold_minutes": 0, "email_window": "00:00-24:00", "post_window": "00:00-24:00"}


def test_an_address_changed_while_an_approval_waits_is_never_written_to(open_shop: Open) -> None:
    shop = open_shop(mode="propose")
    invoice = shop.complete(email="old@muster.de")
    shop.until("2026-11-20 11:00")

    shop.flow.sandbox.account.customers[shop.flow.sandbox.account.invoices[invoice]["CUSTOMER_ID"]]["EMAIL"] = "new@muster.de"
    shop.flow.order("approve", shop.effect_ids()[0])
    waiting = shop.effect_ids()[1]
    shop.flow.order("approve", waiting)
    shop.until(LATER)

    assert [mail["to"] for mail in shop.mails] == ["new@muster.de"]
    assert [(state, reason) for _, _, state, reason in shop.flow.effects] == [("cancelled", "recipient_changed"), ("done", None)]


def test_a_proposal_nobody_approved_by_the_evening_is_proposed_again_in_the_morning(open_shop: Open) -> None:
    shop = open_shop("2026-11-20 19:00", mode="propose")

    shop.complete()
    shop.until("2026-11-21 07:30")

    assert [(state, reason) for _, _, state, reason in shop.flow.effects] == [("expired", "expired"), ("proposed", "mode_propose")]


def test_a_rejected_proposal_ends_the_run_with_its_reason(open_shop: Open) -> None:
    shop = open_shop(mode="propose")
    shop.finish()

    shop.flow.order("reject", shop.effect_ids()[0])

    assert shop.ended == [("skipped", "operator_rejected")]


def test_a_cancellation_only_the_last_read_shows_stops_the_e_mail(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.complete()
    shop.at_point("intended", lambda: shop.flow.sandbox.account.invoices[invoice].update(IS_CANCELED=True))

    shop.until(LATER)

    assert shop.sent == []
    assert [(state, reason) for _, _, state, reason in shop.flow.effects] == [("cancelled", "invoice_canceled")]
    assert shop.ended == [("skipped", "invoice_canceled")]


def test_a_letter_that_only_the_last_read_shows_stops_the_e_mail(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.complete()
    shop.at_point("intended", lambda: shop.flow.sandbox.account.invoices[invoice].update(SHIPMENT="1"))

    shop.until(LATER)

    assert shop.sent == []
    assert shop.ended == [("skipped", "sent_elsewhere")]


def test_an_invoice_gone_at_the_last_read_ends_with_its_reason(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.complete()
    shop.at_point("intended", lambda: shop.flow.sandbox.account.invoices.pop(invoice))

    shop.until(LATER)

    assert shop.sent == []
    assert shop.ended[0] == ("skipped", "not_found")


def send_another_version(shop: Shop, invoice: str) -> None:
    """Another run intends the same invoice in another version, and calls."""
    plan = Plan(
        run_id="another", step="send", workflow="another", source="shop", service="invoice.sendbyemail", object_kind="invoice",
        object_id=invoice, customer_id=None, purpose="send", request={},
    )  # fmt: skip

    def act(connection: sa.Connection) -> None:
        slot, now = Slot("shop", invoice, "send", "another", exclusive=True), shop.flow.clock.now
        made = new_id()
        assert ledger.take_slots(connection, made, [slot]) is None
        ledger.intend(connection, made, plan, state="intended", at=now)
        ledger.move(connection, made, "calling", since=["intended"], at=now, calling_at=now)
        ledger.move(connection, made, "done", since=["calling"], at=now)

    shop.flow.db.write(act)


def test_an_invoice_that_another_run_sends_meanwhile_was_sent_already(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.complete()
    shop.at_point("read", lambda: send_another_version(shop, invoice))

    shop.until(LATER)

    assert shop.sent == []
    assert ("cancelled", "duplicate_intent") in [(state, reason) for _, _, state, reason in shop.flow.effects]
    assert shop.ended == [("skipped", "already_sent")]


def test_a_proposal_somebody_rewrote_in_the_database_is_not_sent(open_shop: Open) -> None:
    shop = open_shop(mode="propose")
    shop.finish()
    request = shop.flow.rows(sa.select(table_of(EffectRow)))[0]["request"]

    shop.flow.db.write(lambda c: c.execute(sa.update(table_of(EffectRow)).values(request={**request, "subject": "Mahnung"})))
    shop.flow.order("approve", shop.effect_ids()[0])

    assert shop.sent == []
    assert shop.ended == [("skipped", "request_changed")]
    assert shop.alerts == ["request_changed"]


def test_observing_looks_at_everything_and_sends_nothing(open_shop: Open, kind: str) -> None:
    shop = open_shop(mode="observe", kind=kind)

    shop.finish(delivery_method="both")

    assert shop.sent == []
    assert shop.ended == [("done", None)]


def test_an_invoice_completed_before_the_switch_is_left_alone(open_shop: Open) -> None:
    shop = open_shop(mode="observe")
    shop.until("2026-11-20 10:01")
    shop.flow.sandbox.trigger("invoice.completed")

    shop.until("2026-11-20 10:05")
    shop.flow.set_mode("auto-send", "auto")
    shop.flow.notify()
    shop.until(LATER)

    assert shop.sent == []
    assert shop.ended == [("skipped", "completed_before_switch")]


def test_an_invoice_completed_before_the_switch_goes_with_existing_ones_included(open_shop: Open) -> None:
    shop = open_shop(mode="observe")
    shop.until("2026-11-20 10:01")
    shop.flow.sandbox.trigger("invoice.completed")

    shop.until("2026-11-20 10:05")
    shop.flow.set_mode("auto-send", "auto", include_existing=True)
    shop.flow.notify()
    shop.until(LATER)

    assert len(shop.sent) == 1


def test_little_postage_left_is_an_alert(open_shop: Open, kind: str) -> None:
    shop = open_shop(kind=kind)
    shop.flow.sandbox.account.remaining_credits = 20

    shop.finish(delivery_method="post")

    assert shop.alerts == ["low_postage"]


def test_enough_postage_is_none(open_shop: Open) -> None:
    shop = open_shop()
    shop.flow.sandbox.account.remaining_credits = 21

    shop.finish(delivery_method="post")

    assert shop.alerts == []


def test_an_e_mail_whose_reply_was_lost_is_parked_and_not_repeated(open_shop: Open, kind: str) -> None:
    shop = open_shop(kind=kind, helpers=True)
    shop.flow.sandbox.faults.add("drop", "invoice.sendbyemail")

    shop.finish()

    assert len(shop.sent) == 1
    assert [state for _, _, state, _ in shop.flow.effects] == ["unknown"]
    assert shop.parked != []


def test_an_e_mail_that_a_person_says_was_not_sent_is_sent_under_a_new_step(open_shop: Open) -> None:
    shop = open_shop()
    shop.flow.sandbox.faults.add("drop", "invoice.sendbyemail")
    shop.finish()

    shop.flow.order("resolve", shop.effect_ids()[0], did=False)

    assert [(state, reason) for _, _, state, reason in shop.flow.effects] == [("cancelled", "operator_did_not"), ("done", None)]
    assert len({step for step, *_ in shop.flow.effects}) == 2


def test_an_e_mail_that_a_person_says_was_sent_ends_the_run(open_shop: Open) -> None:
    shop = open_shop()
    shop.flow.sandbox.faults.add("drop", "invoice.sendbyemail")
    shop.finish()

    shop.flow.order("resolve", shop.effect_ids()[0], did=True)

    assert len(shop.sent) == 1
    assert shop.ended == [("done", None)]


def test_a_letter_whose_reply_was_lost_is_found_by_its_shipment(open_shop: Open) -> None:
    shop = open_shop()
    shop.flow.sandbox.faults.add("drop", "invoice.sendbypost")

    shop.finish(delivery_method="post")

    assert len(shop.sent) == 1
    assert [(state, reason) for _, _, state, reason in shop.flow.effects] == [("done", "found")]


def test_a_letter_whose_reply_was_lost_is_parked_where_no_shipment_can_be_read(open_shop: Open) -> None:
    shop = open_shop(kind="fastbill")
    shop.flow.sandbox.faults.add("drop", "invoice.sendbypost")

    shop.finish(delivery_method="post")

    assert len(shop.sent) == 1
    assert len(shop.parked) == 1


def test_a_backlog_beyond_three_times_the_usual_pauses_the_workflow(open_shop: Open) -> None:
    policy: dict[str, Any] = NO_HOLD | {"spike_floor": 3}
    shop = open_shop("2026-11-01 09:00", policy=policy)
    for day in ("01", "02", "15"):
        shop.jump(f"2026-11-{day} 12:00")
        shop.complete()

    for _ in range(4):
        shop.complete()

    assert len(shop.sent) == 3 + 2
    assert shop.alerts == ["spike_stop"]
    assert len(shop.flow.effects) == 7


def test_a_spike_that_a_person_looked_at_goes_on(open_shop: Open) -> None:
    shop = open_shop("2026-11-01 09:00", policy=NO_HOLD | {"spike_floor": 3})
    shop.complete()
    shop.jump("2026-11-15 12:00")
    for _ in range(5):
        shop.complete()
    stopped = len(shop.sent)

    shop.flow.set_mode("auto-send", "auto")
    shop.until("2026-11-15 12:05")

    assert stopped == 1 + 3
    assert [row["closed_at"] for row in shop.flow.rows(sa.select(table_of(Alert)))] != [None]
    assert len(shop.sent) == 1 + 5


def test_many_invoices_in_the_first_fortnight_are_no_spike(open_shop: Open) -> None:
    shop = open_shop(policy=NO_HOLD | {"spike_floor": 3})

    for _ in range(6):
        shop.complete()

    assert len(shop.sent) == 6
