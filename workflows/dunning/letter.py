"""The one effect of dunning: a message about one or more invoices of one customer, each at its own level, in its own slot.

Owns the slots (invoice, `notice`, level), the fresh read of every invoice the message names, and what must still be true of each.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import Connection

from workers.authoring import (
    Approval,
    CustomerDoc,
    EffectDef,
    Excluded,
    Insolvent,
    InvoiceDoc,
    Money,
    Paused,
    Promised,
    Query,
    Read,
    RemindersDoc,
    Service,
    Slot,
    blocks_of,
    customer_known,
    effect,
    linked_recipient,
    mail,
    monsum,
)
from workflows.dunning.byhand import untaken
from workflows.dunning.debtor import Debtor
from workflows.dunning.eligibility import words_of
from workflows.dunning.policy import DunningPolicy
from workflows.dunning.statement import Statement

NOTICE = "notice"


class Standing(BaseModel):
    """An invoice, its customer, and the reminders somebody else sent, read one after the other."""

    model_config = ConfigDict(frozen=True)

    invoice: InvoiceDoc
    customer: CustomerDoc
    reminders: RemindersDoc


def _standing(client: object, id: str) -> Standing:
    return _standings(client, [id])[0]


def _standings(client: Any, ids: Sequence[str]) -> list[Standing]:
    """The invoices with one call, their customer with one, and the reminders of each."""
    invoices = client.query_all(monsum.invoice, ids)
    customers = {id: monsum.customer.run(client, str(id)) for id in {one.customer_id for one in invoices}}
    return [Standing(invoice=one, customer=customers[one.customer_id], reminders=monsum.reminders.run(client, one.id)) for one in invoices]


standing = Query("invoice.get, customer.get and invoice.getreminders", "invoice", Standing, _standing, requests=3, together=_standings)


class Line(BaseModel):
    """One invoice in a message. `copy_`: how many notices of this level came back before. `known`: reminders an operator accepted.

    `disputed`: the part that is not demanded, where only the rest is dunned. `payment_type`: how it was to be paid when it was planned.
    """

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    number: str
    due_on: date
    statement: Statement
    copy_: int = 0
    known: tuple[str, ...] = ()
    letter: bool = False
    disputed: Money | None = None
    debtor: Debtor = "consumer"
    payment_type: str | None = None

    @property
    def owed(self) -> Money:
        """What the invoice owes: the principal that is demanded, and the part that is disputed."""
        return self.statement.principal if self.disputed is None else self.statement.principal + self.disputed

    @property
    def version(self) -> str:
        return self.statement.name if self.copy_ == 0 else f"{self.statement.name}+{self.copy_}"


class Letter(BaseModel):
    """One message. `id` is the invoice whose PDF goes with it; `approve` holds every reason why a person must say yes.

    `linked`: (source, id) of the customer in another system whose address `recipient` is, None where it is the customer's own.
    `exclude`: the tags and attributes that take a customer out, as the policy says.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    id: str
    customer_id: str
    total: Money
    lines: tuple[Line, ...]
    recipient: str
    linked: tuple[str, str] | None = None
    subject: str
    message: str
    approve: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def excludes(self, tags: Iterable[str], attributes: Mapping[str, object]) -> bool:
        """Whether a customer with these is not to be dunned."""
        return bool(words_of(tags, attributes) & words_of(self.exclude, {}))

    def line(self, invoice_id: str) -> Line:
        return next(line for line in self.lines if line.invoice_id == invoice_id)


def still_due(fresh: Standing, letter: Letter, *, recipient: str, **_: object) -> str | None:
    """Why the message is not the right one any more for this one of its invoices, or None."""
    invoice, line = fresh.invoice, letter.line(fresh.invoice.id)
    if invoice.customer_id != letter.customer_id:
        return "customer_changed"
    if invoice.is_canceled:
        return "invoice_cancelled"
    if invoice.outstanding is None:
        return "outstanding_unknown"
    if invoice.outstanding.amount <= 0:
        return "paid"
    if invoice.outstanding != line.owed:
        return "balance_changed"
    if invoice.due_date != line.due_on:
        return "due_date_changed"
    if invoice.payment_type != line.payment_type:
        return "payment_type_changed"
    if letter.excludes(tags_read(fresh.customer), {}):
        return "excluded"
    if foreign(fresh.reminders, line.known):
        return "foreign_dunning"
    return "recipient_changed" if letter.linked is None and (fresh.customer.email or "").strip() != recipient else None


def tags_read(customer: CustomerDoc) -> Sequence[str]:
    """The TAGS in a customer's document. A notification may not tell that one was set; the provider never shows X_ATTRIBUTES in a read."""
    return customer.fields.get("tags") or ()


def not_overtaken(connection: Connection, letter: Letter, on: date) -> str | None:
    """Why the message must not go out: another dispute than the one it was planned with, a notice a person sent meanwhile, another
    address of the linked customer, or a customer taken out.
    """
    known = customer_known(connection, letter.source, letter.customer_id)
    if letter.excludes(known.tags, known.attributes or {}):
        return "excluded"
    if letter.linked is not None and linked_recipient(connection, *letter.linked) != letter.recipient:
        return "recipient_changed"
    for line in letter.lines:
        spans = blocks_of(connection, letter.source, customer_id=letter.customer_id, invoice_id=line.invoice_id)
        disputes = [span.amount if span.scope == "invoice" else None for span in spans if span.kind == "dispute" and span.holds_on(on)]
        if disputes != ([] if line.disputed is None else [line.disputed]):
            return "dispute" if disputes else "dispute_ended"
        if untaken(connection, letter.source, line.invoice_id):
            return "sent_by_hand"
    return None


def foreign(reminders: RemindersDoc, known: tuple[str, ...]) -> list[str]:
    """Ids of the reminders that neither we sent (we never create any at the provider) nor an operator accepted."""
    return [one.id or f"level {one.level}" for one in reminders.reminders if (one.id or f"level {one.level}") not in known]


def address_hash(address: str) -> str:
    """SHA-256 of the lower-case address, hex: what an `email.bounced` event names."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()


def _slots(letter: Letter, **_: object) -> list[Slot]:
    return [Slot(letter.source, line.invoice_id, NOTICE, line.version) for line in letter.lines]


def _invoices(letter: Letter, **_: object) -> list[str]:
    return [line.invoice_id for line in letter.lines]


def _cap(policy: DunningPolicy) -> int:
    return policy.daily_cap


def _floor(policy: DunningPolicy) -> int:
    return policy.spike_floor


def _notice(service: Service) -> EffectDef:
    """A message over one service; whichever it is, the slots and the reads are the same."""
    return effect(
        service,
        slot=_slots,
        fresh=Read(standing, must=still_due, each=_invoices),
        unless=(Promised, Paused, Excluded, Insolvent),
        still=not_overtaken,
        approval=Approval(when=lambda policy, letter, request: bool(letter.approve), why="dunning_approval"),
        daily_cap=_cap,
        spike_floor=_floor,
    )


send_notice, mail_notice = _notice(monsum.send_by_email), _notice(mail.send)
