from datetime import UTC, datetime

import pytest

from receiver.errors import Rejected, Retryable
from tests.workers.providers.wire import answers, hangs_up, peer
from workers.providers import monsum
from workers.providers.bundle import make_client
from workers.providers.documents import fetch, may_fetch
from workers.providers.http import HttpTransport
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.printed import printed_invoice
from workers.sandbox.transport import LocalTransport

HOSTS = frozenset({"app.monsum.com"})
REAL = "https://app.monsum.com/api/1.0/api.php"
SANDBOX = "http://127.0.0.1:8090/api/1.0/api.php"
INVOICE = {"INVOICE_NUMBER": "26/001", "TOTAL": "1.00", "CURRENCY_CODE": "EUR"}


@pytest.mark.parametrize(
    "url, base_url, allowed",
    [
        ("https://app.monsum.com/download/x", REAL, True),
        ("http://app.monsum.com/download/x", REAL, False),
        ("https://app.monsum.com:8443/download/x", REAL, False),
        ("https://app.monsum.com.evil.example/x", REAL, False),
        ("https://evil.example/?https://app.monsum.com/", REAL, False),
        ("https://user@evil.example/", REAL, False),
        ("http://127.0.0.1:8090/documents/1.pdf", REAL, False),
        ("http://169.254.169.254/latest", REAL, False),
        ("file:///etc/passwd", REAL, False),
        ("http://127.0.0.1:8090/documents/1.pdf", SANDBOX, True),
        ("http://127.0.0.1:8091/documents/1.pdf", SANDBOX, False),
    ],
)
def test_only_the_providers_own_hosts_are_followed(url, base_url, allowed):
    assert may_fetch(url, HOSTS, base_url) is allowed


@pytest.mark.parametrize("einvoice", [True, False])
def test_an_embedded_xml_is_seen_in_the_pdf(einvoice):
    with peer(answers(200, printed_invoice(INVOICE, einvoice=einvoice))) as running:
        document = fetch(HttpTransport(), running.url, provider="shop", invoice_id="1")

    assert document.has_einvoice is einvoice
    assert document.size > 300 and len(document.sha256) == 64


@pytest.mark.parametrize("body", [b"", b"<html>", b"%PDF-1.4 and nothing more", b"%PDF-1.4\n" + b"\x00" * 2000])
def test_what_is_no_pdf_is_rejected(body):
    with peer(answers(200, body)) as running, pytest.raises(Rejected):
        fetch(HttpTransport(), running.url, provider="shop", invoice_id="1")


@pytest.mark.parametrize("behave", [answers(302, b"", "Location: http://127.0.0.1:1/"), answers(404, b""), answers(503, b""), hangs_up])
def test_a_document_that_does_not_come_is_asked_for_again_later(behave):
    with peer(behave) as running, pytest.raises(Retryable):
        fetch(HttpTransport(), running.url, provider="shop", invoice_id="1")


def test_no_credential_goes_along_with_a_document():
    with peer(answers(200, printed_invoice(INVOICE, einvoice=False))) as running:
        fetch(HttpTransport(), running.url, provider="shop", invoice_id="1")

    assert b"authorization" not in running.requests[0].lower()


def test_a_document_on_a_host_that_is_not_listed_is_rejected_without_a_call():
    sandbox = MonsumSandbox(user="u", key="k", clock=lambda: datetime(2026, 11, 20, tzinfo=UTC))
    url = f"{sandbox.account.public_url}/api/1.0/api.php"
    client = make_client("monsum", "shop", url, "u", "k", "Europe/Berlin", ["EUR"], LocalTransport(sandbox))
    id = sandbox.trigger("invoice.completed", {"document_url": "https://evil.example/x.pdf"})["invoice_id"]

    with pytest.raises(Rejected) as caught:
        client.query(monsum.document, id)

    assert caught.value.context["kind"] == "host_not_listed"
