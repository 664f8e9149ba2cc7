"""Auto-send: when an invoice is completed, send it once, by the customer's channel, after the hold and inside the window.

Every round reads invoice and customer anew, decides, and either waits, ends, or carries out one effect. Whatever keeps an invoice from
leaving has a reason code: the run's own where it ends, an alert or a task where it is held for a person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from workers.authoring import (
    CustomerDoc,
    EffectCancelled,
    InvoiceCanceled,
    InvoiceChanged,
    InvoiceCompleted,
    InvoiceDeleted,
    InvoiceDoc,
    Linked,
    Outcome,
    Rejected,
    Run,
    SendStopped,
    closing,
    monsum,
    next_open,
    switched_at,
    workflow,
)
from workflows.auto_send.channel import channel_of
from workflows.auto_send.einvoice import einvoice_due, printed
from workflows.auto_send.errand import Errand
from workflows.auto_send.policy import AutoSendPolicy, Channel
from workflows.auto_send.recipient import address_problem, can_be_posted
from workflows.auto_send.sending import (
    COPY,
    SEND,
    LinkedInvoice,
    send_copy,
    send_email,
    send_email_linked,
    send_letter,
    was_shipped,
    why_not,
)
from workflows.auto_send.texts import facts, language_of, load_texts

NAME = "auto-send"
ROUNDS_MAX = 300
PAUSE_DAYS = 61  # a pause lasts at most sixty
PLAN_AGAIN = ("expired", "operator_did_not", "changed_before_send", "recipient_changed")


@dataclass(frozen=True, slots=True)
class Way:
    """How the next effect goes out: by which channel, in which slot, to which address; `linked`: whose of another system it is."""

    channel: str
    slot: str = SEND
    recipient: str = ""
    cc: str | None = None
    copy_follows: bool = False
    linked: Linked | None = None


@workflow(
    NAME,
    on=InvoiceCompleted,
    key=lambda event: event.invoice_id,
    cancel_on=(InvoiceCanceled, InvoiceDeleted, SendStopped),
    policy=AutoSendPolicy,
    only_new=True,
)
def auto_send(run: Run, event: InvoiceCompleted) -> None:
    """One invoice, from its completion to its customer."""
    errand = Errand(run=run, policy=run.policy(), held_from=min(event.at, run.now()))
    if not run.reissued:
        _refuse_existing(run, event)
    while errand.round < ROUNDS_MAX:
        if _round(errand, event):
            return
        errand.round += 1
    run.task("gave up", "not_sent_in_time")
    run.skip("not_sent_in_time")


def _refuse_existing(run: Run, event: InvoiceCompleted) -> None:
    """What was completed before an operator switched the workflow on is not sent."""
    switched = run.setting("switched at", lambda connection: switched_at(connection, run.source, NAME))
    if switched and event.at < datetime.fromisoformat(switched):
        run.skip("completed_before_switch")


def _round(errand: Errand, event: InvoiceCompleted) -> bool:
    """One look at everything; true where there is nothing left to do."""
    run, held_version = errand.run, errand.version
    invoice = errand.read_invoice(event.invoice_id)
    if errand.sent and invoice.doc_version != held_version:
        errand.park_changed(invoice.id, held_version or "")
        run.skip("changed_after_send")
    _refuse(errand, invoice)
    if not run.reissued and not errand.sent and (ends := errand.hold_ends(invoice)) > run.now():
        errand.wait(ends)
        return False
    customer = errand.read_customer(invoice.customer_id or event.customer_id)
    linked = errand.linked(customer)
    channel = channel_of(customer, errand.policy, linked)
    if errand.sent and channel != "both":
        return True
    way = _way(errand, invoice, customer, channel, linked)
    return way is not None and _in_its_window(errand, invoice, customer, way)


def _in_its_window(errand: Errand, invoice: InvoiceDoc, customer: CustomerDoc, way: Way) -> bool:
    """Send where the window is open; else wait until it opens, and look at everything again then."""
    run = errand.run
    window, is_open_day = errand.policy.hours(way.channel)
    opens = next_open(window, run.now(), run.zone, is_open_day)
    last_on = errand.notified_by(invoice)
    if last_on is not None and opens.astimezone(run.zone).date() > last_on:
        errand.tell_once("prenotification_late", invoice=invoice.id, due_on=str(invoice.due_date), leaves_on=str(opens.date()))
    if opens > run.now():
        errand.wait(opens)
        return False
    return _send(errand, invoice, customer, way, valid_until=closing(window, opens, run.zone))


def _refuse(errand: Errand, invoice: InvoiceDoc) -> None:
    """End the run where the invoice is not to be sent, or somebody else sent it."""
    reason = why_not(invoice)
    if reason is None and was_shipped(invoice) and not errand.sent and not errand.run.reissued:
        reason = "already_sent" if errand.sent_before(invoice.id) else "sent_elsewhere"
    if reason == "total_unknown":
        errand.tell_once(reason, invoice=invoice.id)
    if reason:
        errand.run.skip(reason)


def _way(errand: Errand, invoice: InvoiceDoc, customer: CustomerDoc, channel: Channel | None, linked: Linked | None) -> Way | None:
    """How the next effect goes out now; None where the invoice is held."""
    if channel is None:
        _unmapped(errand, customer)
        return None
    if channel == "none":
        errand.run.skip("channel_none")
    if SEND in errand.sent:
        return _by_post(errand, invoice, COPY)
    by_email = partial(_by_email, errand, invoice, customer, linked, copy_follows=channel == "both")
    way = _by_post(errand, invoice) if channel == "post" else by_email()
    return way if way is None or _law_allows(errand, invoice, customer, way) else None


def _unmapped(errand: Errand, customer: CustomerDoc) -> None:
    if errand.policy.unmapped_channel == "skip":
        errand.run.skip("unmapped_channel")
    errand.held("unmapped_channel", customer=customer.id, delivery_method=customer.delivery_method)


def _by_post(errand: Errand, invoice: InvoiceDoc, slot: str = SEND) -> Way | None:
    if can_be_posted(invoice):
        return Way("post", slot)
    errand.held("postal_address_incomplete", task=True, invoice=invoice.id)
    return None


def _by_email(errand: Errand, invoice: InvoiceDoc, customer: CustomerDoc, linked: Linked | None, *, copy_follows: bool) -> Way | None:
    """To the customer's own address, or to that of the customer it is linked to. One that cannot be used is a task for a person,
    never a reason to take another field.
    """
    policy, suppressed = errand.policy, errand.suppressed(customer)
    theirs = linked.recipient if linked is not None else None
    address = theirs or customer.email
    problem = address_problem(address, placeholders=policy.placeholder_domains, suppressed=suppressed)
    if problem == "address_bounced" and policy.on_hard_bounce == "post" and can_be_posted(invoice):
        return Way("post")
    if problem:
        errand.held(problem, task=True, customer=customer.id)
        return None
    cc = _copy_to(errand, customer, suppressed)
    return Way("email", recipient=str(address).strip(), cc=cc, copy_follows=copy_follows, linked=linked if theirs else None)


def _copy_to(errand: Errand, customer: CustomerDoc, suppressed: set[str]) -> str | None:
    """EMAIL_CC inside the one call, where the policy says so and it can be used."""
    if errand.policy.cc_mode != "same_call" or not customer.email_cc:
        return None
    problem = address_problem(customer.email_cc, placeholders=errand.policy.placeholder_domains, suppressed=suppressed)
    if problem:
        errand.tell_once("cc_left_out", customer=customer.id, problem=problem)
    return None if problem else customer.email_cc.strip()


def _law_allows(errand: Errand, invoice: InvoiceDoc, customer: CustomerDoc, way: Way) -> bool:
    """The e-invoice gate: a letter is refused where an e-invoice is due; an e-mail needs the XML in its PDF."""
    run = errand.run
    if not einvoice_due(errand.policy, invoice, customer, run.now().astimezone(run.zone).date()):
        return True
    if way.channel != "email":
        errand.held("einvoice_required", task=True, invoice=invoice.id, channel=way.channel)
        return False
    found = run.read(errand.step("printed invoice"), printed, invoice.id)
    if found.einvoice is None:
        errand.held("einvoice_unchecked", invoice=invoice.id, why=found.why)
    elif not found.einvoice:
        errand.held("einvoice_required", task=True, invoice=invoice.id, channel=way.channel)
    return bool(found.einvoice)


def _send(errand: Errand, invoice: InvoiceDoc, customer: CustomerDoc, way: Way, *, valid_until: datetime) -> bool:
    """Carry out one effect; true where nothing is left to do after it."""
    carry_out = _carrier(errand, invoice, customer, way, valid_until)
    try:
        outcome = carry_out()
    except EffectCancelled as ended:
        if ended.reason in PLAN_AGAIN:
            return False
        if ended.reason == "pause":
            errand.held("pause", days=PAUSE_DAYS, invoice=invoice.id)
            return False
        if ended.reason == "duplicate_intent":
            errand.run.skip("already_sent")
        raise
    except Rejected as said:
        errand.held("provider_rejected", task=True, invoice=invoice.id, said="; ".join(said.reasons)[:200])
        return False
    return _sent(errand, invoice, way, outcome)


def _carrier(errand: Errand, invoice: InvoiceDoc, customer: CustomerDoc, way: Way, valid_until: datetime) -> Callable[[], Outcome]:
    run = errand.run
    if way.channel == "email":
        policy, texts = errand.policy, load_texts(errand.policy.templates)
        country = customer.country or invoice.country
        language = language_of(customer, country, policy.language_fallback, policy.country_languages, texts.languages)
        text = texts.compose(language, facts(invoice, customer, language=language, signature=policy.signature, second=run.reissued))
        copy = {} if way.cc is None else {"cc": way.cc}
        act, sent = send_email, invoice
        if way.linked is not None:
            act, sent = send_email_linked, LinkedInvoice.of(invoice, way.linked.source, way.linked.id, way.recipient)
        return lambda: run.effect(
            errand.step("send e-mail"), act, sent, valid_until=valid_until, recipient=way.recipient, subject=text.subject,
            message=text.message, **copy,
        )  # fmt: skip
    if way.slot == COPY:
        return lambda: run.effect(errand.step("send copy by post"), send_copy, invoice, valid_until=valid_until)
    return lambda: run.effect(errand.step("send by post"), send_letter, invoice, valid_until=valid_until)


def _sent(errand: Errand, invoice: InvoiceDoc, way: Way, outcome: Outcome) -> bool:
    """After an effect: postage, a change that came meanwhile, and whether a copy is to follow."""
    run = errand.run
    if outcome.state == "duplicate":
        return _was_there(errand, way)
    errand.sent.add(way.slot)
    _watch_postage(errand, way, outcome)
    if outcome.state == "done" and run.wait_for(InvoiceChanged, until=run.now(), name=errand.step("changed meanwhile")) is not None:
        now = run.read(errand.step("invoice after"), monsum.invoice, invoice.id)
        if now.doc_version != invoice.doc_version:
            errand.park_changed(invoice.id, invoice.doc_version)
            return True
    return not way.copy_follows


def _was_there(errand: Errand, way: Way) -> bool:
    """Another effect holds the slot. Only a person's order for the copy alone goes on past the e-mail."""
    if errand.sent:
        return True
    if not (errand.run.reissued and way.copy_follows):
        errand.run.skip("already_sent")
    errand.sent.add(way.slot)
    return False


def _watch_postage(errand: Errand, way: Way, outcome: Outcome) -> None:
    """REMAINING_CREDITS of the reply, where the provider said it."""
    reply = outcome.reply if isinstance(outcome.reply, dict) else {}
    left = str(reply.get("remaining_credits") or "")
    if way.channel == "post" and left.isdigit() and int(left) < errand.policy.low_postage_alert:
        errand.run.alert(errand.step("postage"), "low_postage", about=errand.run.source, left=int(left))
