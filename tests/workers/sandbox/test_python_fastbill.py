"""A customer is created, invoiced, and the invoice completed and paid, in the requests of python-fastbill, the client others wrote.

The package itself cannot be installed: the index answers 404 for `python-fastbill` and for `fastbill`, its name in its own README (asked
2026-11-22). So its requests are recorded from its source; what it demands of an answer is checked as it checks it.
Source: stylight/python-fastbill, fastbill/wrapper.py and jsonencoder.py at commit 6c4a6330, read 2026-11-22.
"""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.workers.sandbox.conftest import PAYLOADS
from tests.workers.sandbox.test_app import Served, serving

REQUESTS = {one["service"]: one for one in json.loads((PAYLOADS / "python_fastbill.requests.constructed.json").read_bytes())}
LOGIN = "Basic " + base64.b64encode(b"me@example.com:k3y").decode()


class Refused(Exception):
    """RESPONSE.ERRORS, as the client raises them whatever the HTTP status."""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        yield running


def asked(served: Served, service: str, **ids: Any) -> dict[str, Any]:
    """One call as the client makes it: its bytes and headers out, its three checks of the answer in."""
    body = json.dumps(REQUESTS[service])
    for name, id in ids.items():
        body = body.replace(f'"{name}"', json.dumps(id))
    headers = {"Content-Type": "application/json", "Authorization": LOGIN, "User-Agent": "python-requests/2.34.2", "Accept": "*/*"}
    call = urllib.request.Request(f"{served.url}/api/1.0/api.php", data=body.encode(), headers=headers)
    try:
        with urllib.request.urlopen(call, timeout=10) as answer:
            said = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            said = json.loads(error.read())
    if errors := said["RESPONSE"].get("ERRORS"):
        raise Refused(errors)
    assert said["REQUEST"]["SERVICE"] == service
    return dict(said["RESPONSE"])


def test_a_customer_is_made_and_an_invoice_made_completed_and_paid(served: Served) -> None:
    ids = {"CUSTOMER_ID": asked(served, "customer.create")["CUSTOMER_ID"]}
    ids["INVOICE_ID"] = asked(served, "invoice.create", **ids)["INVOICE_ID"]
    number = asked(served, "invoice.complete", **ids)["INVOICE_NUMBER"]
    paid = asked(served, "invoice.setpaid", **ids)

    (invoice,) = asked(served, "invoice.get", **ids)["INVOICES"]
    (customer,) = asked(served, "customer.get")["CUSTOMERS"]
    assert paid["INVOICE_NUMBER"] == number == invoice["INVOICE_NUMBER"]
    assert (invoice["TYPE"], invoice["STATUS"], invoice["TOTAL"], invoice["OUTSTANDING_AMOUNT"]) == ("outgoing", "paid", 476, "0,00")
    assert invoice["PAID_DATE"].startswith("2026-11-21")
    assert (customer["CUSTOMER_ID"], customer["ORGANIZATION"]) == (str(ids["CUSTOMER_ID"]), "Ünion GmbH")


@pytest.mark.parametrize("service", ["customer.delete", "getnewargs"])
def test_what_it_may_not_ask_is_told_in_errors(served: Served, service: str) -> None:
    with pytest.raises(Refused, match=r"CUSTOMER_ID|unknown SERVICE"):
        asked(served, service)
