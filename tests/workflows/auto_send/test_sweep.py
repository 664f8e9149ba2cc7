"""What the sweep finds: completed invoices nobody looked at, and e-mails nobody knows about."""

from workers import baseline

from .conftest import Open, Shop


def sweeps(shop: Shop) -> list[tuple[str, str | None]]:
    return [(status, reason) for name, _, status, reason in shop.flow.runs if name == "auto-send-sweep"]


def test_a_sweep_with_nothing_to_do_says_so(open_shop: Open) -> None:
    shop = open_shop(helpers=True)

    shop.until("2026-11-20 10:31")

    assert set(sweeps(shop)) == {("skipped", "nothing_missing")}


def test_an_invoice_completed_while_the_workflow_was_off_is_found(open_shop: Open, kind: str) -> None:
    shop = open_shop(helpers=True, kind=kind)
    shop.flow.set_mode("auto-send", "off")
    shop.complete()
    missed = shop.ended

    shop.flow.set_mode("auto-send", "auto", include_existing=True)
    shop.until("2026-11-20 11:00")

    assert missed == []
    assert len(shop.sent) == 1
    assert shop.ended == [("done", None)]


def test_an_invoice_completed_before_the_switch_is_not_found(open_shop: Open) -> None:
    shop = open_shop(helpers=True)
    shop.flow.set_mode("auto-send", "off")
    shop.complete()

    shop.until("2026-11-20 10:20")
    shop.flow.set_mode("auto-send", "auto")
    shop.until("2026-11-20 11:00")

    assert shop.sent == []
    assert shop.ended == []


def test_an_invoice_that_was_only_observed_is_found_where_existing_ones_are_included(open_shop: Open) -> None:
    shop = open_shop(helpers=True, mode="observe")
    shop.complete()
    shop.until("2026-11-20 10:40")
    observed = shop.sent

    shop.flow.set_mode("auto-send", "auto", include_existing=True)
    shop.until("2026-11-20 11:30")

    assert observed == []
    assert len(shop.sent) == 1


def test_an_invoice_that_was_only_observed_is_left_alone_after_a_plain_switch(open_shop: Open) -> None:
    shop = open_shop(helpers=True, mode="observe")
    shop.complete()
    shop.until("2026-11-20 10:40")

    shop.flow.set_mode("auto-send", "auto")
    shop.until("2026-11-20 11:30")

    assert shop.sent == []


def test_an_invoice_that_a_run_decided_not_to_send_is_not_started_again(open_shop: Open) -> None:
    shop = open_shop(helpers=True)

    shop.complete(delivery_method="none")
    shop.until("2026-11-20 11:00")

    assert shop.ended == [("skipped", "channel_none")]


def test_an_invoice_cancelled_meanwhile_is_not_found(open_shop: Open) -> None:
    shop = open_shop(helpers=True)
    shop.flow.set_mode("auto-send", "off")
    invoice = shop.complete()
    shop.provider("invoice.canceled", invoice_id=invoice)

    shop.flow.set_mode("auto-send", "auto", include_existing=True)
    shop.until("2026-11-20 11:00")

    assert shop.ended == []


def test_what_the_baseline_found_is_history(open_shop: Open) -> None:
    shop = open_shop(helpers=True, connect=False)
    shop.flow.sandbox.trigger("invoice.completed")
    shop.flow.sandbox.drain()

    baseline.read(shop.flow.runtime, "shop")
    shop.until("2026-11-20 11:00")

    assert shop.sent == []
    assert shop.ended == []


def test_an_unknown_e_mail_is_sent_once_more_marked_where_the_policy_says_so(open_shop: Open, kind: str) -> None:
    shop = open_shop(helpers=True, kind=kind, policy={"unknown_email": "resend_once_marked"})
    shop.flow.sandbox.faults.add("drop", "invoice.sendbyemail")

    shop.complete()
    shop.until("2026-11-20 11:00")

    assert [mail["subject"] for mail in shop.mails] == ["Rechnung 26/001", "Rechnung 26/001 (Zweitversand)"]
    assert [state for _, _, state, _ in shop.flow.effects] == ["done", "done"]


def test_a_second_unknown_e_mail_is_left_to_a_person(open_shop: Open) -> None:
    shop = open_shop(helpers=True, policy={"unknown_email": "resend_once_marked"})
    shop.flow.sandbox.faults.add("drop", "invoice.sendbyemail", times=2)

    shop.complete()
    shop.until("2026-11-20 12:00")

    assert len(shop.mails) == 2
    assert [state for _, _, state, _ in shop.flow.effects] == ["done", "unknown"]


def test_an_unknown_e_mail_stays_parked_as_installed(open_shop: Open) -> None:
    shop = open_shop(helpers=True)
    shop.flow.sandbox.faults.add("drop", "invoice.sendbyemail")

    shop.complete()
    shop.until("2026-11-20 12:00")

    assert len(shop.mails) == 1
    assert [state for _, _, state, _ in shop.flow.effects] == ["unknown"]
