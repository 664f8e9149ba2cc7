"""Qvickly: every service workflows may use, one row each.

Owns the names workflows import: queries (`payment`, `customer`, …) and writing services (`activate`, …), each with its effect class. A
payment is written to only beside a fresh getPaymentinfo: it is the one query of that kind. Nothing here sends a reminder: the provider
makes its own, and no call asks for one.
Source: topics of the Payment API 2.5.0; Portal API "customers", 13 September 2024; read 2026-11-21.
"""

from collections.abc import Mapping
from typing import Any

from receiver.sources.qvickly_fields import customer_fields
from workers.providers import qvickly_docs as docs
from workers.providers import qvickly_looks as looks
from workers.providers import qvickly_reads as reads
from workers.providers import qvickly_requests as ask
from workers.providers.service import AtMostOnce, Find, Mirrored, Query, Service

KINDS = frozenset({"qvickly"})

payment = Query("getPaymentinfo", "payment", docs.PaymentDoc, reads.payment_doc, kinds=KINDS)
due_payments = Query("getDuePayments", "source", docs.DuePaymentsDoc, reads.due_payments_doc, kinds=KINDS)
customers_by_name = Query("getCustomersByName", "source", docs.CustomersDoc, reads.customers_by_name_doc, kinds=KINDS)
customer = Query("customers.get", "customer", docs.QvicklyCustomerDoc, reads.customer_doc, kinds=KINDS)
customers = Query("customers.list", "source", docs.CustomersDoc, reads.customers_doc, kinds=KINDS)
customer_count = Query("customers.count", "source", docs.CountDoc, reads.count_doc, kinds=KINDS)
organisation = Query("customers.searchByOrgNumber", "source", docs.OrganisationDoc, reads.organisation_doc, kinds=KINDS)
customers_xml = Query("customers.export.xml", "source", docs.ExportDoc, reads.export_xml_doc, kinds=KINDS)
customers_csv = Query("customers.export.csv", "source", docs.ExportDoc, reads.export_csv_doc, kinds=KINDS)
QUERIES = (
    payment,
    due_payments,
    customers_by_name,
    customer,
    customers,
    customer_count,
    organisation,
    customers_xml,
    customers_csv,
)


def _credit(obj: Any, *, articles: tuple[ask.Article, ...] = (), total: ask.Total | None = None) -> ask.Credit:
    return ask.Credit(number=obj.id, articles=articles, total=total)


def _written(request: ask.PatchCustomer, reply: ask.CustomerWritten) -> Mirrored:
    said: Mapping[str, Any] = request.fields
    return "customer", request.customer_id, customer_fields(said)


activate = Service(
    name="activatePayment",
    kinds=KINDS,
    request=ask.Activate,
    reply=ask.PaymentDone,
    effect_class=Find(looks.activated, looks.SOON_S),
    build=lambda obj: ask.Activate(number=obj.id),
    object_kind="payment",
    reference=lambda reply: reply.number,
    secret=("url",),
)
credit = Service(
    name="creditPayment",
    kinds=KINDS,
    request=ask.Credit,
    reply=ask.PaymentDone,
    effect_class=AtMostOnce(),
    build=_credit,
    object_kind="payment",
    reference=lambda reply: reply.number,
    secret=("url",),
)
cancel = Service(
    name="cancelPayment",
    kinds=KINDS,
    request=ask.Cancel,
    reply=ask.PaymentDone,
    effect_class=Find(looks.cancelled, looks.SOON_S),
    build=lambda obj: ask.Cancel(number=obj.id),
    object_kind="payment",
    reference=lambda reply: reply.number,
    secret=("url",),
)
create_customer = Service(
    name="customers.create",
    kinds=KINDS,
    request=ask.WriteCustomer,
    reply=ask.CustomerWritten,
    effect_class=Find(looks.customer_created, looks.LATER_S),
    build=lambda obj, **said: ask.WriteCustomer.model_validate(said),
    reference=lambda reply: reply.id,
)
update_customer = Service(
    name="customers.patch",
    kinds=KINDS,
    request=ask.PatchCustomer,
    reply=ask.CustomerWritten,
    effect_class=Find(looks.customer_patched, looks.SOON_S),
    build=lambda obj, **said: ask.PatchCustomer.model_validate({"customer_id": obj.id} | said),
    object_kind="customer",
    mirror=_written,
    reference=lambda reply: reply.id,
)
delete_customer = Service(
    name="customers.delete",
    kinds=KINDS,
    request=ask.DeleteCustomer,
    reply=ask.CustomerRemoved,
    effect_class=Find(looks.customer_gone, looks.SOON_S),
    build=lambda obj: ask.DeleteCustomer(customer_id=obj.id),
    object_kind="customer",
    reference=lambda reply: reply.id,
)
delete_customers = Service(
    name="customers.delete_some",
    kinds=KINDS,
    request=ask.DeleteCustomers,
    reply=ask.CustomersRemoved,
    effect_class=Find(looks.customers_gone, looks.SOON_S),
    build=lambda obj, **said: ask.DeleteCustomers.model_validate(said),
)
SERVICES = {
    service.name: service for service in (activate, credit, cancel, create_customer, update_customer, delete_customer, delete_customers)
}
