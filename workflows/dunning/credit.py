"""What a customer has to their credit: CREDIT_BALANCE, and credit documents that nothing shows to be used up.

Asked by composing.py inside its step: where it covers a debt, a person approves the demand. Whether the provider counts a credit
document against an invoice by itself is not known, so one that is not settled counts as unapplied.
"""

from decimal import Decimal

from sqlalchemy.engine import Connection

from workers.authoring import CustomerDoc, InvoiceDoc, Money, credit_documents
from workflows.dunning import tables
from workflows.dunning.account import Account
from workflows.dunning.balance import Cancelled, told_apart

ZERO = Decimal(0)


def credit_of(connection: Connection, account: Account, customer: CustomerDoc, invoice_id: str) -> Money | None:
    """The credit in the currency of the account, else one in another currency, else None."""
    documents = credit_documents(connection, account.source, account.customer_id)
    found = [abs_of(one) for one in documents if not _is_applied(connection, account, one, invoice_id)]
    found += [] if customer.credit_balance is None or customer.credit_balance.amount <= ZERO else [customer.credit_balance]
    same = [one for one in found if one.currency == account.currency]
    foreign = [one for one in found if one.currency != account.currency and one.amount > ZERO]
    return foreign[0] if foreign else sum(same, start=Money(ZERO, account.currency)) if same else None


def abs_of(document: InvoiceDoc) -> Money:
    """What a credit document is over, whichever sign the provider writes; nothing where it says no total."""
    owed = document.total if document.outstanding is None else document.outstanding
    return Money(ZERO if owed is None else abs(owed.amount), document.currency)


def _is_applied(connection: Connection, account: Account, document: InvoiceDoc, invoice_id: str) -> bool:
    """Whether it is settled, or is the cancelled part of this invoice."""
    if document.status == "paid" or document.paid_on is not None or abs_of(document).amount == ZERO:
        return True
    if document.invoice_date is None or document.total is None:
        return False
    part = Cancelled(document.invoice_date, abs(document.total.amount), sure=False)
    seen = tables.seen_of(connection, account.source, invoice_id)
    return any(one.cancelled for one in told_apart(seen, [part]))
