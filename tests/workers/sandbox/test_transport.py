from types import SimpleNamespace

import pytest

from receiver.errors import OutcomeUnknown, Rejected, Retryable
from tests.workers.sandbox.conftest import client_of
from workers.errors import NotFound
from workers.providers import monsum
from workers.sandbox.faults import AFTER, BEFORE, KINDS
from workers.sandbox.transport import basic_credentials

EXPECTED = {
    "refuse": Retryable,
    "dns": Retryable,
    "tls": Retryable,
    "rate": Retryable,
    "login": Rejected,
    "error-before": OutcomeUnknown,
    "unavailable": OutcomeUnknown,
    "gone": OutcomeUnknown,
    "not-json-before": OutcomeUnknown,
    "decline": Rejected,
    **dict.fromkeys(AFTER, OutcomeUnknown),
}


def send(sandbox, before_write=None):
    invoice = SimpleNamespace(source="shop", id=sandbox.trigger("invoice.completed")["invoice_id"])
    request = monsum.send_by_email.build(invoice, recipient="a@example.com", subject="S", message="M")
    return client_of(sandbox).call(monsum.send_by_email, request, before_write=before_write)


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_has_the_outcome_the_real_wire_would_have(sandbox, kind):
    sandbox.faults.add(kind, "invoice.sendbyemail")

    with pytest.raises(EXPECTED[kind]) as caught:
        send(sandbox)

    assert type(caught.value) is EXPECTED[kind]
    assert len(sandbox.sent) == (0 if kind in BEFORE else 1)


@pytest.mark.parametrize("kind", ["refuse", "dns", "tls"])
def test_without_a_connection_the_hook_before_the_first_byte_does_not_run(sandbox, kind):
    ran = []
    sandbox.faults.add(kind)

    with pytest.raises(Retryable):
        send(sandbox, before_write=lambda: ran.append(1))

    assert ran == [] and sandbox.calls == []


def test_a_hook_that_raises_leaves_the_sandbox_unasked(sandbox):
    class Crash(BaseException):
        pass

    def crash():
        raise Crash

    with pytest.raises(Crash):
        send(sandbox, before_write=crash)

    assert sandbox.calls == [] and sandbox.sent == []


def test_a_fault_ends_after_its_times_and_begins_after_its_skips(sandbox):
    sandbox.faults.add("drop", "invoice.sendbyemail", times=2, skip=1)

    outcomes = []
    for _ in range(4):
        try:
            outcomes.append(send(sandbox).status)
        except OutcomeUnknown:
            outcomes.append("unknown")

    assert outcomes == ["success", "unknown", "unknown", "success"]


def test_a_fault_of_one_service_leaves_the_others_alone(sandbox):
    sandbox.faults.add("drop", "invoice.sendbypost")

    assert send(sandbox).status == "success"


def test_an_unknown_fault_is_refused_with_the_known_ones(sandbox):
    with pytest.raises(ValueError, match="drop"):
        sandbox.faults.add("explode")


def test_planned_faults_can_be_cleared(sandbox):
    sandbox.faults.add("drop")
    sandbox.faults.clear()

    assert send(sandbox).status == "success"


def test_a_wrong_key_is_rejected_for_a_write(sandbox):
    invoice = SimpleNamespace(source="shop", id="1")
    with pytest.raises(Rejected) as caught:
        client_of(sandbox, key="wrong").call(monsum.send_by_post, monsum.send_by_post.build(invoice))

    assert caught.value.context["kind"] == "credentials"


def test_an_unknown_object_is_not_found(client):
    with pytest.raises(NotFound):
        client.query(monsum.customer, "1")
    with pytest.raises(NotFound):
        client.query(monsum.document, "1")


def test_many_customers_are_read_page_by_page(sandbox, client):
    for _ in range(250):
        sandbox.trigger("customer.created")

    sizes, offset = [], 0
    while offset is not None:
        page = client.customers(offset)
        sizes.append(len(page.records))
        offset = page.next_offset

    assert sizes == [100, 100, 50]


def test_invoices_are_read_again_by_their_ids(sandbox, client):
    ids = [sandbox.trigger("invoice.completed")["invoice_id"] for _ in range(3)]

    assert [record["INVOICE_ID"] for record in client.invoices_by_id([ids[0], ids[2], "1"])] == [ids[0], ids[2]]
    assert len(client.invoices(type="outgoing").records) == 3


def test_no_ids_ask_for_nothing_and_too_many_are_refused(sandbox, client):
    sandbox.trigger("invoice.completed")

    assert client.invoices_by_id([]) == () and sandbox.calls == []
    with pytest.raises(ValueError, match="100"):
        client.invoices_by_id(["1"] * 101)


def test_lines_and_vat_ids_can_be_asked_for(sandbox, client):
    ids = sandbox.trigger("invoice.completed", {"total": "119.00"})

    assert [item["complete_gross"] for item in client.query(monsum.items, ids["invoice_id"]).items] == ["119"]
    assert client.query(monsum.vat_check, "DE123456789").verdict == "valid"
    assert client.query(monsum.vat_check, "??").verdict == "invalid"


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic", "Basic !!!", "Basic " + "w7w=", "Basic /w=="])
def test_a_header_that_is_not_basic_has_no_credentials(header):
    assert basic_credentials(header) is None
