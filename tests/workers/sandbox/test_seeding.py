import json

import pytest

from receiver.sources.monsum import invoice_fields
from tests.workers.sandbox.conftest import PAYLOADS, client_of
from workers.providers import monsum

SAMPLES = sorted(PAYLOADS.glob("webhook_*.json"))


def test_the_recorded_invoice_can_be_read_and_its_customer_written_to(sandbox, client):
    ids = sandbox.seed((PAYLOADS / "webhook_invoice.created.json").read_bytes())

    invoice, customer = client.query(monsum.invoice, "772330"), client.query(monsum.customer, "805270")
    assert ids["invoice_id"] == "772330" and ids["customer_id"] == "805270"
    assert (str(invoice.total), invoice.type, invoice.customer_id) == ("70.21 EUR", "outgoing", "805270")
    assert (customer.email, customer.delivery_method, customer.language) == ("m.muster@example.com", "mail", "de")


def test_the_recorded_fastbill_invoice_makes_its_customer_too(make_sandbox):
    fastbill = make_sandbox("fastbill")
    fastbill.seed((PAYLOADS / "webhook_invoice.completed.fastbill.constructed.json").read_bytes())

    client = client_of(fastbill)
    assert str(client.query(monsum.invoice, "16462410").total) == "1190.00 EUR"
    assert client.query(monsum.customer, "52744").email


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_recorded_notification_seeds_what_it_tells_about(make_sandbox, sample):
    sandbox = make_sandbox("fastbill" if "fastbill" in sample.name else "monsum")
    said = json.loads(sample.read_bytes(), parse_float=str)

    ids = sandbox.seed(sample.read_bytes())

    assert sandbox.drain() == []
    if "invoice" in said and ids["invoice_id"] in sandbox.account.invoices:
        read = client_of(sandbox).query(monsum.invoice, ids["invoice_id"]).fields
        told = invoice_fields(said["invoice"])
        compared = ("number", "type", "total", "sub_total", "vat_total", "invoice_date", "due_date", "introtext", "is_canceled", "city")
        wrong = [name for name in compared if name in told and read.get(name) != told[name]]
        assert wrong == []


def test_later_ids_come_after_the_recorded_ones(sandbox):
    sandbox.seed((PAYLOADS / "webhook_invoice.deleted.json").read_bytes())

    ids = sandbox.trigger("invoice.created")
    notices = [json.loads(notice.body) for notice in sandbox.drain()]
    assert int(ids["invoice_id"]) > 964590
    assert next(body["id"] for body in notices if body["type"] == "invoice.created") > 888418


def test_a_deleted_object_is_not_there(sandbox):
    sandbox.seed((PAYLOADS / "webhook_customer.deleted.json").read_bytes())

    assert sandbox.account.customers == {}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[" * 100_000])
def test_what_is_no_notification_is_refused(sandbox, body):
    with pytest.raises(ValueError):
        sandbox.seed(body)
