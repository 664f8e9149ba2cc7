"""Orders: what a person has done at a provider is an effect like any other, done once for its key, whatever mode workflows are in."""

from typing import Any

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import table_of
from receiver.event import Disputed
from tests.workers.letters import mail
from workers import control, holds
from workers.ledger import EffectRow
from workers.loading import load_folders
from workers.operator import signal_arrival
from workers.order_outcomes import given, outcome
from workers.ordered import NAME, ordered
from workers.providers import offers
from workers.providers.ordering import Target
from workers.testing.autodns import AutodnsFlow
from workers.testing.flow import Flow
from workers.testing.qvickly import QvicklyFlow

load_folders()
MAIL = {"recipient": "max@example.com", "subject": "Ihre Rechnung", "message": "Anbei."}


def order(flow: Flow, noun: str, act: str, id: str = "", said: dict[str, Any] | None = None, key: str = "k-1", **more: Any) -> int:
    """Give the order as the command line does; its delivery's id."""
    kind, said = flow.runtime.accounts["shop"].kind, said or {}
    orderable = offers.ORDERS[kind][noun, act]
    if orderable.own_key is not None:
        said, own = orderable.own_key(dict(said), key)
        id = id or own
    event = ordered(kind, noun, act, Target(source="shop", id=id, order=key), said, at=flow.clock.now, **more)
    kept = flow.db.write(lambda c: inbox.append(c, signal_arrival(event, actor="cli:ada", at=flow.clock.now, id=key)))
    flow.settle()
    return kept.delivery_id


def came(flow: Flow, delivery: int) -> tuple[str, str]:
    with flow.db.read() as connection:
        found = outcome(connection, delivery)
    return found.state, found.reason


@pytest.fixture
def shop() -> Any:
    with Flow(NAME, mode="off") as flow:
        yield flow


def test_an_order_is_done_although_workflows_are_off(shop: Flow) -> None:
    id = shop.sandbox.trigger("invoice.created")["invoice_id"]

    delivery = order(shop, "invoices", "complete", id)

    assert came(shop, delivery) == ("done", "")
    assert shop.sandbox.account.invoices[id]["TYPE"] == "outgoing"
    assert [(step, object_id, state) for step, object_id, state, _ in shop.effects] == [("invoices complete", id, "done")]
    assert shop.runs[0][:3] == (NAME, "k-1", "done")


def test_an_order_is_done_before_a_baseline_was_read() -> None:
    with Flow(NAME, mode="off", connect=False) as flow:
        id = flow.sandbox.trigger("invoice.created")["invoice_id"]

        assert came(flow, order(flow, "invoices", "complete", id)) == ("done", "")


def test_a_freeze_and_a_pause_hold_an_order(shop: Flow) -> None:
    id = shop.sandbox.trigger("invoice.created")["invoice_id"]
    shop.db.write(lambda c: control.put(c, "freeze", {"reason": "operator"}, at=shop.clock.now))
    first = order(shop, "invoices", "complete", id)
    assert came(shop, first)[0] == "intended"

    shop.db.write(lambda c: holds.end_freeze(c, at=shop.clock.now, actor="ada"))
    shop.db.write(lambda c: control.put(c, f"pause:shop:{NAME}", {"by": "ada"}, at=shop.clock.now))
    shop.settle()
    assert came(shop, first)[0] == "intended"

    shop.db.write(lambda c: control.end_pause(c, f"pause:shop:{NAME}", at=shop.clock.now, actor="ada"))
    shop.settle()
    assert came(shop, first) == ("done", "")


def test_a_block_holds_what_reaches_the_customer_and_not_what_puts_it_right(shop: Flow) -> None:
    ids = shop.trigger("invoice.completed")
    shop.signal(Disputed(source="shop", at=shop.clock.now, **ids, reason="objects"))
    id = ids["invoice_id"]

    assert came(shop, order(shop, "invoices", "send", id, MAIL, key="a")) == ("skipped", "dispute")
    assert came(shop, order(shop, "invoices", "setpaid", id, {"paid_date": "2026-11-20"}, key="b"))[0] == "done"


def test_deleting_waits_for_a_second_word(shop: Flow) -> None:
    id = shop.sandbox.trigger("invoice.created")["invoice_id"]

    delivery = order(shop, "invoices", "delete", id)
    assert came(shop, delivery) == ("proposed", "cannot_be_undone")
    assert id in shop.sandbox.account.invoices

    shop.order("approve", shop.ids("proposed")[0])
    assert came(shop, delivery)[0] == "done"
    assert id not in shop.sandbox.account.invoices


@pytest.mark.parametrize("kind", sorted(offers.ORDERS))
def test_what_deletes_or_cancels_needs_approval_everywhere(kind: str) -> None:
    hard = {name for name in offers.ORDERS[kind] if name[1].partition("-")[0] in ("delete", "cancel", "credit")}

    assert hard <= {name for name, one in offers.ORDERS[kind].items() if one.approval}


def test_a_lost_answer_is_looked_up_and_nothing_is_done_twice(shop: Flow) -> None:
    shop.sandbox.faults.add("drop", "customer.create")
    said = {"customer_type": "business", "organization": "Muster GmbH"}

    delivery = order(shop, "customers", "create", said=said, key="C-4711")
    shop.advance(minutes=30)

    assert came(shop, delivery)[0] == "done"
    assert [one["CUSTOMER_NUMBER"] for one in shop.sandbox.account.customers.values()] == ["C-4711"]


def test_an_answer_nobody_can_look_up_is_put_before_a_person_and_resolved(shop: Flow) -> None:
    id = shop.trigger("invoice.completed")["invoice_id"]
    shop.sandbox.faults.add("drop", "invoice.sendbyemail")

    delivery = order(shop, "invoices", "send", id, MAIL)
    assert came(shop, delivery)[0] == "unknown" and ("parked", "unknown") in shop.told

    shop.order("resolve", shop.ids("unknown")[0], did=True)
    assert came(shop, delivery)[0] == "done"


def test_a_request_the_provider_rejects_is_parked(shop: Flow) -> None:
    id = shop.trigger("invoice.completed")["invoice_id"]
    shop.sandbox.faults.add("login", "invoice.setpaid")

    assert came(shop, order(shop, "invoices", "setpaid", id))[0] == "rejected"
    assert ("parked", "rejected") in shop.told


def test_the_same_key_does_nothing_twice(shop: Flow) -> None:
    id = shop.trigger("customer.created")["customer_id"]

    for _ in range(2):
        shop.advance(minutes=1)
        last = order(shop, "customers", "addcredits", id, {"amount": "20.00"}, key="once")

    assert came(shop, last) == ("skipped", "duplicate_intent")
    assert [service for service, _ in shop.calls] == ["customer.addcredits"]


def test_another_key_is_another_order(shop: Flow) -> None:
    id = shop.trigger("customer.created")["customer_id"]

    order(shop, "customers", "addcredits", id, {"amount": "20.00"}, key="a")
    order(shop, "customers", "addcredits", id, {"amount": "20.00"}, key="b")

    assert [service for service, _ in shop.calls] == ["customer.addcredits", "customer.addcredits"]


def test_an_invoice_goes_out_once_by_hand_or_by_workflow_unless_said_again() -> None:
    with Flow(mail, NAME) as flow:
        id = flow.trigger("invoice.completed")["invoice_id"]
        flow.advance(minutes=6)

        assert came(flow, order(flow, "invoices", "send", id, MAIL, key="a")) == ("skipped", "duplicate_intent")
        assert came(flow, order(flow, "invoices", "send", id, MAIL, key="b", again=True)) == ("done", "")


@pytest.mark.parametrize("act", ["capture", "correctvat2020"])
def test_money_is_collected_and_vat_corrected_once_unless_said_again(shop: Flow, act: str) -> None:
    id = shop.trigger("invoice.completed")["invoice_id"]
    as_it_was = dict(shop.sandbox.account.invoices[id])

    came_to = []
    for key, again in (("a", False), ("b", False), ("c", True)):
        came_to.append(came(shop, order(shop, "invoices", act, id, key=key, again=again)))
        shop.sandbox.account.invoices[id] = dict(as_it_was)  # collected, and not shown as paid yet

    assert came_to == [("done", ""), ("skipped", "duplicate_intent"), ("done", "")]


@pytest.mark.parametrize(
    ("trigger", "act", "reason"),
    [
        ("invoice.completed", "complete", "not_draft"), ("invoice.created", "send", "not_outgoing"),
        ("invoice.paid", "setpaid", "already_paid"),
        ("invoice.completed", "delete", "not_draft"), ("invoice.canceled", "post", "invoice_canceled"),
    ],
)  # fmt: skip
def test_the_fresh_read_forbids_what_does_not_fit_any_more(shop: Flow, trigger: str, act: str, reason: str) -> None:
    id = shop.trigger(trigger)["invoice_id"]

    delivery = order(shop, "invoices", act, id, MAIL if act == "send" else {})
    for proposed in shop.ids("proposed"):
        shop.order("approve", proposed)

    assert came(shop, delivery)[1] == reason


def test_a_number_that_is_taken_is_not_used_again(shop: Flow) -> None:
    shop.sandbox.trigger("customer.created", {"customer_number": "C-1"})

    delivery = order(shop, "customers", "create", said={"customer_type": "consumer", "last_name": "Muster"}, key="C-1")

    assert came(shop, delivery)[1] == "number_taken"
    assert len(shop.sandbox.account.customers) == 1


def test_attributes_are_written_as_a_whole_set_or_not_at_all(shop: Flow) -> None:
    id = shop.sandbox.trigger("customer.created")["customer_id"]

    assert came(shop, order(shop, "customers", "update", id, {"x_attributes.tier": "gold"}, key="a")) == ("skipped", "x_attributes_unknown")

    shop.notify()
    assert came(shop, order(shop, "customers", "update", id, {"x_attributes.tier": "gold"}, key="b"))[0] == "done"


def test_a_draft_is_made_and_a_line_of_it_is_deleted(shop: Flow) -> None:
    id = shop.sandbox.trigger("customer.created")["customer_id"]
    items = [{"description": name, "unit_price": "10.00", "vat_percent": "19"} for name in ("eins", "zwei")]
    delivery = order(shop, "invoices", "create", id, {"items": items}, key="R-1")
    assert came(shop, delivery)[0] == "done"
    (invoice,) = shop.sandbox.account.invoices.values()
    assert invoice["INVOICE_EXT_UID"] == "R-1"

    line = f"{invoice['INVOICE_ID']}/{invoice['ITEMS'][0]['INVOICE_ITEM_ID']}"
    order(shop, "invoices", "delete-item", line, key="R-2")
    shop.order("approve", shop.ids("proposed")[0])

    assert [item["DESCRIPTION"] for item in invoice["ITEMS"]] == ["zwei"]


def test_the_ledger_keeps_the_request_and_the_inbox_who_gave_it(shop: Flow) -> None:
    id = shop.trigger("customer.created")["customer_id"]
    delivery = order(shop, "customers", "update", id, {"email": "neu@example.com"})

    (effect,) = shop.rows(sa.select(table_of(EffectRow)))
    (kept,) = shop.rows(sa.select(table_of(inbox.Delivery)).where(table_of(inbox.Delivery).c.id == delivery))
    assert effect["request"]["fields"] == {"email": "neu@example.com"} and effect["customer_id"] == id
    assert (kept["origin"], kept["actor"]) == ("operator", "cli:ada")
    with shop.db.read() as connection:
        found = given(connection, "shop", "k-1")
    assert found is not None and found[0] == delivery


def test_a_worker_lost_anywhere_does_an_order_once() -> None:
    def scenario(flow: Flow) -> None:
        id = flow.sandbox.trigger("customer.created")["customer_id"]
        order(flow, "customers", "update", id, {"city": "Köln"})
        flow.advance(minutes=30)

    with Flow(NAME) as flow:
        flow.crash_everywhere(scenario, again=())


def test_a_payment_is_activated_and_a_customer_of_qvickly_changed() -> None:
    with QvicklyFlow(NAME) as flow:
        number = flow.trigger("payment.created")["payment_id"]
        assert came(flow, order(flow, "invoices", "activate", number, key="a"))[0] == "done"
        assert came(flow, order(flow, "invoices", "cancel", number, key="b"))[0] == "proposed"

        made = order(flow, "customers", "create", said={"name": "Anna"}, key="1001")
        with flow.db.read() as connection:
            id = str(outcome(connection, made).reference)
        assert came(flow, order(flow, "customers", "update", id, {"name": "Bea"}, key="d"))[0] == "done"

        assert flow.merchant.account.payments[number]["status"] == "Factoring"
        assert [(one["customerid"], one["name"]) for one in flow.merchant.account.customers.values()] == [("1001", "Bea")]


def test_a_customer_of_autodns_keeps_what_a_change_does_not_say() -> None:
    with AutodnsFlow(NAME) as flow:
        id = flow.user.trigger("customer.created", {"city": "Bonn", "fname": "Ada"})["customer_id"]

        assert came(flow, order(flow, "customers", "update", id, {"city": "Köln"}))[0] == "done"

        changed = flow.user.account.customers[id]
        assert (changed["city"], changed["fname"]) == ("Köln", "Ada")
