"""One invoice on its way to its customer: what a run of auto-send has found out so far, and how it looks, waits and tells people.

Used by workflow.py only. Everything it learns comes from the journal, so a replay builds the same errand again; step names carry the
number of the round they belong to.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from workers.authoring import (
    CustomerDoc,
    CustomerUpdated,
    EmailBounced,
    InvoiceChanged,
    InvoiceDoc,
    Linked,
    LookAgain,
    NotFound,
    Run,
    effects_about,
    events_of_customer,
    every_day,
    linked_customer,
    monsum,
    next_open,
)
from workflows.auto_send.policy import AutoSendPolicy
from workflows.auto_send.recipient import address_hash, suppressed_hashes
from workflows.auto_send.sending import COPY, SEND

DIRECT_DEBIT = "2"
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=15), timedelta(hours=4)


@dataclass(kw_only=True)
class Errand:
    """`held_from`: the instant the hold is measured from. `version`: the doc_version that is held. `sent`: slots this run took."""

    run: Run
    policy: AutoSendPolicy
    held_from: datetime
    round: int = 0
    version: str | None = None
    changed_at: datetime | None = None
    sent: set[str] = field(default_factory=set)
    stuck_for: str = ""
    stuck_since: datetime | None = None
    pauses: int = 0
    told: set[str] = field(default_factory=set)

    def step(self, what: str) -> str:
        """The name of a step of this round."""
        return f"{what} {self.round}"

    def read_invoice(self, invoice_id: str) -> InvoiceDoc:
        """The invoice now; a new version restarts the hold. Ends the run where the invoice is not there."""
        try:
            invoice = self.run.read(self.step("invoice"), monsum.invoice, invoice_id)
        except NotFound:
            self.run.skip("invoice_not_found")
        if self.version is not None and invoice.doc_version != self.version:
            self.held_from = self.changed_at or self.run.now()
        self.version, self.changed_at = invoice.doc_version, None
        return invoice

    def read_customer(self, customer_id: str | None) -> CustomerDoc:
        """The customer now. Ends the run where there is none."""
        if not customer_id:
            self.run.skip("customer_unknown")
        try:
            return self.run.read(self.step("customer"), monsum.customer, customer_id)
        except NotFound:
            self.run.skip("customer_not_found")

    def hold_ends(self, invoice: InvoiceDoc) -> datetime:
        """When the hold is over. A direct debit is not held past the last day of its pre-notification."""
        ends = self.held_from + timedelta(minutes=self.policy.hold_minutes)
        last_on = self.notified_by(invoice)
        if last_on is not None and ends > self.run.now() and self._email_leaves_on(ends) > last_on:
            return self.run.now()
        return ends

    def notified_by(self, invoice: InvoiceDoc) -> date | None:
        """The last local day on which a direct debit may be announced, or None for other payments."""
        if invoice.payment_type != DIRECT_DEBIT or invoice.due_date is None:
            return None
        return invoice.due_date - timedelta(days=self.policy.prenotification_days)

    def _email_leaves_on(self, at: datetime) -> date:
        return next_open(self.policy.email_hours, at, self.run.zone, every_day).astimezone(self.run.zone).date()

    def linked(self, customer: CustomerDoc) -> Linked | None:
        """The customer in the other system, where the policy links one; people are told once where it cannot be used."""
        if self.policy.link.source is None:
            return None
        asked = (self.run.source, customer.id, self.policy.link, self.run.now())
        found: Linked | None = self.run.step(self.step("linked customer"), linked_customer, *asked)
        if found is not None and found.problem is not None:
            self.tell_once(found.problem, customer=customer.id, linked=found.id)
        return found

    def suppressed(self, customer: CustomerDoc) -> set[str]:
        """Hashes of this customer's addresses that bounced hard."""
        return set(self.run.setting(self.step("bounced addresses"), lambda c: bounced_addresses(c, customer.source, customer.id)))

    def wait(self, until: datetime) -> None:
        """Wait until an instant or a change of the invoice, whichever comes first."""
        change = self.run.wait_for(InvoiceChanged, until=until, name=self.step("wait"))
        self.changed_at = None if change is None else min(change.at, self.run.now())

    def held(self, reason: str, *, task: bool = False, days: int | None = None, **ids: Any) -> None:
        """Tell people once why the invoice is held, wait (a change, an operator, a while), take today's policy. Ends the run at last."""
        run = self.run
        if reason not in self.told:
            self.told.add(reason)
            (run.task if task else run.alert)(self.step(reason), reason, **ids)
        if reason != self.stuck_for or self.stuck_since is None:
            self.stuck_for, self.stuck_since, self.pauses = reason, run.now(), 0
        if run.now() >= self.stuck_since + timedelta(days=days or self.policy.held_days):
            run.skip(reason)
        pause = min(FIRST_PAUSE * 2 ** min(self.pauses, 10), LONGEST_PAUSE)
        change = run.wait_for(InvoiceChanged, CustomerUpdated, LookAgain, until=run.now() + pause, name=self.step("held"))
        self.pauses = self.pauses + 1 if change is None else 0
        self.changed_at = min(change.at, run.now()) if isinstance(change, InvoiceChanged) else None
        self.policy = run.policy(self.step("policy"))

    def sent_before(self, invoice_id: str) -> bool:
        """Whether we ourselves sent the invoice, or may have."""
        return bool(self.run.setting(self.step("sent before"), lambda c: was_called(c, self.run.source, invoice_id)))

    def tell_once(self, reason: str, **ids: Any) -> None:
        """An alert that holds nothing back."""
        if reason not in self.told:
            self.told.add(reason)
            self.run.alert(self.step(reason), reason, **ids)

    def park_changed(self, invoice_id: str, sent_version: str) -> None:
        """What went out is not what the invoice says now: nothing more is sent, a person decides."""
        self.run.park("changed after send", "changed_after_send", invoice=invoice_id, sent_version=sent_version)


def bounced_addresses(connection: Connection, source: str, customer_id: str) -> list[str]:
    """Hashes of the customer's addresses that bounced hard and were not changed since."""
    told = events_of_customer(connection, source, customer_id, (EmailBounced, CustomerUpdated))
    invoices = {event.invoice_id for event in told if isinstance(event, EmailBounced) and event.address_hash is None}
    sent_to = {id: address for id in invoices if (address := mailed_to(connection, source, id))}
    return sorted(suppressed_hashes(told, sent_to))


def was_called(connection: Connection, source: str, invoice_id: str) -> bool:
    """Whether a send of the invoice was called, or is now."""
    return any(one.state in ("calling", "unknown", "done") for one in effects_about(connection, source, invoice_id, (SEND, COPY)))


def mailed_to(connection: Connection, source: str, invoice_id: str) -> str | None:
    """Hash of the address an invoice was last mailed to, or None."""
    sent = [one.request["recipient"]["to"] for one in effects_about(connection, source, invoice_id, (SEND,)) if "recipient" in one.request]
    return address_hash(sent[-1]) if sent else None
