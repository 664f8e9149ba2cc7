"""One small scenario for every shipped workflow but the ladder, and for t-crash, played with a worker lost at each of its points.

What need not be crashed (a draft, a mail that went out before) is done once, when the flow is made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from receiver.db import table_of
from receiver.event import EmailBounced, SendStopped
from tests.flow.tale import customer, invoice
from tests.workers.letters import MAIL_UNCAPPED, PAY
from workers import ordered
from workers.authoring import ClaimsSettled, InvoiceCompleted, Money, Run, monsum, workflow
from workers.desk import Task
from workers.loading import load_folders
from workers.providers.ordering import Target
from workers.testing.autodns import AutodnsFlow
from workers.testing.flow import START, Flow
from workflows.auto_send.bounces import follow_bounce
from workflows.auto_send.changes import watch_changes
from workflows.auto_send.sweep import sweep
from workflows.auto_send.workflow import auto_send
from workflows.credits.autodns import propose_topup
from workflows.credits.happenings import CreditsReceived, CreditsUnpaid
from workflows.credits.late import late_payment
from workflows.credits.receiving import received
from workflows.credits.tables import FAILED, add_order
from workflows.credits.withdraw import withdraw_unpaid
from workflows.credits.workflow import credits
from workflows.customers.reverse_charge import before_first_use
from workflows.customers.vat import check_vat_id
from workflows.customers.workflow import follow_rules
from workflows.dunning.claims import Claim
from workflows.dunning.deciding import settle_claims
from workflows.dunning.outlook import CLAIMS_LEFT
from workflows.dunning.tables import put_claims

POLICY = {"channel_map": {"mail": "email", "both": "both"}, "placeholder_domains": [], "hold_minutes": 1}


@dataclass(frozen=True)
class Scenario:
    """`make(**how)` gives a flow; `play` is what is crashed. Of a `slow` one every point is tried by `make chaos` only, else a sample."""

    name: str
    make: Callable[..., Flow]
    play: Callable[[Flow], None]
    slow: bool = False


def ready() -> str:
    return "ready"


@workflow("t-crash", on=InvoiceCompleted)
def crashed(run: Run, event: InvoiceCompleted) -> None:
    """Sleep, read, step, an effect that can only be asked once, one that can be read back, a wait, a step."""
    run.sleep_until(event.at + timedelta(minutes=1))
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.step("prepare", ready)
    run.effect("mail", MAIL_UNCAPPED, invoice, recipient="max@example.com", subject="Ihre Rechnung", message="Anbei.")
    run.effect("pay", PAY, invoice)
    run.wait_for(SendStopped, until=event.at + timedelta(minutes=10), name="stop")
    run.step("end", ready)


def of_crashed(**how: Any) -> Flow:
    flow = Flow(crashed, **how)
    flow.trigger("invoice.created")
    return flow


def play_crashed(flow: Flow) -> None:
    """The draft is completed; two minutes later somebody says stop; three more pass."""
    flow.trigger("invoice.completed", invoice_id=invoice(flow))
    flow.advance(minutes=2)
    flow.signal(SendStopped(source="shop", at=flow.clock.now, invoice_id=invoice(flow), customer_id=customer(flow)))
    flow.advance(minutes=3)


def of_auto_send(**how: Any) -> Flow:
    flow = Flow(auto_send, policy=POLICY, **how)
    flow.trigger("invoice.created", delivery_method="both")
    return flow


def play_auto_send(flow: Flow) -> None:
    """An invoice for e-mail and post is completed."""
    flow.trigger("invoice.completed", invoice_id=invoice(flow))
    flow.advance(minutes=2)


def of_sweep(**how: Any) -> Flow:
    """An invoice that was completed while auto-send was off, and is wanted now."""
    flow = Flow(auto_send, sweep, policy=POLICY, **how)
    flow.set_mode("auto-send", "off")
    flow.trigger("invoice.completed")
    flow.advance(minutes=14)
    flow.set_mode("auto-send", "auto", include_existing=True)
    return flow


def play_sweep(flow: Flow) -> None:
    """The quarter of an hour comes."""
    flow.advance(minutes=2)


def sent(*others: Callable[..., None], policy: dict[str, Any], **how: Any) -> Flow:
    """An invoice that was mailed five minutes ago."""
    flow = Flow(auto_send, *others, policy=POLICY | policy, **how)
    flow.trigger("invoice.completed")
    flow.advance(minutes=6)
    assert [effect[2] for effect in flow.effects] == ["done"]
    return flow


def of_changes(**how: Any) -> Flow:
    return sent(watch_changes, policy={}, **how)


def play_changes(flow: Flow) -> None:
    """What was mailed changes."""
    flow.trigger("invoice.changed", invoice_id=invoice(flow), total="150.00")
    flow.advance(minutes=2)


def of_bounces(**how: Any) -> Flow:
    return sent(follow_bounce, policy={"on_hard_bounce": "post"}, **how)


def play_bounces(flow: Flow) -> None:
    """The mail comes back, and a letter follows."""
    flow.signal(EmailBounced(source="shop", at=flow.clock.now, invoice_id=invoice(flow), bounce="hard"))
    flow.advance(minutes=2)


def of_credits(**how: Any) -> Flow:
    """A prepaid customer whose balance is low, and who is credited at once."""
    flow = Flow(credits, policy={"grant_on": "immediate"}, **how)
    flow.trigger("customer.created")
    flow.sandbox.account.customers[customer(flow)]["CREDIT_BALANCE"] = Decimal("11.90")
    return flow


def play_credits(flow: Flow) -> None:
    """A webhook hints at it."""
    flow.trigger("customer.updated", customer_id=customer(flow), phone="1")
    flow.advance(minutes=1)


def of_withdraw(**how: Any) -> Flow:
    """The invoice of a top-up that nobody paid."""
    flow = Flow(withdraw_unpaid, **how)
    flow.trigger("invoice.completed", ext_uid="billhook-topup-1")
    return flow


def play_withdraw(flow: Flow) -> None:
    """The sweep finds it, and a person says yes."""
    flow.signal(CreditsUnpaid(source="shop", at=flow.clock.now, customer_id=customer(flow), invoice_id=invoice(flow)))
    for id in flow.ids("proposed"):
        flow.order("approve", id)
    flow.advance(minutes=2)


def of_late(**how: Any) -> Flow:
    """The invoice of a top-up that was given up."""
    flow = Flow(late_payment, **how)
    ids = flow.trigger("invoice.completed")
    order = {"run_id": "gone", "amount": "88.10", "currency": "EUR", "state": FAILED, "opened_at": flow.clock.now}
    flow.db.write(lambda c: add_order(c, "shop", ids["customer_id"], "billhook-topup-1", invoice_id=ids["invoice_id"], **order))
    return flow


def play_late(flow: Flow) -> None:
    """It is paid after all."""
    flow.trigger("invoice.paid")
    flow.advance(minutes=2)


def of_received(**how: Any) -> Flow:
    """A prepaid customer whose balance is low, and who cannot be charged."""
    flow = Flow(received, credits, **how)
    flow.trigger("customer.created")
    flow.sandbox.account.customers[customer(flow)].update({"PAYMENT_TYPE": "6", "CREDIT_BALANCE": Decimal("11.90")})
    return flow


def play_received(flow: Flow) -> None:
    """A transfer comes in, which pays for a top-up."""
    said = {"amount": Money(Decimal("100.00"), "EUR"), "received_on": date(2026, 11, 18), "reference": "4711"}
    flow.signal(CreditsReceived(source="shop", at=flow.clock.now, customer_id=customer(flow), **said))  # type: ignore[arg-type]
    flow.advance(minutes=2)


def of_claims(**how: Any) -> Flow:
    """An invoice with two claims that are left open, and the task that asks about them."""
    flow = Flow(settle_claims, **how)
    id, now = flow.trigger("invoice.completed")["invoice_id"], flow.clock.now
    owed = [Claim(level=2, kind=kind, amount=Money(Decimal("40.00"), "EUR")) for kind in ("interest", "flat_sum")]
    flow.db.write(lambda c: put_claims(c, "shop", id, owed, at=now))
    task = {"run_id": "gone", "name": "claims", "source": "shop", "reason": CLAIMS_LEFT, "opened_at": now, "detail": {"invoice": id}}
    flow.db.write(lambda c: c.execute(table_of(Task).insert().values(**task)))
    return flow


def play_claims(flow: Flow) -> None:
    """A person waives one and calls the other paid."""
    said = {"invoice_id": invoice(flow), "customer_id": customer(flow)}
    flow.signal(ClaimsSettled(source="shop", at=START, state="waived", kind="interest", **said))
    flow.advance(minutes=1)
    flow.signal(ClaimsSettled(source="shop", at=START + timedelta(minutes=1), state="paid", **said))
    flow.advance(minutes=1)


def of_by_hand(**how: Any) -> Flow:
    """A draft, and an invoice that went out."""
    load_folders()
    flow = Flow(ordered.NAME, **how)
    for done in ("invoice.created", "invoice.completed"):
        flow.trigger(done)
    return flow


def play_by_hand(flow: Flow) -> None:
    """A person has the draft completed and, after a yes, the other one cancelled."""
    draft, out = sorted(flow.sandbox.account.invoices)
    for act, id in (("complete", draft), ("cancel", out)):
        event = ordered.ordered("monsum", "invoices", act, Target(source="shop", id=id, order=act), {}, at=START)
        flow.signal(event)
    for proposed in flow.ids("proposed"):
        flow.order("approve", proposed)
    flow.advance(minutes=2)


def of_autodns(**how: Any) -> Flow:
    return AutodnsFlow(propose_topup, poll=False, **how)


def play_autodns(flow: Flow) -> None:
    """The prepaid account runs low, and a poll finds it; one that is lost is made up for by the next."""
    flow.sandbox.trigger("account.spent")
    flow.advance(minutes=61)


def of_rules(**how: Any) -> Flow:
    """A customer, and a rule for those on a plan."""
    rule = {"name": "gold", "attributes": {"plan": "gold"}, "write": {"days_for_payment": "30"}}
    flow = Flow(follow_rules, policy={"rules": [rule]}, **how)
    flow.trigger("customer.created")
    return flow


def play_rules(flow: Flow) -> None:
    """The customer is put on the plan."""
    flow.trigger("customer.updated", **{"x_attributes.plan": "gold"})
    flow.advance(minutes=2)


def of_vat(**how: Any) -> Flow:
    return Flow(check_vat_id, **how)


def play_vat(flow: Flow) -> None:
    """A customer with a VAT id is created, and moves."""
    flow.trigger("customer.created", vat_id="DE136695976")
    flow.trigger("customer.updated", city="Bonn")
    flow.advance(minutes=2)


def of_vat_invoice(**how: Any) -> Flow:
    return Flow(before_first_use, **how)


def play_vat_invoice(flow: Flow) -> None:
    """An invoice without VAT goes to another member state."""
    customer = flow.trigger("customer.created", vat_id="ATU13585627")["customer_id"]
    draft = flow.sandbox.account.new_invoice(flow.sandbox.account.customers[customer], {})
    draft["ITEMS"][0]["VAT_PERCENT"] = "0.00"
    flow.sandbox.account.total(draft)
    flow.trigger("invoice.completed", invoice_id=draft["INVOICE_ID"])
    flow.advance(minutes=2)


SCENARIOS = (
    Scenario("t-crash", of_crashed, play_crashed),
    Scenario("auto-send", of_auto_send, play_auto_send),
    Scenario("auto-send-sweep", of_sweep, play_sweep, slow=True),
    Scenario("auto-send-changes", of_changes, play_changes),
    Scenario("auto-send-bounces", of_bounces, play_bounces, slow=True),
    Scenario("credits", of_credits, play_credits, slow=True),
    Scenario("credits-withdraw", of_withdraw, play_withdraw, slow=True),
    Scenario("credits-late", of_late, play_late, slow=True),
    Scenario("credits-received", of_received, play_received, slow=True),
    Scenario("credits-autodns", of_autodns, play_autodns, slow=True),
    Scenario("customers", of_rules, play_rules, slow=True),
    Scenario("customers-vat", of_vat, play_vat, slow=True),
    Scenario("customers-vat-invoice", of_vat_invoice, play_vat_invoice, slow=True),
    Scenario("dunning-claims", of_claims, play_claims, slow=True),
    Scenario("by-hand", of_by_hand, play_by_hand, slow=True),
)
