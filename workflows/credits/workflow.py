"""Credits: when a prepaid customer's balance runs low, top it up once, inside the caps, and prove it by the balance.

One run of a customer at a time. A webhook and the sweep are hints: what is done is decided by a fresh balance, the books, and the
policy; every refusal has a reason code, and people hear of each once, not once per look.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import NoReturn

from workers.authoring import (
    CustomerDoc,
    CustomerUpdated,
    Event,
    Every,
    Linked,
    NotFound,
    Run,
    Tick,
    linked_customer,
    monsum,
    workflow,
    x_attributes_of,
)
from workflows.credits import books, lost, tables, transfers
from workflows.credits.amounts import TRANSFER_SHORT, ZERO, TopUpAmount, cents, is_low, out_of, top_up
from workflows.credits.books import NAME, Books, books_of
from workflows.credits.conditions import cannot_pay, not_enrolled, noticed_invoices
from workflows.credits.effects import CUSTOMER_LOCKED, UID, TopUp
from workflows.credits.errand import Errand
from workflows.credits.happenings import CreditsLook, CreditsResume
from workflows.credits.policy import CreditsPolicy
from workflows.credits.sweep import sweep
from workflows.credits.topup import ask_bill, ask_grant, grant_now, grant_resumed, pay_first

LOOK_AGAIN = timedelta(hours=6)
NOTICED_MAX = 10
TO_GRANT = (tables.PAID, tables.GRANTING, tables.NOT_GRANTED)


def _key(event: Event) -> str:
    customer_id = getattr(event, "customer_id", None)
    return f"customer:{customer_id}" if customer_id else f"at:{event.at.isoformat()}"


@workflow(
    NAME,
    on=(CustomerUpdated, CreditsLook, CreditsResume, Every("15m")),
    key=_key,
    about="customer",
    start="one-per-key",
    policy=CreditsPolicy,
    kinds=("monsum", "fastbill"),
)
def credits(run: Run, event: CustomerUpdated | CreditsLook | CreditsResume | Tick) -> None:
    """One look at one customer; a tick of the clock looks at all of them."""
    policy: CreditsPolicy = run.policy()
    if isinstance(event, Tick):
        sweep(run, policy)
        return
    if not event.customer_id:
        run.skip("customer_unknown")
    if isinstance(event, CreditsResume) and _resumed(run, policy, event.customer_id):
        return
    _look(run, policy, event.customer_id)


def _look(run: Run, policy: CreditsPolicy, customer_id: str) -> None:
    """Read the balance, decide, and carry the top-up out."""
    try:
        customer = run.read("customer", monsum.customer, customer_id)
    except NotFound:
        run.skip("customer_not_found")
    kept = run.step("books", books_of, run.source, customer_id, policy.currency, run.zone, run.now())
    balance = _balance(run, policy, customer, kept)
    plan = _plan(run, policy, customer, kept, balance)
    linked = _linked(run, policy, kept, customer_id)
    topup = TopUp(
        source=run.source, id=customer_id, uid=f"{UID}{run.id}", amount=plan.amount, currency=policy.currency, balance=balance,
        by_transfer=plan.by_transfer, linked=linked,
    )  # fmt: skip
    errand = Errand(run=run, policy=policy, topup=topup, short=plan.reason == TRANSFER_SHORT)
    if run.mode == "observe":
        _observe(errand)
        return
    _stop_where_lost(run, policy, customer_id)
    less = plan.reason or ("max_single" if plan.clamped else None)
    if topup.by_transfer:
        errand.topup = topup.model_copy(update={"paid_on": _opened(run, topup, less)})
    elif not run.step("open order", books.open_order, topup, run.id, less, run.now()):
        run.skip("order_open")
    (grant_now if policy.is_immediate(customer_id) else pay_first)(errand)


def _balance(run: Run, policy: CreditsPolicy, customer: CustomerDoc, kept: Books) -> Decimal:
    """The balance where it is low and the customer is ours. A balance that is missing is not zero."""
    said = customer.credit_balance
    problem = "balance_unknown" if said is None else "currency_differs" if said.currency != policy.currency else None
    if problem and kept.has_had_credits:
        _refuse(run, kept, customer.id, problem)
    if said is None or problem:
        run.skip(problem or "balance_unknown")
    balance = cents(said.amount)
    attributes = run.setting("attributes", lambda connection: x_attributes_of(connection, run.source, customer.id))
    reason = not_enrolled(policy, customer.id, attributes, has_had_credits=kept.has_had_credits or balance > ZERO)
    if reason or not is_low(policy, balance):
        run.skip(reason or "balance_fine")
    return balance


def _plan(run: Run, policy: CreditsPolicy, customer: CustomerDoc, kept: Books, balance: Decimal) -> TopUpAmount:
    """What to charge. Ends the run where nothing is to be charged now."""
    if kept.suspended:
        run.skip(f"suspended:{kept.suspended}"[:64])
    if kept.open_uid:
        run.skip("order_open")
    if kept.next_at is not None and run.now() < kept.next_at:
        run.skip("resting")
    if kept.within_day >= policy.burst - 1:
        run.alert("burst", "topup_burst", customer=customer.id, within_a_day=kept.within_day)
        run.step("suspend", books.suspend, run.source, customer.id, "burst")
        run.skip("burst")
    plan = top_up(policy, balance, used_day=kept.used_day, used_month=kept.used_month)
    if plan.amount == ZERO:
        _refuse(run, kept, customer.id, str(plan.reason), remaining=str(plan.remaining), wanted=str(plan.wanted))
    reason = None if policy.is_immediate(customer.id) else cannot_pay(customer)
    if reason:
        plan = _out_of_transfers(run, policy, customer.id, plan, kept, reason)
    if _is_noticed(run, customer.id):
        _refuse(run, kept, customer.id, "dunned")
    return plan


def _linked(run: Run, policy: CreditsPolicy, kept: Books, customer_id: str) -> tuple[str, str] | None:
    """(source, id) of the customer in the other system, where one is linked. Ends the run where they are known to be locked there."""
    if policy.link.source is None:
        return None
    found: Linked | None = run.step("linked customer", linked_customer, run.source, customer_id, policy.link, run.now())
    if found is not None and found.locked:
        _refuse(run, kept, customer_id, CUSTOMER_LOCKED, linked=found.id)
    return None if found is None else (found.source, found.id)


def _out_of_transfers(run: Run, policy: CreditsPolicy, customer_id: str, plan: TopUpAmount, kept: Books, reason: str) -> TopUpAmount:
    """The plan for somebody who cannot be charged: out of what came in by transfer. Ends the run, for `reason`, where nothing is left."""
    today = run.now().astimezone(run.zone).date()
    purse = run.step("received", transfers.purse_of, run.source, customer_id, policy.currency, today)
    if purse.left == ZERO:
        _refuse(run, kept, customer_id, reason)
    plan = out_of(plan, purse.left, policy)
    if plan.amount == ZERO:
        _refuse(run, kept, customer_id, TRANSFER_SHORT, received=str(purse.left), wanted=str(plan.wanted))
    return plan


def _opened(run: Run, topup: TopUp, less: str | None) -> date:
    """Open the order of a top-up out of received money; when that came in."""
    today = run.now().astimezone(run.zone).date()
    opened = run.step("open order", transfers.open_order, topup, run.id, less, run.now(), today)
    if opened.paid_on is None:
        run.skip(opened.reason or "order_open")
    return opened.paid_on


def _stop_where_lost(run: Run, policy: CreditsPolicy, customer_id: str) -> None:
    """End the run where the provider shows a top-up that the books lack: a restored backup may not know that it was charged."""
    invoices = run.step("lost top-ups", lost.adopt, run.source, customer_id, policy.unpaid_days, run.now())
    if invoices:
        run.task("look at the top-up", "topup_not_in_books", customer=customer_id, invoices=", ".join(invoices))
        run.skip("topup_not_in_books")


def _is_noticed(run: Run, customer_id: str) -> bool:
    """Whether an invoice is unpaid that dunning sent a formal notice for."""
    ids = run.setting("noticed invoices", lambda connection: noticed_invoices(connection, run.source, customer_id))
    for invoice_id in ids[-NOTICED_MAX:]:
        try:
            invoice = run.read(f"noticed {invoice_id}", monsum.invoice, invoice_id)
        except NotFound:
            continue
        if not invoice.is_canceled and (invoice.outstanding is None or invoice.outstanding.amount > ZERO):
            return True
    return False


def _refuse(run: Run, kept: Books, customer_id: str, reason: str, **said: str) -> NoReturn:
    """No top-up now: people hear it once per reason and day, for a monthly cap once per month; look again in some hours."""
    local = run.now().astimezone(run.zone)
    told = f"{reason}:{local:%Y-%m}" if reason == "cap_month" else f"{reason}:{local:%Y-%m-%d}"
    if kept.told != told:
        run.alert("refused", reason, customer=customer_id, **said)
    run.step("rest", books.rest, run.source, customer_id, told, run.now() + LOOK_AGAIN)
    run.skip(reason)


def _observe(errand: Errand) -> None:
    """What would have been done first; nothing is written but when to look again."""
    if errand.policy.is_immediate(errand.topup.id):
        ask_grant(errand)
    else:
        ask_bill(errand, short=errand.short)
    errand.run.step("rest", books.rest, errand.run.source, errand.topup.id, None, errand.run.now() + LOOK_AGAIN)


def _resumed(run: Run, policy: CreditsPolicy, customer_id: str) -> bool:
    """A person looked: free the customer; true where an open order was all there was to do."""
    state = run.step("resume", books.resume, run.source, customer_id, run.now())
    if not state:
        return False
    topup = run.step("open top-up", books.open_topup, run.source, customer_id)
    if state in TO_GRANT and topup is not None:
        grant_resumed(Errand(run=run, policy=policy, topup=topup), run.step("open invoice", books.open_invoice, run.source, customer_id))
        return True
    run.step("abandon", books.abandon, run.source, customer_id, run.now())
    run.task("look at the invoice", "order_abandoned", customer=customer_id, order=topup.uid if topup else None)
    return False
