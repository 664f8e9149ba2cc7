"""The e-invoice gate: whether an invoice may still leave as paper or as a plain PDF.

Owns the rule and the look into the printed document. Germany, domestic, between businesses: from 2027 for issuers above 800,000 EUR
turnover, from 2028 for all; consumers and small amounts are exempt. Engineering input, not legal advice: every number is a setting.
Source: German VAT act (UStG), sections 14 and 27 (38), as of 2026-11-21.
"""

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from workers.authoring import CustomerDoc, InvoiceDoc, NotFound, Query, Rejected, Retryable, monsum
from workflows.auto_send.policy import AutoSendPolicy

GERMANY = "DE"


class Printed(BaseModel):
    """What was found in a printed invoice. `einvoice` is None where it could not be looked at; `why` then says so."""

    model_config = ConfigDict(frozen=True)

    id: str
    einvoice: bool | None
    why: str = ""


def _look(client: object, id: str) -> Printed:
    try:
        document = monsum.document.run(client, id)
    except (NotFound, Rejected, Retryable) as cause:
        return Printed(id=id, einvoice=None, why=str(cause.context.get("kind") or type(cause).__name__))
    return Printed(id=id, einvoice=document.has_einvoice)


printed = Query("printed invoice", "invoice", Printed, _look, requests=2)


def einvoice_due(policy: AutoSendPolicy, invoice: InvoiceDoc, customer: CustomerDoc, today: date) -> bool:
    """Whether paper and plain PDF are refused for this invoice if it leaves on the local date `today`.

    What is not known counts as if it fell under the rule: the turnover until somebody says it, a customer without a type who has a
    company name, a customer without a country.
    """
    if policy.require_einvoice != "auto":
        return policy.require_einvoice == "always"
    day = max(today, invoice.invoice_date or today)
    if day < policy.einvoice_from or (day < policy.einvoice_for_all_from and policy.turnover_prev_year_over_800k is False):
        return False
    return policy.country == GERMANY and _domestic(invoice, customer) and _business(customer) and _above(invoice, policy.einvoice_above)


def _domestic(invoice: InvoiceDoc, customer: CustomerDoc) -> bool:
    return (customer.country or invoice.country or GERMANY).upper() == GERMANY


def _business(customer: CustomerDoc) -> bool:
    return customer.type == "business" or (customer.type is None and bool(customer.organization))


def _above(invoice: InvoiceDoc, limit: Decimal) -> bool:
    if invoice.total is None or invoice.total.currency != "EUR":
        return True
    return invoice.total.amount > limit
