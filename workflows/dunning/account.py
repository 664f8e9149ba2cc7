"""What is known of a customer's invoices beside their documents: sent or not, collected or not, blocks, words, gates people opened.

Reads the database for outlook.py and composing.py, inside their steps; decides nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from workers.authoring import (
    BankChecked,
    BlockSpan,
    Event,
    InvoiceDoc,
    InvoicePartCancelled,
    InvoiceReopened,
    InvoiceSent,
    Money,
    PaymentChargeback,
    PaymentFailed,
    RateConfirmed,
    blocks_of,
    effects_about,
    events_of_invoice,
    events_of_source,
    local_day,
    synced_at,
    tags_of,
    x_attributes_of,
)
from workflows.dunning import tables
from workflows.dunning.agreed import Agreed, agreed_of
from workflows.dunning.balance import Balance, Cancelled
from workflows.dunning.calendar import WorkingDays
from workflows.dunning.cancelling import balances_of, parts_of
from workflows.dunning.crossing import after_part_payment
from workflows.dunning.discount import CashDiscount, explained_by_discount
from workflows.dunning.eligibility import Facts, stale_data, words_of
from workflows.dunning.known import Known, known_of
from workflows.dunning.ladder import Ladder
from workflows.dunning.notice import Notice
from workflows.dunning.planning import resumed_on
from workflows.dunning.policy import DunningPolicy

SEND = "send"
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One customer in one currency, looked at by one run at one instant. `observed_by`: the run, where it only observes.

    `known`: what was read once for the step that is under way; else each question asks the database.
    """

    source: str
    customer_id: str
    currency: str
    policy: DunningPolicy
    zone: ZoneInfo
    now: datetime
    observed_by: str | None = None
    known: Known | None = None

    @property
    def today(self) -> date:
        return local_day(self.now, self.zone)

    @property
    def next_working_day(self) -> date:
        """The first day after today on which the sender works."""
        return self.days.sending_day(self.today + timedelta(days=1))

    def at(self, now: datetime) -> "Account":
        """The same at a later instant."""
        return replace(self, now=now)

    @property
    def ladder(self) -> Ladder:
        return self.policy.ladder_in(str(self.zone))

    @property
    def days(self) -> WorkingDays:
        return self.policy.days_in(str(self.zone))

    def verified_on(self, connection: Connection) -> date:
        """The local day on which the provider's open invoices were last read."""
        read_at = synced_at(connection, self.source)
        return self.today if read_at is None else local_day(read_at, self.zone)

    def stale(self, connection: Connection) -> str | None:
        """Which data is too old to dun on ("sync", "bank"), or None."""
        checked = max((one.through for one in events_of_source(connection, self.source, (BankChecked,))), default=None)
        return stale_data(
            synced_at=synced_at(connection, self.source), bank_checked_on=checked, now=self.now, today=self.today, days=self.days,
            policy=self.policy,
        )  # fmt: skip

    def sent_on(self, connection: Connection, invoice_id: str) -> date | None:
        """When the invoice demonstrably reached its customer: our own send, or what a person said; None where nobody knows."""
        said = [one.sent_on for one in self.told(connection, invoice_id, (InvoiceSent,))]
        done = (one.settled_at for one in effects_about(connection, self.source, invoice_id, (SEND,)) if one.state == "done")
        return min([*said, *(local_day(at, self.zone) for at in done if at is not None)], default=None)

    def _was_sent(self, connection: Connection, invoice_id: str) -> bool:
        return bool(self.told(connection, invoice_id, (InvoiceSent,))) or self.sent_on(connection, invoice_id) is not None

    def reading(self, connection: Connection, invoice_ids: Sequence[str], more: Sequence[type[Event]] = ()) -> "Account":
        """The same, with what is on record about these invoices read once for the step."""
        return replace(self, known=known_of(connection, self.source, self.customer_id, invoice_ids, more))

    def told(self, connection: Connection, invoice_id: str, types: Sequence[type[E]]) -> list[E]:
        """The events of these types about one invoice, in the order they were recorded."""
        if self.known is not None and self.known.knows(invoice_id, types):
            return self.known.told(invoice_id, types)
        return events_of_invoice(connection, self.source, invoice_id, types)

    def facts(self, connection: Connection, invoice: InvoiceDoc) -> Facts:
        """What decides beside the document whether the invoice is dunned."""
        failed = self.told(connection, invoice.id, (PaymentFailed, PaymentChargeback))
        spans = self.blocks(connection, invoice.id)
        return Facts(
            was_sent=self._was_sent(connection, invoice.id), collection_failed=bool(failed),
            by_discount=self._by_discount(invoice), blocks=frozenset(span.kind for span in self.holding(spans, invoice)),
            words=self._said_of(connection)[0],
        )  # fmt: skip

    def agreed(self, connection: Connection) -> Agreed:
        """What the customer agreed to."""
        return agreed_of(self.policy, *self._said_of(connection))

    def _said_of(self, connection: Connection) -> tuple[frozenset[str], Mapping[str, str]]:
        """The customer's words as the policy compares them, and attributes."""
        if self.known is not None:
            return self.known.words, self.known.attributes
        attributes = x_attributes_of(connection, self.source, self.customer_id) or {}
        return words_of(tags_of(connection, self.source, self.customer_id), attributes), attributes

    def blocks(self, connection: Connection, invoice_id: str) -> list[BlockSpan]:
        """Every block there ever was, a pause for no longer than the policy allows."""
        return [replace(span, until=self.cut(span) or span.until) for span in self.noted_blocks(connection, invoice_id)]

    def noted_blocks(self, connection: Connection, invoice_id: str) -> Sequence[BlockSpan]:
        """The same as people noted them."""
        if self.known is not None and invoice_id in self.known.blocks:
            return self.known.blocks[invoice_id]
        return blocks_of(connection, self.source, customer_id=self.customer_id, invoice_id=invoice_id)

    def holding(self, spans: Iterable[BlockSpan], invoice: InvoiceDoc) -> list[BlockSpan]:
        """The blocks that hold the invoice back today: not a dispute about a part of it, where the rest is dunned."""
        part = self.disputed_part(spans, invoice)
        return [span for span in spans if span.holds_on(self.today) and not (part is not None and span.amount == part and _of_part(span))]

    def disputed_part(self, spans: Iterable[BlockSpan], invoice: InvoiceDoc) -> Money | None:
        """What is left out of the demand: the disputed part, where the policy has the rest dunned and enough of it is left."""
        parts = [span.amount for span in spans if _of_part(span) and span.holds_on(self.today)]
        if not (self.policy.dun_undisputed_part and parts and parts[-1] is not None and invoice.outstanding is not None):
            return None
        part, owed = parts[-1], invoice.outstanding
        enough = part.currency == owed.currency and owed.amount - part.amount >= self.policy.least(owed.currency)
        return part if enough and part.amount > 0 else None

    def cut(self, span: BlockSpan) -> date | None:
        """The last day of a pause that was to be longer than the policy allows, None of any other block."""
        last = local_day(span.opened_at, self.zone) + timedelta(days=self.policy.pause_days_max)
        too_long = span.kind == "pause" and span.closed_at is None and (span.until is None or span.until > last)
        return last if too_long else None

    def resumes(self, spans: Iterable[BlockSpan]) -> list[date]:
        """The days before which nothing goes out after disputes that were released and promises that were missed."""
        ends = (self._ended(span) for span in spans if span.kind in ("dispute", "promise"))
        return [resumed_on(end, grace_days=self.policy.release_grace_days) for end in ends if end is not None]

    def _ended(self, span: BlockSpan) -> date | None:
        if span.closed_at is not None:
            return local_day(span.closed_at, self.zone)
        return span.until if span.until is not None and span.until < self.today else None

    def reopened_on(self, connection: Connection, invoice_id: str) -> date:
        """The local day on which a payment was last seen to have gone back, else today."""
        told = self.told(connection, invoice_id, (InvoiceReopened,))
        return max((local_day(one.at, self.zone) for one in told), default=self.today)

    def notices(self, connection: Connection, invoice: InvoiceDoc) -> tuple[Notice, ...]:
        """What went out for the invoice, the last with the deadline that counts after what was paid since."""
        rows = tables.notice_rows(connection, self.source, invoice.id, observed_by=self.observed_by)
        found = [tables.notice_of(row) for row in rows]
        if found and invoice.outstanding is not None and (rows[-1]["figures"] or {}).get("principal"):
            demanded = Decimal(rows[-1]["figures"]["principal"])
            disputed = Decimal(rows[-1]["figures"].get("disputed") or "0")
            gone = demanded + disputed - invoice.outstanding.amount
            found[-1] = after_part_payment(
                found[-1], demanded=demanded, paid=self._paid(connection, invoice.id, gone, since=found[-1].sent_on), days=self.days,
                share=self.policy.extend_from_share, extend_days=self.policy.extend_days,
            )  # fmt: skip
        return tuple(found)

    def _paid(self, connection: Connection, invoice_id: str, gone: Decimal, *, since: date) -> Decimal:
        """What was paid since a day, of what is not owed any more: all that was not cancelled."""
        parts = self._cancelled(connection, invoice_id) if gone > 0 else []
        return gone - sum((one.amount for one in parts if one.sure and one.on >= since), Decimal(0))

    def balances(self, connection: Connection, invoice_id: str, *, since: date) -> tuple[Balance, ...]:
        """What bore interest when: what looks showed, without what was cancelled."""
        return balances_of(connection, self.source, invoice_id, self._cancelled(connection, invoice_id), since=since)

    def _cancelled(self, connection: Connection, invoice_id: str) -> list[Cancelled]:
        whose = {"customer_id": self.customer_id, "currency": self.currency}
        told = self.told(connection, invoice_id, (InvoicePartCancelled,))
        return parts_of(connection, self.source, invoice_id, told, **whose, zone=self.zone)

    def confirmed_rates(self, connection: Connection) -> frozenset[str]:
        return frozenset(one.key for one in events_of_source(connection, self.source, (RateConfirmed,)))

    def _by_discount(self, invoice: InvoiceDoc) -> bool:
        percent, days = invoice.fields.get("cash_discount_percent"), invoice.fields.get("cash_discount_days")
        if not percent or not days or invoice.total is None or invoice.outstanding is None or invoice.invoice_date is None:
            return False
        return explained_by_discount(
            CashDiscount(Decimal(str(percent)), int(days)), total=invoice.total.amount, outstanding=invoice.outstanding.amount,
            invoice_date=invoice.invoice_date, credits=None, days=self.days, minimum=self.policy.least(self.currency),
        )  # fmt: skip


def _of_part(span: BlockSpan) -> bool:
    """Whether this is a dispute about a part of one invoice; one about a part of a customer's whole debt holds all of it."""
    return span.kind == "dispute" and span.scope == "invoice" and span.amount is not None
