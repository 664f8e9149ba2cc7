"""What is on record beside the documents about the invoices of one step, read once for all of them: events, blocks, the customer's words.

Made by Account.reading at the start of a step. Nothing of it is written inside one, so it stays as it was read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.engine import Connection

from workers.authoring import (
    BlockSpan,
    EmailBounced,
    Event,
    InvoicePartCancelled,
    InvoiceSent,
    LookAgain,
    PaymentChargeback,
    PaymentFailed,
    blocks_of_invoices,
    customer_known,
    events_of_invoices,
)
from workflows.dunning.eligibility import words_of

TYPES: tuple[type[Event], ...] = (InvoiceSent, PaymentFailed, PaymentChargeback, InvoicePartCancelled, EmailBounced, LookAgain)
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """By invoice, the events of `types` and the blocks there ever were; `words` and `attributes` of the customer."""

    types: frozenset[type[Event]]
    events: Mapping[str, Sequence[Event]]
    blocks: Mapping[str, Sequence[BlockSpan]]
    words: frozenset[str]
    attributes: Mapping[str, str]
    deleted: bool

    def knows(self, invoice_id: str, types: Sequence[type[Event]]) -> bool:
        """Whether these events of this invoice were read."""
        return invoice_id in self.events and self.types.issuperset(types)

    def told(self, invoice_id: str, types: Sequence[type[E]]) -> list[E]:
        """The events of these types about one invoice, in the order they were recorded."""
        wanted = tuple(types)
        return [one for one in self.events[invoice_id] if isinstance(one, wanted)]


def known_of(
    connection: Connection, source: str, customer_id: str, invoice_ids: Sequence[str], more: Sequence[type[Event]] = ()
) -> Known:  # fmt: skip
    """What is known of these invoices and their customer; `more`: further events than TYPES."""
    types = (*TYPES, *more)
    customer = customer_known(connection, source, customer_id)
    attributes = customer.attributes or {}
    return Known(
        types=frozenset(types), events=events_of_invoices(connection, source, invoice_ids, types),
        blocks=blocks_of_invoices(connection, source, customer_id=customer_id, invoice_ids=invoice_ids),
        words=words_of(customer.tags, attributes), attributes=attributes, deleted=customer.deleted,
    )  # fmt: skip
