"""AutoDNS: every service workflows may use, one row each.

Owns the names workflows import: queries (`customer`, `account`, …) and writing services (`create_customer`, …), each with its effect class.
There is no service that charges the account: what its body must hold is documented nowhere, so a low account is only ever proposed to a
person. Confirming a message takes it from everybody; where the source polls, the poller does so itself.
What was written of a customer counts only once it is checked, so the mirror waits for the next read.
Source: routes and task codes of InterNetX/js-domainrobot-sdk, read 2026-11-21.
"""

from typing import Any

from workers.providers import autodns_docs as docs
from workers.providers import autodns_looks as looks
from workers.providers import autodns_reads as reads
from workers.providers import autodns_requests as ask
from workers.providers.service import Find, Query, Service

KINDS = frozenset({"autodns"})

customer = Query("customer.get", "customer", docs.AutodnsCustomerDoc, reads.customer_doc, kinds=KINDS)
account = Query("account.get", "account", docs.AccountDoc, reads.account_doc, kinds=KINDS)
invoice = Query("invoice.get", "invoice", docs.AutodnsInvoiceDoc, reads.invoice_doc, kinds=KINDS)
invoices = Query("invoice.search", "source", docs.InvoicesDoc, reads.invoices_doc, kinds=KINDS)
next_message = Query("poll.get", "message", docs.MessageDoc, reads.message_doc, kinds=KINDS)
QUERIES = (customer, account, invoice, invoices, next_message)


def _update(obj: Any, **said: Any) -> ask.UpdateCustomer:
    known = {name: value for name, value in getattr(obj, "known", {}).items() if name not in said.get("fields", {})}
    return ask.UpdateCustomer.model_validate({"customer_id": obj.id, "known": known} | said)


create_customer = Service(
    name="customer.create",
    kinds=KINDS,
    request=ask.CreateCustomer,
    reply=ask.Accepted,
    effect_class=Find(looks.customer_created, looks.LATER_S),
    build=lambda obj, **said: ask.CreateCustomer.model_validate(said),
    reference=lambda reply: reply.id or reply.object_id or reply.stid,
)
update_customer = Service(
    name="customer.update",
    kinds=KINDS,
    request=ask.UpdateCustomer,
    reply=ask.Accepted,
    effect_class=Find(looks.customer_updated, looks.LATER_S),
    build=_update,
    object_kind="customer",
    reference=lambda reply: reply.object_id or reply.stid,
)
confirm_message = Service(
    name="poll.confirm",
    kinds=KINDS,
    request=ask.ConfirmMessage,
    reply=ask.Accepted,
    effect_class=Find(looks.message_confirmed, looks.SOON_S),
    build=lambda obj: ask.ConfirmMessage(message_id=obj.message_id),
    object_kind="message",
    reference=lambda reply: reply.stid,
)
SERVICES = {service.name: service for service in (create_customer, update_customer, confirm_message)}
