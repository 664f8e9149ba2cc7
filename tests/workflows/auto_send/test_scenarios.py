"""The acceptance scenarios of auto-send, as written: S24 hold window and quiet hours, S25 once, and not on paper against the law."""

from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest

from receiver.db import Database
from receiver.errors import DatabaseBusy
from receiver.event import SendStopped

from .conftest import BERLIN, Open

S25_POLICY = {"turnover_prev_year_over_800k": True}


def test_an_invoice_completed_inside_the_window_leaves_when_its_hold_ends(open_shop: Open, kind: str) -> None:
    shop = open_shop("2026-11-20 18:50", kind=kind)

    shop.complete()
    shop.until("2026-11-20 19:04")
    early = shop.sent
    shop.until("2026-11-22 12:00")

    assert early == []
    assert shop.sent == [("sendbyemail", "2026-11-20 19:05")]
    assert shop.ended == [("done", None)]


def test_an_invoice_cancelled_during_its_hold_is_never_sent(open_shop: Open, kind: str) -> None:
    shop = open_shop("2026-11-20 18:50", kind=kind)
    invoice = shop.complete()

    shop.until("2026-11-20 18:58")
    shop.provider("invoice.canceled", invoice_id=invoice)
    shop.until("2026-11-21 08:00")

    assert shop.sent == []
    assert shop.ended == [("cancelled", "invoice.canceled")]


def test_an_invoice_an_operator_stopped_during_its_hold_is_never_sent(open_shop: Open) -> None:
    shop = open_shop("2026-11-20 18:50")
    invoice = shop.complete()

    shop.until("2026-11-20 18:58")
    shop.flow.signal(SendStopped(source="shop", at=shop.flow.clock.now, invoice_id=invoice, reason="wrong customer"))
    shop.until("2026-11-21 08:00")

    assert shop.sent == []
    assert shop.ended == [("cancelled", "send.stopped")]


def test_an_e_mail_whose_hold_ends_in_the_evening_leaves_on_saturday_morning(open_shop: Open, kind: str) -> None:
    shop = open_shop("2026-11-20 19:50", kind=kind)

    shop.complete()
    shop.until("2026-11-23 12:00")

    assert shop.sent == [("sendbyemail", "2026-11-21 07:00")]


def test_a_letter_whose_hold_ends_in_the_evening_leaves_on_monday_morning(open_shop: Open, kind: str) -> None:
    shop = open_shop("2026-11-20 19:50", kind=kind)

    shop.complete(delivery_method="post")
    shop.until("2026-11-23 12:00")

    assert shop.sent == [("sendbypost", "2026-11-23 08:00")]


class FailsOnce(Database):
    """A database that refuses one write after `armed` is set."""

    armed = False

    def write(self, fn: Any, **said: Any) -> Any:
        if self.armed:
            self.armed = False
            raise DatabaseBusy
        return super().write(fn, **said)


def test_a_result_that_could_not_be_saved_at_first_is_saved_without_a_second_call(open_shop: Open, database_url: str) -> None:
    with closing(FailsOnce(database_url)) as failing:
        shop = open_shop(database=failing)
        shop.flow.runtime.point = lambda name: setattr(failing, "armed", name == "called" or failing.armed)

        shop.complete()
        shop.until("2026-11-20 12:00")

        assert shop.sent == [("sendbyemail", "2026-11-20 10:15")]
        assert [state for _, _, state, _ in shop.flow.effects] == ["done"]
        assert shop.ended == [("done", None)]


def test_an_operator_who_orders_a_resend_gets_a_second_marked_mail(open_shop: Open, kind: str) -> None:
    shop = open_shop("2026-11-20 10:00", kind=kind)
    shop.complete()
    shop.until("2026-11-23 10:15")
    effect = shop.effect_ids()[0]

    answer = shop.flow.order("resend", effect, reason="the customer lost it")

    assert answer.startswith("events: resend: started")
    assert shop.sent == [("sendbyemail", "2026-11-20 10:15"), ("sendbyemail", "2026-11-23 10:15")]
    assert [mail["subject"] for mail in shop.mails] == ["Rechnung 26/001", "Rechnung 26/001 (Zweitversand)"]
    assert shop.reissues == ["resend"]
    assert shop.slots == [("send", 0), ("send", 1)]


def test_a_second_trigger_without_an_order_sends_nothing_again(open_shop: Open) -> None:
    shop = open_shop()
    invoice = shop.complete()
    shop.until("2026-11-20 12:00")

    answer = shop.replay(invoice)
    shop.until("2026-11-20 13:00")

    assert "started" in answer
    assert len(shop.sent) == 1
    assert shop.ended == [("done", None), ("skipped", "already_sent")]


def test_a_business_customer_gets_no_letter_once_the_law_asks_for_an_e_invoice(open_shop: Open, kind: str) -> None:
    shop = open_shop("2027-01-04 10:00", policy=S25_POLICY, kind=kind)

    shop.complete(delivery_method="post", total="1190.00", customer_type="business")
    shop.until("2027-01-05 12:00")

    assert shop.sent == []
    assert shop.tasks == ["einvoice_required"]


def test_an_e_invoice_that_never_comes_ends_the_run_with_its_reason(open_shop: Open) -> None:
    shop = open_shop("2027-01-04 10:00", policy=S25_POLICY | {"held_days": 1})

    shop.complete(delivery_method="post", total="1190.00")
    shop.until("2027-01-05 18:00")

    assert shop.ended == [("skipped", "einvoice_required")]


@pytest.mark.parametrize(("completed", "posted"), [("2027-01-04 15:44", "2027-01-04 15:59"), ("2027-01-04 15:45", "2027-01-05 08:00")])
def test_a_consumer_gets_a_letter_the_same_day_if_it_was_completed_before_a_quarter_to_four(
    open_shop: Open, completed: str, posted: str
) -> None:
    shop = open_shop(completed, policy=S25_POLICY)

    shop.complete(delivery_method="post", total="1190.00", customer_type="consumer")
    shop.until("2027-01-06 12:00")

    assert shop.sent == [("sendbypost", posted)]


def test_the_hold_counts_from_the_completion_and_not_from_the_webhook(open_shop: Open) -> None:
    shop = open_shop("2026-11-20 10:00")
    shop.flow.sandbox.trigger("invoice.completed")

    shop.flow.advance(minutes=10)
    shop.flow.notify()
    shop.until("2026-11-20 12:00")

    assert shop.sent == [("sendbyemail", "2026-11-20 10:15")]


def test_the_hold_is_fifteen_true_minutes_in_the_night_the_clocks_change(open_shop: Open) -> None:
    start = datetime(2026, 10, 25, 0, 50, tzinfo=BERLIN)
    shop = open_shop("2026-10-25 02:50", policy={"email_window": "00:00-24:00"})

    shop.complete()
    shop.until("2026-10-25 12:00")

    assert [at - start for _, at in shop.flow.calls] == [timedelta(hours=2, minutes=15)]
