"""A lost reply, found out: each case loses a reply of the sandbox and looks, with and without the act."""

import dataclasses
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from receiver.errors import OutcomeUnknown, Retryable
from workers.providers import monsum
from workers.providers.bundle import make_client
from workers.providers.http import Answer
from workers.providers.service import Asked, Find
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.transport import LocalTransport


class Bench:
    """One sandbox, one client, one invoice and its customer."""

    def __init__(self, kind="monsum", *, draft=False):
        self.sandbox = MonsumSandbox(kind, user="u", key="k", clock=lambda: datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
        url = f"{self.sandbox.account.public_url}/api/1.0/api.php"
        self.client = make_client(kind, "shop", url, "u", "k", "Europe/Berlin", ["EUR"], LocalTransport(self.sandbox))
        ids = self.sandbox.trigger("invoice.created" if draft else "invoice.completed")
        self.invoice = SimpleNamespace(source="shop", id=ids["invoice_id"])
        self.customer = SimpleNamespace(source="shop", id=ids["customer_id"])

    def look(self, service, request, before=None):
        assert isinstance(service.effect_class, Find)
        asked = Asked(called_at=self.sandbox.clock(), request_id="1", before=before)
        return service.effect_class.look(self.client, request, asked)

    def lose(self, service, request, *, acted):
        """Whether it was found, after a call whose reply was lost with or without the act."""
        self.sandbox.faults.add("drop" if acted else "error-before", service.name)
        with pytest.raises(OutcomeUnknown):
            self.client.call(service, request)


class Deaf(LocalTransport):
    """A provider that understands no filter: it ignores them all."""

    def send(self, ask, **more):
        return super().send(dataclasses.replace(ask, body=json.dumps(json.loads(ask.body) | {"FILTER": {}}).encode()), **more)


CASES = [
    ("post", monsum.send_by_post, False, lambda bench: monsum.send_by_post.build(bench.invoice)),
    ("complete", monsum.complete, True, lambda bench: monsum.complete.build(bench.invoice)),
    ("set paid", monsum.set_paid, False, lambda bench: monsum.set_paid.build(bench.invoice)),
    ("cancel", monsum.cancel, False, lambda bench: monsum.cancel.build(bench.invoice)),
    ("delete invoice", monsum.delete_invoice, True, lambda bench: monsum.delete_invoice.build(bench.invoice)),
    ("delete customer", monsum.delete_customer, False, lambda bench: monsum.delete_customer.build(bench.customer)),
    ("create invoice", monsum.create_invoice, False, lambda b: monsum.create_invoice.build(b.customer, invoice_ext_uid="billhook-topup-1")),
    ("update customer", monsum.update_customer, False, lambda b: monsum.update_customer.build(b.customer, fields={"city": "Bonn"})),
]


@pytest.mark.parametrize("acted", [True, False])
@pytest.mark.parametrize("service, draft, build", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_lost_reply_is_found_out_by_reading(service, draft, build, acted):
    bench = Bench(draft=draft)
    before = bench.client.query(monsum.invoice, bench.invoice.id)
    request = build(bench)

    bench.lose(service, request, acted=acted)

    assert bench.look(service, request, before).found is acted


@pytest.mark.parametrize("acted", [True, False])
def test_a_lost_top_up_is_found_out_by_the_balance(acted):
    bench = Bench()
    next(iter(bench.sandbox.account.invoices.values()))["INVOICE_DATE"] = "2026-11-19"
    before = bench.client.query(monsum.customer, bench.customer.id)
    request = monsum.add_credits.build(bench.customer, amount="12.50")

    bench.lose(monsum.add_credits, request, acted=acted)

    assert bench.look(monsum.add_credits, request, before).found is acted


def test_a_balance_that_moved_otherwise_tells_nothing():
    bench = Bench()
    before = bench.client.query(monsum.customer, bench.customer.id)
    bench.client.call(monsum.add_credits, monsum.add_credits.build(bench.customer, amount="3"))

    assert bench.look(monsum.add_credits, monsum.add_credits.build(bench.customer, amount="12.50"), before).found is None


def test_a_top_up_without_a_balance_read_before_tells_nothing():
    bench = Bench()

    assert bench.look(monsum.add_credits, monsum.add_credits.build(bench.customer, amount="1")).found is None


def test_an_unchanged_balance_beside_another_invoice_of_the_day_tells_nothing():
    bench = Bench()
    next(iter(bench.sandbox.account.invoices.values()))["INVOICE_DATE"] = "2026-11-19"
    before = bench.client.query(monsum.customer, bench.customer.id)
    bench.sandbox.trigger("invoice.completed", {"customer_id": bench.customer.id, "invoice_date": "2026-11-20"})

    assert bench.look(monsum.add_credits, monsum.add_credits.build(bench.customer, amount="1"), before).found is None


def test_an_unchanged_balance_beside_the_top_ups_own_invoice_is_a_no():
    bench = Bench()
    next(iter(bench.sandbox.account.invoices.values()))["INVOICE_EXT_UID"] = "billhook-topup-1"
    before = bench.client.query(monsum.customer, bench.customer.id)

    assert bench.look(monsum.add_credits, monsum.add_credits.build(bench.customer, amount="1"), before).found is False


@pytest.mark.parametrize("acted", [True, False])
def test_a_lost_new_customer_is_found_out_by_its_number(acted):
    bench = Bench()
    request = monsum.create_customer.build(
        bench.customer, fields={"customer_type": "business", "organization": "Neu GmbH", "customer_number": "K-7", "customer_ext_uid": "u7"}
    )

    bench.lose(monsum.create_customer, request, acted=acted)

    assert bench.look(monsum.create_customer, request).found is acted


@pytest.mark.parametrize("fields", [{"customer_number": "10001", "customer_ext_uid": "other"}, {"organization": "Neu GmbH"}])
def test_a_number_somebody_else_has_or_no_number_tells_nothing_of_a_new_customer(fields):
    bench = Bench()

    assert bench.look(monsum.create_customer, monsum.create_customer.build(bench.customer, fields=fields)).found is None


@pytest.mark.parametrize("acted", [True, False])
def test_an_account_that_shows_nothing_of_anything_proves_nothing_of_what_was_made(acted):
    bench = Bench()
    made = monsum.create_customer.build(bench.customer, fields={"customer_type": "business", "organization": "N", "customer_number": "K-7"})
    drafted = monsum.create_invoice.build(bench.customer, invoice_ext_uid="ours")
    bench.lose(monsum.create_customer, made, acted=acted)
    bench.lose(monsum.create_invoice, drafted, acted=acted)
    bench.sandbox.account.customers.clear()
    bench.sandbox.account.invoices.clear()

    assert (bench.look(monsum.create_customer, made).found, bench.look(monsum.create_invoice, drafted).found) == (None, None)


def test_a_letter_without_a_read_before_tells_nothing():
    bench = Bench()

    assert bench.look(monsum.send_by_post, monsum.send_by_post.build(bench.invoice)).found is None


def test_a_letter_on_an_account_that_shows_no_shipment_tells_nothing():
    bench = Bench("fastbill")
    before = bench.client.query(monsum.invoice, bench.invoice.id)

    assert bench.look(monsum.send_by_post, monsum.send_by_post.build(bench.invoice), before).found is None


def test_a_partial_cancellation_tells_nothing():
    bench = Bench()

    request = monsum.cancel.build(bench.invoice, cancellation_amount="1", description="x")
    assert bench.look(monsum.cancel, request).found is None


def test_a_new_invoice_without_an_ext_uid_tells_nothing():
    bench = Bench()

    assert bench.look(monsum.create_invoice, monsum.create_invoice.build(bench.customer)).found is None


def test_x_attributes_cannot_be_read_back_so_writing_them_tells_nothing():
    bench = Bench()
    request = monsum.update_customer.build(bench.customer, fields={"city": "Bonn"}, x_attributes={"x": "1"}, known={})
    bench.client.call(monsum.update_customer, request)

    assert bench.look(monsum.update_customer, request).found is None


def test_fastbills_paid_date_tells_that_an_invoice_is_paid():
    bench = Bench("fastbill")
    request = monsum.set_paid.build(bench.invoice)
    bench.lose(monsum.set_paid, request, acted=True)

    assert bench.look(monsum.set_paid, request).found is True


@pytest.mark.parametrize("acted", [True, False])
def test_lost_replies_about_webhooks_are_found_out_in_the_list(acted):
    bench = Bench("fastbill")
    made = monsum.create_webhook.build(bench.customer, endpoint="https://example.com/hook", events="customer.created")
    bench.lose(monsum.create_webhook, made, acted=acted)
    assert bench.look(monsum.create_webhook, made).found is acted

    gone = monsum.delete_webhook.build(SimpleNamespace(source="shop", id="16"))
    assert bench.look(monsum.delete_webhook, gone).found is (not acted)


def test_a_completed_invoice_without_a_number_tells_nothing():
    bench = Bench()
    bench.sandbox.account.invoices[bench.invoice.id]["INVOICE_NUMBER"] = ""

    assert bench.look(monsum.complete, monsum.complete.build(bench.invoice)).found is None


def test_a_new_invoice_that_was_completed_meanwhile_is_found():
    bench = Bench()
    bench.sandbox.account.invoices[bench.invoice.id]["INVOICE_EXT_UID"] = "ours"

    look = bench.look(monsum.create_invoice, monsum.create_invoice.build(bench.customer, invoice_ext_uid="ours"))

    assert (look.found, look.reference) == (True, bench.invoice.id)


def test_a_new_invoice_is_looked_for_among_drafts_and_then_among_outgoing_ones():
    bench = Bench()

    assert bench.look(monsum.create_invoice, monsum.create_invoice.build(bench.customer, invoice_ext_uid="ours")).found is False
    asked = [call.data for call in bench.sandbox.calls if call.service == "invoice.get"]
    assert [(one["CUSTOMER_ID"], one["TYPE"]) for one in asked if one] == [(bench.customer.id, "draft"), (bench.customer.id, "outgoing")]


@pytest.mark.parametrize("number, found", [("K-7", True), ("K-8", False)])
def test_a_new_customer_is_found_behind_the_first_page_where_the_filter_is_ignored(number, found):
    bench = Bench()
    for _ in range(100):
        bench.sandbox.account.new_customer({})
    bench.sandbox.account.new_customer({"CUSTOMER_NUMBER": "K-7"})
    bench.client = dataclasses.replace(bench.client, transport=Deaf(bench.sandbox))

    fields = {"customer_type": "business", "organization": "Neu", "customer_number": number}
    assert bench.look(monsum.create_customer, monsum.create_customer.build(bench.customer, fields=fields)).found is found


def test_corrected_vat_names_the_invoice_that_was_corrected_and_the_new_one():
    bench = Bench()

    reply = bench.client.call(monsum.correct_vat_2020, monsum.correct_vat_2020.build(bench.invoice))

    assert reply.invoice_id_old == bench.invoice.id != reply.invoice_id_corrected == monsum.correct_vat_2020.reference(reply)
    assert bench.client.query(monsum.invoice, bench.invoice.id).is_canceled
    assert bench.client.query(monsum.invoice, reply.invoice_id_corrected).type == "outgoing"


class Endless(LocalTransport):
    """One page of a hundred drafts, whatever is asked for."""

    def send(self, ask, **more):
        rows = [{"INVOICE_ID": str(number), "INVOICE_EXT_UID": ""} for number in range(100)]
        return Answer(status=200, body=json.dumps({"RESPONSE": {"INVOICES": rows}}).encode())


def test_a_list_that_answers_one_page_for_ever_proves_nothing():
    bench = Bench(draft=True)
    bench.client = dataclasses.replace(bench.client, transport=Endless(bench.sandbox))
    request = monsum.create_invoice.build(bench.customer, invoice_ext_uid="ours")

    with pytest.raises(Retryable) as caught:
        bench.look(monsum.create_invoice, request)
    assert caught.value.context["kind"] == "same_page"
