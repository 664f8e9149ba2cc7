"""The sandbox over real HTTP: a server on this machine, raw requests as third-party clients send them, our own client, a door."""

import asyncio
import base64
import json
import socket
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest
import uvicorn

from receiver.errors import OutcomeUnknown, Retryable
from tests.workers.providers.wire import answers, hangs_up, peer
from tests.workers.sandbox.conftest import PAYLOADS
from workers.providers import monsum
from workers.providers.bundle import make_client
from workers.providers.http import HttpTransport
from workers.sandbox.app import create_app
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.desk import Simulated
from workers.sandbox.qvickly_core import QvicklySandbox
from workers.sandbox.sender import ScaledClock, Sender, Target


class Served:
    """A running sandbox: its address, its core, and requests to it."""

    def __init__(self, url, sandbox):
        self.url, self.sandbox = url, sandbox

    def post(self, path, body, content_type="application/json", login="me@example.com:k3y"):
        headers = {"Content-Type": content_type, "Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
        request = urllib.request.Request(self.url + path, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read()

    def desk(self, path, **said):
        status, body = self.post(f"/_sandbox/{path}", json.dumps(said).encode())
        return status, json.loads(body)

    def get(self, path):
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=10) as answer:
            return answer.read()

    def client(self, **limits):
        address = f"{self.url}/api/1.0/api.php"
        return make_client("monsum", "shop", address, "me@example.com", "k3y", "Europe/Berlin", ["EUR"], HttpTransport(**limits))


@contextmanager
def serving(target=None, scale=1.0):
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    clock = ScaledClock(scale)
    sandbox = MonsumSandbox(user="me@example.com", key="k3y", public_url=url, clock=clock)
    ready = threading.Event()
    server = uvicorn.Server(uvicorn.Config(create_app([], clock), log_level="critical", lifespan="on"))

    async def main():
        sender = Sender(sandbox, Target(url=target), clock) if target else None
        server.config.app = create_app([Simulated(source="shop", sandbox=sandbox, sender=sender)], clock)
        serve = asyncio.create_task(server.serve([listener]))
        ready.set()
        await serve

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield Served(url, sandbox)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@pytest.fixture(scope="module")
def served():
    with serving() as running:
        yield running


def test_a_third_party_client_with_lower_case_keys_makes_completes_and_sends_an_invoice(served):
    """The bytes python-fastbill sends: lower-case keys, nulls for what is not said, HTTP Basic, JSON."""

    def call(service, **said):
        body = {"service": service, "limit": None, "offset": None, "filter": None, "data": None} | said
        status, raw = served.post("/api/1.0/api.php", json.dumps(body).encode())
        answer = json.loads(raw)
        assert status == 200 and answer["REQUEST"]["SERVICE"] == service
        return answer["RESPONSE"]

    customer = call("customer.create", data={"customer_type": "business", "organization": "Ünion"})["CUSTOMER_ID"]
    line = {"description": "A", "unit_price": "40.00", "vat_percent": "19.00", "quantity": "10"}
    invoice = call("invoice.create", data={"customer_id": customer, "items": [line]})["INVOICE_ID"]
    assert call("invoice.complete", data={"invoice_id": invoice})["INVOICE_NUMBER"]
    (read,) = call("invoice.get", filter={"invoice_id": invoice})["INVOICES"]
    assert (read["TOTAL"], read["ORGANIZATION"]) == (476, "Ünion")
    mail = {"invoice_id": invoice, "recipient": {"to": "a@example.com"}, "subject": "S", "message": "M"}
    assert call("invoice.sendbyemail", data=mail) == {"STATUS": "success"}


def test_xml_is_refused_with_a_clear_error(served):
    status, body = served.post("/api/1.0/api.php", b"<FBAPI><SERVICE>customer.get</SERVICE></FBAPI>", "application/xml")

    assert status == 415
    assert "JSON" in json.loads(body)["RESPONSE"]["ERRORS"][0]


def test_a_wrong_login_is_refused_with_401(served):
    assert served.post("/api/1.0/api.php", b'{"SERVICE":"customer.get"}', login="me@example.com:wrong")[0] == 401


def test_our_own_client_reads_an_invoice_and_its_document_over_the_wire(served):
    ids = served.desk("trigger", kind="invoice.completed", overrides={"total": "119.00", "einvoice": "1"})[1]["made"][0]

    assert str(served.client().query(monsum.invoice, ids["invoice_id"]).total) == "119.00 EUR"
    assert served.client().query(monsum.document, ids["invoice_id"]).has_einvoice
    assert served.get(f"documents/{ids['invoice_id']}.pdf").startswith(b"%PDF-")


@pytest.mark.parametrize(
    "kind, error",
    [
        ("drop", OutcomeUnknown),
        ("late", OutcomeUnknown),
        ("gateway-after", OutcomeUnknown),
        ("truncate", OutcomeUnknown),
        ("slow", OutcomeUnknown),
        ("drip", OutcomeUnknown),
        ("error-after", OutcomeUnknown),
        ("error-before", OutcomeUnknown),
        ("not-json", OutcomeUnknown),
        ("rate", Retryable),
    ],
)
def test_a_fault_is_felt_on_the_wire(served, kind, error):
    ids = served.desk("trigger", kind="invoice.completed")[1]["made"][0]
    served.desk("faults", kind=kind, service="invoice.sendbyemail", seconds=2)
    before = len(served.sandbox.sent)
    invoice = SimpleNamespace(source="shop", id=ids["invoice_id"])
    request = monsum.send_by_email.build(invoice, recipient="a@example.com", subject="S", message="M")

    with pytest.raises(error):
        served.client(total_s=0.5).call(monsum.send_by_email, request)

    acted = len(served.sandbox.sent) - before
    assert acted == (0 if kind in ("error-before", "rate") else 1)


def test_the_control_desk_seeds_a_recorded_notification(served):
    status, body = served.post("/_sandbox/seed", (PAYLOADS / "webhook_invoice.created.json").read_bytes())

    assert (status, json.loads(body)["made"][0]["invoice_id"]) == (200, "772330")
    assert str(served.client().query(monsum.invoice, "772330").total) == "70.21 EUR"


@pytest.mark.parametrize(
    "path, said, named",
    [("trigger", {"kind": "nonsense"}, "invoice.completed"), ("faults", {"kind": "nonsense"}, "drop"), ("seed", {}, "notification")],
)
def test_the_control_desk_says_what_is_wrong(served, path, said, named):
    status, answer = served.desk(path, **said)

    assert status == 400 and named in answer["error"]


def test_the_control_desk_takes_no_form_a_browser_could_send(served):
    assert served.post("/_sandbox/trigger", b'{"kind":"customer.created"}', "text/plain")[0] == 415


@pytest.mark.parametrize("path", ["health", "calls", "sent", "notifications", "faults", "delivery", "clock"])
def test_the_control_desk_shows_its_logs(served, path):
    assert isinstance(json.loads(served.get(f"_sandbox/{path}")), dict)


def test_a_notification_is_posted_with_the_very_bytes_that_were_made():
    with peer(answers(200, b"")) as door, serving(target=door.url) as running:
        running.desk("trigger", kind="customer.created")
        wait_until(lambda: running.sandbox.outbox.letters and running.sandbox.outbox.letters[0].done)

    head, _, body = door.requests[0].partition(b"\r\n\r\n")
    assert body == running.sandbox.outbox.letters[0].notification.body
    assert b"Content-Type: application/json" in head


@pytest.mark.parametrize("behave", [answers(503, b""), hangs_up], ids=["503", "no answer"])
def test_a_refused_notification_is_posted_five_more_times_on_a_fast_clock(behave):
    with peer(behave) as door, serving(target=door.url, scale=60_000) as running:
        running.desk("trigger", kind="customer.created")
        wait_until(lambda: running.sandbox.outbox.letters and running.sandbox.outbox.letters[0].done)

    assert len(door.requests) == 6 and len({request.partition(b"\r\n\r\n")[2] for request in door.requests}) == 1
    assert running.sandbox.outbox.letters[0].given_up


def test_a_target_with_a_user_logs_in_with_http_basic():
    letter = SimpleNamespace(notification=SimpleNamespace(body=b"{}", method="POST"))
    target = Target(url="http://127.0.0.1/webhooks/shop", user="door", password="s3cret")

    assert target.ask(letter, "FastBill").headers["Authorization"] == "Basic " + base64.b64encode(b"door:s3cret").decode()
    assert "s3cret" not in repr(target)


def three(clock):
    """A Monsum and a Qvickly at port 8090, a FastBill at 8091: one process, seen from inside."""
    login = {"user": "me@example.com", "key": "k3y", "clock": clock}
    return [
        Simulated(source="shop", sandbox=MonsumSandbox(**login), address=("127.0.0.1", 8090)),
        Simulated(source="pay", sandbox=QvicklySandbox(**login), address=("127.0.0.1", 8090)),
        Simulated(source="books", sandbox=MonsumSandbox("fastbill", **login), address=("127.0.0.1", 8091)),
    ]


def ask(app, port, method, path, said=None, **params):
    """One request that comes in at a port of this machine."""

    async def asked():
        transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 50000))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{port}") as client:
            headers = {"Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(b"me@example.com:k3y").decode()}
            return await client.request(method, path, params=params, headers=headers, content=json.dumps(said or {}))

    return asyncio.run(asked())


def test_each_address_speaks_for_its_own_sources_and_two_kinds_share_one():
    clock = ScaledClock()
    shop, pay, books = those = three(clock)
    app = create_app(those, clock)

    for port in (8090, 8091):
        ask(app, port, "POST", "/api/1.0/api.php", {"SERVICE": "customer.get"})
    ask(app, 8090, "POST", "/qvickly", {"function": "getPaymentinfo"})
    elsewhere = ask(app, 8091, "POST", "/qvickly", {"function": "getPaymentinfo"})

    assert [len(one.sandbox.calls) for one in (shop, pay, books)] == [1, 1, 1]
    assert elsewhere.status_code == 404


def wait_until(holds):
    """Until `holds`, within ten seconds of looking."""
    looks = threading.Event()
    for _ in range(1000):
        if holds():
            return
        looks.wait(0.01)
    raise AssertionError("it never came")
