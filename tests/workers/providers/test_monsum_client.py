import base64
import json
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from receiver.errors import OutcomeUnknown, Rejected, Retryable
from tests.workers.providers.wire import answers, breaks_off, drips, free_port, hangs_up, peer, silent
from workers.errors import NotFound
from workers.providers import monsum
from workers.providers.bundle import make_client
from workers.providers.http import HttpTransport
from workers.providers.monsum_client import MonsumClient
from workers.providers.monsum_requests import OneInvoice, SendByEmail

PAYLOADS = Path(__file__).parents[2] / "payloads" / "monsum"
INVOICE = SimpleNamespace(source="shop", id="11267")
DONE = b'{"REQUEST":{"SERVICE":"invoice.sendbyemail"},"RESPONSE":{"STATUS":"success"}}'


def recorded(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


def client(url: str, kind: str = "monsum", **limits: float) -> MonsumClient:
    return make_client(kind, "shop", url, "me@example.com", "k3y", "Europe/Berlin", ["EUR"], HttpTransport(**limits))


def an_email() -> SendByEmail:
    return monsum.send_by_email.build(INVOICE, recipient="to@example.com", subject="S", message="M")


def write(behave: Any, **limits: float) -> Any:
    with peer(behave) as running:
        return client(running.url, **limits).call(monsum.send_by_email, an_email())


def read(behave: Any, **limits: float) -> Any:
    with peer(behave) as running:
        return client(running.url, **limits).query(monsum.customer, "1")


ERRORS = b'{"REQUEST":{"SERVICE":"invoice.sendbyemail"},"RESPONSE":{"ERRORS":["missing / invalid field: RECIPIENT"]}}'
HTML = b"<html>maintenance</html>"
OUTCOMES = [
    ("429", answers(429, HTML, "Retry-After: 7"), Retryable),
    ("401", answers(401, HTML), Rejected),
    ("401 with errors", answers(401, ERRORS), Rejected),
    ("400 with errors", answers(400, ERRORS), Rejected),
    ("200 with errors", answers(200, ERRORS), Rejected),
    ("403 with errors", answers(403, ERRORS), Rejected),
    ("400 without errors", answers(400, b"{}"), OutcomeUnknown),
    ("403 page", answers(403, HTML), OutcomeUnknown),
    ("500", answers(500, b""), OutcomeUnknown),
    ("500 with errors", answers(500, ERRORS), OutcomeUnknown),
    ("502", answers(502, HTML), OutcomeUnknown),
    ("503 with Retry-After", answers(503, HTML, "Retry-After: 7"), OutcomeUnknown),
    ("404", answers(404, HTML), OutcomeUnknown),
    ("404 with errors", answers(404, ERRORS), OutcomeUnknown),
    ("302", answers(302, b"", "Location: /"), OutcomeUnknown),
    ("200 page", answers(200, HTML), OutcomeUnknown),
    ("200 empty", answers(200, b""), OutcomeUnknown),
    ("200 list", answers(200, b"[]"), OutcomeUnknown),
    ("200 NaN", answers(200, b'{"RESPONSE":{"STATUS":"success","X":NaN}}'), OutcomeUnknown),
    ("200 deep", answers(200, b"[" * 100_000), OutcomeUnknown),
    ("200 huge number", answers(200, b'{"RESPONSE":{"STATUS":"success","X":' + b"9" * 5000 + b"}}"), OutcomeUnknown),
    ("200 no STATUS", answers(200, b'{"REQUEST":{"SERVICE":"invoice.sendbyemail"},"RESPONSE":{}}'), OutcomeUnknown),
    ("200 other STATUS", answers(200, b'{"RESPONSE":{"STATUS":"queued"}}'), OutcomeUnknown),
    ("200 no RESPONSE", answers(200, b'{"REQUEST":{"SERVICE":"invoice.sendbyemail"}}'), OutcomeUnknown),
    ("200 of another service", answers(200, b'{"REQUEST":{"SERVICE":"invoice.get"},"RESPONSE":{"STATUS":"success"}}'), OutcomeUnknown),
    ("200 success and errors", answers(200, b'{"RESPONSE":{"STATUS":"success","ERRORS":["x"]}}'), OutcomeUnknown),
    ("closed", hangs_up, OutcomeUnknown),
    ("half a reply", breaks_off, OutcomeUnknown),
    ("silence", silent, OutcomeUnknown),
    ("drip", drips(b" "), OutcomeUnknown),
]
ROWS = [pytest.param(behave, error, id=name) for name, behave, error in OUTCOMES]


@pytest.mark.parametrize("behave, error", ROWS)
def test_the_outcome_of_a_write_is_the_row_of_the_table(behave, error):
    with pytest.raises(error) as caught:
        write(behave, total_s=0.2)

    assert type(caught.value) is error


@pytest.mark.parametrize("behave", [row[1] for row in OUTCOMES], ids=[row[0] for row in OUTCOMES])
def test_every_failure_of_a_read_is_retryable(behave):
    with pytest.raises(Retryable):
        read(behave, total_s=0.2)


def test_a_write_that_finds_nobody_listening_was_not_asked():
    with pytest.raises(Retryable):
        client(f"http://127.0.0.1:{free_port()}/").call(monsum.send_by_email, an_email())


def test_a_write_that_succeeds_gives_its_typed_reply():
    assert write(answers(200, DONE)).status == "success"


def test_a_429_says_how_long_to_wait():
    with pytest.raises(Retryable) as caught:
        write(answers(429, b"", "Retry-After: 7"))

    assert caught.value.retry_after_s == 7


def test_a_rejection_keeps_the_providers_reasons_apart_from_its_text():
    with pytest.raises(Rejected) as caught:
        write(answers(400, recorded("api_error.customer.create.response.json")))

    assert caught.value.reasons == ("missing / invalid field: ORGANIZATION",)
    assert "ORGANIZATION" not in str(caught.value)


@pytest.mark.parametrize("name", ["login", "unknown-service", "customer.delete"])
def test_the_recorded_errors_are_rejections(name):
    with pytest.raises(Rejected) as caught:
        write(answers(400, recorded(f"api_error.{name}.response.json")))

    assert caught.value.reasons


def test_no_error_shows_key_recipient_or_reply():
    with pytest.raises(OutcomeUnknown) as caught:
        write(answers(200, b'{"RESPONSE":{"STATUS":"for private@example.com"}}'))

    chain = f"{caught.value!r}{caught.value.context}{caught.value.__cause__!r}"
    assert all(secret not in chain for secret in ("k3y", "private@example.com", "to@example.com"))


def test_the_client_logs_in_with_http_basic_and_sends_json():
    with peer(answers(200, DONE)) as running:
        client(running.url).call(monsum.send_by_email, an_email())

    head = running.requests[0].partition(b"\r\n\r\n")[0]
    assert b"Authorization: Basic " + base64.b64encode(b"me@example.com:k3y") in head
    assert b"Content-Type: application/json" in head


def test_the_representation_of_a_client_shows_no_key():
    assert "k3y" not in repr(client("https://app.monsum.com/"))


def test_a_service_the_kind_does_not_have_is_rejected_without_a_call():
    with pytest.raises(Rejected):
        client(f"http://127.0.0.1:{free_port()}/", kind="fastbill").call(monsum.capture, OneInvoice(invoice_id="1"))


REQUESTS = [
    (
        "api_invoice.sendbyemail",
        monsum.send_by_email,
        {
            "recipient": "info@example.com",
            "cc": "support@example.com",
            "subject": "Ihre Rechnung vom 01.01.2011",
            "message": "Sehr geehrte Damen und Herren, ...",
            "receipt_confirmation": True,
        },
    ),
    ("api_invoice.sendbypost", monsum.send_by_post, {}),
    ("api_invoice.complete", monsum.complete, {}),
    ("api_invoice.setpaid", monsum.set_paid, {"paid_date": "2013-03-05"}),
    ("api_invoice.cancel", monsum.cancel, {"invoice_id": "122517"}),
    ("api_invoice.update", monsum.update_invoice, {"introtext": "Das ist der NEUE Einleitungssatz.", "invoice_date": "2012-03-01"}),
    ("api_customer.addcredits", monsum.add_credits, {"amount": Decimal("1.5")}),
    ("api_customer.delete", monsum.delete_customer, {}),
    ("api_customer.createsecurelink", monsum.create_secure_link, {}),
    ("api_webhook.create", monsum.create_webhook, {"endpoint": "http://endpoint/url", "events": "customer.created,customer.updated"}),
    ("api_webhook.delete", monsum.delete_webhook, {}),
]


@pytest.mark.parametrize("name, service, said", REQUESTS, ids=[row[0] for row in REQUESTS])
def test_a_request_is_what_was_recorded_and_its_recorded_answer_is_a_success(name, service, said):
    expected = json.loads(recorded(f"{name}.request.json"))
    data = expected["DATA"]
    ids = ("INVOICE_ID", "CUSTOMER_ID", "WEBHOOK_ID")
    target = SimpleNamespace(source="shop", id=next((str(data[key]) for key in ids if key in data), "1"))
    kind = "monsum" if "monsum" in service.kinds else "fastbill"
    with peer(answers(200, recorded(f"{name}.response.json"))) as running:
        client(running.url, kind=kind).call(service, service.build(target, **said))

    assert json.loads(running.requests[0].partition(b"\r\n\r\n")[2]) == expected


def test_the_list_reads_are_what_was_recorded():
    with peer(answers(200, recorded("api_customer.get.response.json"))) as running:
        page = client(running.url).customers()

    assert json.loads(running.requests[0].partition(b"\r\n\r\n")[2]) == json.loads(recorded("api_customer.get.request.json"))
    assert [record["CUSTOMER_ID"] for record in page.records][:2] == ["1", "2"]
    assert page.next_offset is None


def test_a_customers_password_goes_no_further_than_the_client():
    with peer(answers(200, recorded("api_customer.get.response.json"))) as running:
        page = client(running.url).customers()

    assert all("PASSWORD" not in record for record in page.records)


@pytest.mark.parametrize("name", ["", ".2013", ".2014"])
def test_every_recorded_invoice_can_be_read(name):
    body = recorded(f"api_invoice.get.response{name}.json")
    id = json.loads(body)["RESPONSE"]["INVOICES"][0]["INVOICE_ID"]
    with peer(answers(200, body)) as running:
        invoice = client(running.url).query(monsum.invoice, id)

    assert invoice.id == id and invoice.total is not None


def test_amounts_are_the_text_of_the_number_and_never_a_float():
    with peer(answers(200, recorded("api_invoice.get.response.json"))) as running:
        invoice = client(running.url).query(monsum.invoice, "2345")

    assert invoice.total.amount == Decimal("9.656557379")
    assert str(invoice.due_date) == "2015-11-05"
    assert invoice.is_canceled and invoice.paid_on is None


def test_an_object_the_provider_does_not_have_is_not_found():
    with peer(answers(200, recorded("api_customer.get.response.empty.json"))) as running, pytest.raises(NotFound):
        client(running.url).query(monsum.customer, "2973432")


def test_another_object_than_the_one_asked_for_is_never_taken_for_it():
    with peer(answers(200, recorded("api_customer.get.response.2014.json"))) as running, pytest.raises(Retryable) as caught:
        client(running.url).query(monsum.customer, "697230")

    assert caught.value.context["kind"] == "wrong_object"


def test_a_list_of_ids_that_was_not_understood_is_never_read_as_missing_invoices():
    with peer(answers(200, recorded("api_invoice.get.response.json"))) as running, pytest.raises(Retryable) as caught:
        client(running.url).invoices_by_id(["4711"])

    assert caught.value.context["kind"] == "wrong_object"


def test_a_record_that_cannot_be_read_is_asked_for_again_and_not_quoted():
    body = recorded("api_invoice.get.response.json").replace(b'"0,00"', b'"secret-ish"')
    with peer(answers(200, body)) as running, pytest.raises(Retryable) as caught:
        client(running.url).query(monsum.invoice, "2345")

    assert caught.value.context["kind"] == "unreadable"
    assert "secret-ish" not in f"{caught.value!r}{caught.value.__cause__!r}"


def test_reminders_are_read_whatever_their_list_is_called():
    body = recorded("api_invoice.getreminders.response.constructed.json").replace(b"REMINDERS", b"ITEMS")
    with peer(answers(200, body)) as running:
        reminders = client(running.url).query(monsum.reminders, "447236")

    assert (reminders.level, str(reminders.reminders[0].sent_on)) == (1, "2016-02-10")


def test_webhooks_are_listed_on_fastbill():
    with peer(answers(200, recorded("api_webhook.get.response.json"))) as running:
        found = client(running.url, kind="fastbill").query(monsum.webhooks, "shop")

    assert [row["WEBHOOK_ID"] for row in found.webhooks] == ["15", "16"]


def test_the_recorded_answer_of_addcredits_counts_without_a_response_at_the_top():
    target = SimpleNamespace(source="shop", id="995434")
    with peer(answers(200, recorded("api_customer.addcredits.response.json"))) as running:
        reply = client(running.url).call(monsum.add_credits, monsum.add_credits.build(target, amount="1.5"))

    assert reply.status is None


def test_reminders_that_are_no_objects_are_a_read_that_fails():
    body = b'{"REQUEST":{"SERVICE":"invoice.getreminders"},"RESPONSE":{"REMINDERS":[[]]}}'

    with peer(answers(200, body)) as running, pytest.raises(Retryable) as caught:
        client(running.url).query(monsum.reminders, "7")

    assert caught.value.context["kind"] == "reply_incomplete"


@pytest.mark.parametrize(
    "service, said, reply",
    [
        (monsum.complete, {}, b'"INVOICE_NUMBER":"1","INVOICE_ID":8'),
        (monsum.update_customer, {"fields": {"city": "Bonn"}}, b'"CUSTOMER_ID":8'),
        (monsum.correct_vat_2020, {}, b'"INVOICE_ID_OLD":8'),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_a_reply_about_another_object_proves_nothing(service, said, reply):
    request = service.build(SimpleNamespace(source="shop", id="7"), **said)
    outcomes = []
    for body in (reply, reply.replace(b":8", b":7")):
        with peer(answers(200, b'{"RESPONSE":{"STATUS":"success",' + body + b"}}")) as running:
            try:
                outcomes.append(client(running.url).call(service, request).status)
            except OutcomeUnknown as cause:
                outcomes.append(cause.context["kind"])

    assert outcomes == ["wrong_reply", "success"]
