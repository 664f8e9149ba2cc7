"""What a person may order of Qvickly from the command line: payments activated, credited and cancelled, customers of the Portal.

Owns which fields each takes, the fresh read that decides, and what must be approved. `customerid`, the merchant's own number, is always set
when a customer is created. Nothing here asks for a reminder: the provider makes its own.
Source: topics activatePayment, creditPayment, cancelPayment; Portal API "customers"; read 2026-11-21.
"""

from collections.abc import Mapping
from typing import Any

from receiver.sources.qvickly_fields import CUSTOMER as COLUMNS
from workers.providers import qvickly
from workers.providers.ordering import Fields, Orderable
from workers.providers.qvickly_docs import PaymentDoc
from workers.providers.qvickly_looks import ACTIVATED
from workers.providers.taken import must_be_free, qvickly_number

CUSTOMER = Fields(
    names=tuple(field.native for field in COLUMNS if field.written),
    kwargs=lambda said: {"fields": {name: str(value) if isinstance(value, int) else value for name, value in said.items()}},
)
NUMBER = "payment number"


def created(fresh: PaymentDoc) -> str | None:
    """Why a payment cannot be activated or cancelled."""
    return None if fresh.status in ("created", "pending") else f"is_{fresh.status}"[:64]


def activated(fresh: PaymentDoc) -> str | None:
    """Why nothing can be credited."""
    return None if fresh.status in ACTIVATED | {"handling"} else f"is_{fresh.status}"[:64]


def _numbered(said: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    number = str(said.get("customerid") or key)
    return {**said, "customerid": number}, number


ORDERS: Mapping[tuple[str, str], Orderable] = {
    ("customers", "create"): Orderable(
        about="a new customer; --key is its customerid", service=qvickly.create_customer, fresh=qvickly_number, must=must_be_free,
        fields=CUSTOMER, takes="nothing", own_key=_numbered,
    ),
    ("customers", "update"): Orderable(
        about="change fields of a customer", service=qvickly.update_customer, fresh=qvickly.customer, fields=CUSTOMER, of="customer"
    ),
    ("customers", "delete"): Orderable(
        about="delete a customer; needs approval", service=qvickly.delete_customer, fresh=qvickly.customer, approval=True, of="customer"
    ),
    ("invoices", "activate"): Orderable(
        about="activate a payment: its invoice goes out", service=qvickly.activate, fresh=qvickly.payment, must=created, named=NUMBER,
        outward=True, once="activate", of="invoice",
    ),
    ("invoices", "credit"): Orderable(
        about="credit a payment, whole or some articles; needs approval", service=qvickly.credit, fresh=qvickly.payment, must=activated,
        named=NUMBER, approval=True, of="invoice", fields=Fields(names=("articles", "total")),
    ),
    ("invoices", "cancel"): Orderable(
        about="cancel a payment that is not activated; needs approval", service=qvickly.cancel, fresh=qvickly.payment, must=created,
        named=NUMBER, approval=True, of="invoice",
    ),
}  # fmt: skip
