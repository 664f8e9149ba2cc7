"""How one order is carried out: invoice, completion, charge, payment, then the grant and its proof; or the grant at once.

What came in by transfer before is no charge: the invoice is set paid, on the day on which the money came.

Used by workflow.py. Nothing is granted before the invoice itself reads as paid; what was paid and cannot be granted is a state of its
own, `paid_not_granted`, and told.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import Connection

from workers.authoring import (
    EffectDef,
    InvoiceCanceled,
    InvoiceDoc,
    InvoicePaid,
    NotFound,
    PaymentChargeback,
    PaymentFailed,
    monsum,
)
from workflows.credits import books, tables
from workflows.credits.amounts import cents
from workflows.credits.effects import (
    TopUpInvoice,
    bill,
    bill_short,
    charge,
    complete,
    grant,
    grant_at_once,
    invoice_problem,
    is_paid,
    set_paid,
)
from workflows.credits.errand import Came, Errand
from workflows.credits.grants import keep_grant
from workflows.credits.proof import Proof, proof_of

LOOK_EVERY = timedelta(hours=6)
LOOK_AGAIN = timedelta(minutes=2)
LOOKS_MAX = 400
HELD = {"pause": timedelta(hours=1), "dispute": timedelta(hours=1), "operator_did_not": timedelta(0)}
GRANTS_MAX = 20
NET_PLACES = Decimal("0.00000001")


def pay_first(errand: Errand) -> None:
    """Invoice, charge, and when it is paid the grant. Ends the run where it comes to nothing."""
    invoice = _billed(errand)
    _completed(errand, invoice)
    (_set_paid if errand.topup.by_transfer else _charged)(errand, invoice)
    errand.keep("order paid", state=tables.PAID, paid_at=errand.run.now())
    grant_paid(errand)


def ask_bill(errand: Errand, *, short: bool = False) -> Came:
    """Draft the invoice. One line; its price is net where the policy says a VAT rate. `short`: less came in than was planned; ask."""
    topup, policy = errand.topup, errand.policy
    net = (topup.amount / (1 + policy.vat_percent / 100)).quantize(NET_PLACES).normalize() if policy.vat_percent else topup.amount
    line = {"description": policy.title, "quantity": Decimal(1), "unit_price": net, "vat_percent": policy.vat_percent}
    said = {"invoice_ext_uid": topup.uid, "currency_code": topup.currency, "invoice_title": policy.title}
    return errand.act("bill", bill_short if short else bill, topup, valid_until=_until(errand), items=(line,), **said)


def ask_grant(errand: Errand) -> Came:
    """Add the credits at once."""
    return errand.act("grant", grant_at_once, errand.topup, valid_until=_until(errand), amount=errand.topup.amount)


def _billed(errand: Errand) -> TopUpInvoice:
    """The draft of the top-up's invoice."""
    topup, came = errand.topup, ask_bill(errand, short=errand.short)
    if came.declined:
        errand.fail("invoice_rejected", said=came.reason)
    if came.outcome is None:
        errand.drop(came.reason)
    if not came.outcome.reference:
        errand.fail("invoice_unknown")
    invoice_id = came.outcome.reference
    errand.keep("order invoiced", state=tables.INVOICED, invoice_id=invoice_id)
    return TopUpInvoice(source=topup.source, id=invoice_id, uid=topup.uid, amount=topup.amount, currency=topup.currency)


def _completed(errand: Errand, invoice: TopUpInvoice) -> None:
    """Make it a real invoice, where it says what it should; a draft that does not is left to a person."""
    came = errand.act("complete", complete, invoice)
    if came.outcome is None:
        errand.fail("invoice_rejected" if came.declined else came.reason, invoice=invoice.id)
    problem = invoice_problem(_read(errand, "completed invoice", invoice), invoice.amount)
    if problem:
        errand.fail(problem, invoice=invoice.id)


def _charged(errand: Errand, invoice: TopUpInvoice) -> None:
    """Charge it, again after each pause where it is declined, and wait until it reads as paid."""
    errand.keep("order capturing", state=tables.CAPTURING)
    pauses = errand.policy.pauses
    for attempt in range(len(pauses) + 1):
        came = _charge(errand, invoice, attempt)
        if not came.declined:
            if came.outcome is None and came.reason != "already_paid":
                errand.fail(came.reason, invoice=invoice.id)
            _await_payment(errand, invoice)
            return
        errand.run.alert(f"declined {attempt}", "charge_declined", customer=errand.topup.id, invoice=invoice.id, attempt=attempt + 1)
        if attempt < len(pauses) and _paid_by(errand, invoice, attempt, errand.run.now() + pauses[attempt]):
            return
    errand.fail("declined", invoice=invoice.id)


def _set_paid(errand: Errand, invoice: TopUpInvoice) -> None:
    """Book what came in before. Until then the order gives the money back where it ends; from then on it is used."""
    came = _once_free(errand, "set paid", set_paid, invoice, paid_date=errand.topup.paid_on)
    if came.declined:
        errand.fail("set_paid_rejected", invoice=invoice.id, said=came.reason)
    if came.outcome is None and came.reason != "already_paid":
        errand.fail(came.reason, invoice=invoice.id)
    errand.keep("order capturing", state=tables.CAPTURING)
    _await_payment(errand, invoice)


def _charge(errand: Errand, invoice: TopUpInvoice, attempt: int) -> Came:
    """One attempt to charge."""
    return _once_free(errand, f"charge {attempt}", charge, invoice, held=f"held {attempt}")


def _once_free(errand: Errand, step: str, act: EffectDef, invoice: TopUpInvoice, *, held: str = "held", **said: Any) -> Came:
    """One act; held while the customer is paused, and done anew where a person says that a lost one did not happen."""
    last_at = errand.run.now() + timedelta(days=errand.policy.unpaid_days)
    for number in range(LOOKS_MAX):
        came = errand.act(f"{step} {number}", act, invoice, **said)
        if came.reason not in HELD or errand.run.now() >= last_at:
            return came
        errand.run.sleep_until(errand.run.now() + HELD[came.reason], name=f"{held} {number}")
    return Came(None, "held_too_long")


def _paid_by(errand: Errand, invoice: TopUpInvoice, attempt: int, until: datetime) -> bool:
    """Wait for the next attempt; true where the invoice was paid meanwhile in another way."""
    for number in range(LOOKS_MAX):
        event = errand.run.wait_for(InvoicePaid, until=until, name=f"pause {attempt} {number}")
        if event is None:
            return False
        if event.invoice_id == invoice.id:  # type: ignore[attr-defined]
            return is_paid(_read(errand, f"invoice in pause {attempt} {number}", invoice))
    return False


def _await_payment(errand: Errand, invoice: TopUpInvoice) -> None:
    """Look at the invoice until it is paid: a direct debit takes days."""
    run, last_at = errand.run, errand.run.now() + timedelta(days=errand.policy.unpaid_days)
    for look in range(LOOKS_MAX):
        now = _read(errand, f"invoice {look}", invoice)
        if is_paid(now):
            return
        problem = invoice_problem(now, invoice.amount)
        if problem or run.now() >= last_at:
            errand.fail(problem or "unpaid", invoice=invoice.id)
        until = min(run.now() + LOOK_EVERY, last_at)
        event = run.wait_for(InvoicePaid, InvoiceCanceled, PaymentFailed, PaymentChargeback, until=until, name=f"payment {look}")
        if isinstance(event, PaymentFailed | PaymentChargeback) and event.invoice_id in (None, invoice.id):
            errand.fail("payment_failed", invoice=invoice.id)
    errand.fail("unpaid", invoice=invoice.id)


def grant_resumed(errand: Errand, invoice: TopUpInvoice | None) -> None:
    """Grant what was paid some time ago, where its invoice still reads as paid: a payment may have gone back, or never have come."""
    if invoice is not None and not is_paid(_read(errand, "invoice resumed", invoice)):
        errand.fail("payment_failed", invoice=invoice.id)
    grant_paid(errand)


def grant_paid(errand: Errand) -> None:
    """Add what was paid. The balance read directly before the call is what the proof is made with."""
    run = errand.run
    for round in range(GRANTS_MAX):
        before = _balance(errand, f"balance {round}")
        if before is None:
            run.sleep_until(run.now() + LOOK_AGAIN, name=f"no balance {round}")
            continue
        errand.keep(f"order granting {round}", state=tables.GRANTING, balance_before=str(before))
        read = errand.topup.model_copy(update={"balance": before})
        came = errand.act(f"grant {round}", grant, read, amount=read.amount)
        if came.outcome is not None:
            _prove(errand, before)
            return
        if came.reason not in ("balance_moved", "balance_unknown"):
            _not_granted(errand, came.reason)
            return
        run.sleep_until(run.now() + LOOK_AGAIN, name=f"moved {round}")
    _not_granted(errand, "balance_unsteady")


def _not_granted(errand: Errand, reason: str) -> None:
    """Paid, and no credits: the one state that may never stay unseen."""
    errand.keep("order not granted", state=tables.NOT_GRANTED, reason=reason[:64], told_at=errand.run.now())
    errand.run.alert("not granted", "paid_not_granted", customer=errand.topup.id, order=errand.topup.uid, why=reason[:64])
    errand.run.task("grant what was paid", "paid_not_granted", customer=errand.topup.id, order=errand.topup.uid)
    errand.run.skip("paid_not_granted")


def grant_now(errand: Errand) -> None:
    """For customers who are trusted: credited first, billed by whatever bills them."""
    before = errand.topup.balance
    errand.keep("order granting", state=tables.GRANTING, balance_before=str(before))
    came = ask_grant(errand)
    if came.declined:
        errand.fail("grant_rejected", said=came.reason)
    if came.outcome is None:
        errand.drop(came.reason)
    _prove(errand, before)


def _prove(errand: Errand, before: Decimal) -> None:
    """Read the balance; where it does not show the top-up, once more after two minutes, then a person looks."""
    run, topup = errand.run, errand.topup
    after = _balance(errand, "balance after")
    proof: Proof = "review" if after is None else proof_of(before, topup.amount, after)
    if proof == "review":
        run.sleep_until(run.now() + LOOK_AGAIN, name="look again")
        after = _balance(errand, "balance after again")
        proof = "review" if after is None else proof_of(before, topup.amount, after)
    shown = None if after is None else str(after)
    errand.keep("order granted", state=tables.GRANTED, balance_after=shown, proof=proof, reason=None, ended_at=run.now())
    if errand.policy.expire_days is not None:
        run.step("grant runs out", keep_grant, topup, run.now(), run.now() + timedelta(days=errand.policy.expire_days))
    run.step("caps told", books.tell_caps, topup, errand.policy, run.zone, run.now())
    rest = None if proof != "review" else "balance_not_proved"
    next_at = run.now() + timedelta(minutes=errand.policy.cooldown_minutes)
    run.step("customer settled", settle_customer, topup.source, topup.id, next_at, rest)
    if rest:
        run.task("look at the balance", rest, customer=topup.id, order=topup.uid, expected=str(before + topup.amount), shown=shown)


def settle_customer(connection: Connection, source: str, customer_id: str, next_at: datetime, suspended: str | None) -> bool:
    """After a grant: the cooldown, and a clean sheet for what people were told."""
    tables.put_customer(connection, source, customer_id, next_at=next_at, suspended=suspended, told=None, low_since=None)
    return suspended is None


def _balance(errand: Errand, step: str) -> Decimal | None:
    try:
        said = errand.run.read(step, monsum.customer, errand.topup.id).credit_balance
    except NotFound:
        return None
    return None if said is None or said.currency != errand.topup.currency else cents(said.amount)


def _read(errand: Errand, step: str, invoice: TopUpInvoice) -> InvoiceDoc:
    try:
        return errand.run.read(step, monsum.invoice, invoice.id)
    except NotFound:
        errand.fail("invoice_not_found", invoice=invoice.id)


def _until(errand: Errand) -> datetime:
    """By when the first effect must have been carried out, a person's yes included."""
    return errand.run.now() + timedelta(hours=errand.policy.approval_ttl_hours)
