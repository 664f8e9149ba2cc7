"""How a lost reply of Qvickly is found out: what reading back must show for yes and for no.

Owns one look per service that can be read back; workers/providers/qvickly.py names them in its rows. A look says None wherever reading
cannot tell: a status word that is not documented, and one that the documentation gives two meanings. It never guesses and never writes.
Source: topics Status, activatePayment, cancelPayment, PortalAPI-Customers-Filters; read 2026-11-21.
"""

from datetime import timedelta

from receiver.errors import Retryable
from receiver.sources.qvickly_fields import ID
from workers.errors import NotFound
from workers.providers.qvickly_client import PAGE, QvicklyClient
from workers.providers.qvickly_reads import CustomerFilter, payment_doc
from workers.providers.qvickly_requests import Activate, Cancel, DeleteCustomer, DeleteCustomers, PatchCustomer, WriteCustomer
from workers.providers.service import Asked, Look

ACTIVATED = frozenset({"paid", "factoring", "partpayment"})
NOT_ACTIVATED = frozenset({"created", "pending", "cancelled"})
PAGES_MAX = 20


def activated(client: QvicklyClient, request: Activate, asked: Asked) -> Look:
    """The status says activated, or not. Not "handling": one topic has it for activated, another for "created not activated"."""
    status = payment_doc(client, request.number).status
    found = True if status in ACTIVATED else False if status in NOT_ACTIVATED else None
    return Look(found=found, reference=request.number if found else None, detail="status")


def cancelled(client: QvicklyClient, request: Cancel, asked: Asked) -> Look:
    """The status says cancelled, or one of those that exclude it."""
    status = payment_doc(client, request.number).status
    found = True if status == "cancelled" else False if status in ACTIVATED | NOT_ACTIVATED else None
    return Look(found=found, reference=request.number if found else None, detail="status")


def customer_created(client: QvicklyClient, request: WriteCustomer, asked: Asked) -> Look:
    """A customer has the request's `customerid`; without one, or with more hits than can be read, it cannot be told."""
    number = request.fields.get("customerid")
    if not number:
        return Look(found=None, detail="no customerid")
    for page in range(PAGES_MAX):
        rows = client.portal_json(f"customers?{CustomerFilter(search=number, start=page * PAGE).text}")
        if not isinstance(rows, list):
            raise Retryable(provider=client.source, call="customers.list", kind="unreadable")
        for row in rows:
            if str(row.get("customerid")) == number:
                return Look(found=True, reference=str(row.get(ID)), detail="customerid")
        if len(rows) < PAGE:
            lost = not asked.before_call and not client.customers().records
            return Look(found=None if lost else False, detail="no customer is shown at all" if lost else "customerid")
    return Look(found=None, detail="too many hits")


def customer_patched(client: QvicklyClient, request: PatchCustomer, asked: Asked) -> Look:
    """Every field reads as it was written."""
    record = client.one("customer.get", "", {}, ID, request.customer_id)
    same = all(str(record.get(name) or "") == value for name, value in request.fields.items())
    return Look(found=same, reference=request.customer_id if same else None, detail="fields")


def customer_gone(client: QvicklyClient, request: DeleteCustomer, asked: Asked) -> Look:
    """The customer is not there any more."""
    gone = _is_gone(client, request.customer_id)
    return Look(found=gone, detail="gone" if gone else "still there")


def customers_gone(client: QvicklyClient, request: DeleteCustomers, asked: Asked) -> Look:
    """None of them is there any more, or all are; some of them tell nothing."""
    gone = {_is_gone(client, id) for id in request.ids}
    return Look(found=gone.pop() if len(gone) == 1 else None, detail="gone or there")


def _is_gone(client: QvicklyClient, id: str) -> bool:
    try:
        client.one("customer.get", "", {}, ID, id)
    except NotFound:
        return True
    return False


# How long Qvickly takes to show what it did is in no source: these are our own caution, not the provider's word.
SOON_S = timedelta(minutes=2).total_seconds()
LATER_S = timedelta(minutes=15).total_seconds()
