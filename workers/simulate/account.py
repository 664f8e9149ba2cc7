"""The scenario's customers and invoices as records of the sandbox, under the very ids the file gives them.

What is dated before the first day, and every draft, is there when the baseline is read; a later invoice is completed on its date, at
the hour at which the scenario starts. Called by workers/simulate/play.py.
"""

from datetime import date, datetime
from functools import partial
from typing import Any

from workers.gates import InvoiceSent
from workers.sandbox.account import Record, put
from workers.simulate.scenario import Customer, Invoice
from workers.simulate.stage import Stage

LINE = {"ARTICLE_NUMBER": "1000", "DESCRIPTION": "Leistung", "QUANTITY": "1", "VAT_PERCENT": "0.00"}


def fill(stage: Stage) -> None:
    """Put everything into the sandbox, or on the list of what is to happen."""
    for customer in stage.scenario.customer:
        add_customer(stage, customer)
    first_on = stage.scenario.start.date()
    for invoice in stage.scenario.invoice:
        if invoice.date < first_on or invoice.type == "draft":
            record = add_invoice(stage, invoice)
            record["SHIPMENT"] = "1" if invoice.sent is not None and invoice.sent < first_on else record["SHIPMENT"]
        else:
            stage.at(on(stage, invoice.date), partial(_comes_to_be, stage, invoice))
        if invoice.sent is not None:
            stage.at(on(stage, invoice.sent), partial(was_sent, stage, invoice.id, invoice.sent))


def on(stage: Stage, day: date) -> datetime:
    """The instant of a day at the hour at which the scenario starts; not before it does."""
    first = stage.scenario.start
    return stage.scenario.instant(datetime.combine(max(day, first.date()), first.time()))


def add_customer(stage: Stage, said: Customer) -> None:
    """A record with the file's id; X_ATTRIBUTES are told once by webhook, as no read shows them."""
    fields: dict[str, Any] = {
        "CUSTOMER_ID": said.id, "CUSTOMER_NUMBER": said.id, "CUSTOMER_TYPE": said.type or "",
        "ORGANIZATION": said.name or f"Kunde {said.id}",
        "COUNTRY_CODE": said.country, "LANGUAGE_CODE": said.language, "CURRENCY_CODE": said.currency,
        "CREDIT_BALANCE": str(said.credit_balance), "EMAIL": said.email or "", "TAGS": ",".join(said.tags),
        "INVOICE_DELIVERY_METHOD": said.delivery_method, "PAYMENT_TYPE": said.payment_type, **said.fields,
    }  # fmt: skip
    account = stage.sandbox.account
    record = account.new_customer({name: value for name, value in fields.items() if value is not None})
    _rename(account.customers, said.id)
    if said.type != "business":
        record["ORGANIZATION"] = said.fields.get("ORGANIZATION", "")
        record["LAST_NAME"] = said.name or record["LAST_NAME"]
    if said.x_attributes:
        told = {f"x_attributes.{name}": value for name, value in said.x_attributes.items()}
        stage.at(stage.scenario.instant(stage.scenario.start), partial(_tell_customer, stage, {"customer_id": said.id, **told}))


def add_invoice(stage: Stage, said: Invoice) -> Record:
    """A record with the file's id, number and exact total, on one line without VAT."""
    account = stage.sandbox.account
    fields: dict[str, Any] = {
        "INVOICE_DATE": str(said.date), "DUE_DATE": f"{said.due} 00:00:00" if said.due else None, "CURRENCY_CODE": said.currency,
        "PAYMENT_TYPE": said.payment_type, "INVOICE_NUMBER": said.number or said.id, "TYPE": said.type,
        "CASH_DISCOUNT_PERCENT": said.cash_discount_percent, "CASH_DISCOUNT_DAYS": said.cash_discount_days,
        "ITEMS": [LINE | {"UNIT_PRICE": str(said.total)}],
    }  # fmt: skip
    written = {name: value for name, value in fields.items() if value is not None}
    record = account.new_invoice(account.customers[said.customer], written)
    put(record, {"INVOICE_ID": said.id, "DOCUMENT_URL": f"{account.public_url}/documents/{said.id}.pdf", **said.fields})
    _rename(account.invoices, said.id)
    return record


def was_sent(stage: Stage, id: str, day: date) -> None:
    """The invoice demonstrably left on `day`: the provider shows it, and a person says so."""
    stage.sandbox.account.invoices[id]["SHIPMENT"] = "1"
    customer = stage.sandbox.account.invoices[id]["CUSTOMER_ID"]
    stage.give(InvoiceSent(source=stage.scenario.source, at=stage.now, invoice_id=id, customer_id=customer, sent_on=day))


def _comes_to_be(stage: Stage, said: Invoice) -> None:
    add_invoice(stage, said)
    if said.type == "outgoing":
        stage.sandbox.trigger("invoice.completed", {"invoice_id": said.id})


def _tell_customer(stage: Stage, said: dict[str, str]) -> None:
    stage.sandbox.trigger("customer.updated", said)


def _rename(records: dict[str, Record], id: str) -> None:
    """The newest record goes by `id`."""
    _, record = records.popitem()
    records[id] = record
