"""The simulated Qvickly on HTTP: both APIs at their addresses, the control desk, callbacks in each of their styles."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from receiver.sources.qvickly import verify_hash
from workers.providers.http import Ask
from workers.providers.qvickly_wire import payment_ask
from workers.sandbox.app import create_app
from workers.sandbox.desk import Simulated
from workers.sandbox.qvickly_core import QvicklySandbox
from workers.sandbox.sender import ScaledClock, Target

KEY = "k3y-of-the-sandbox"


@pytest.fixture
def sandbox() -> QvicklySandbox:
    return QvicklySandbox(user="17882", key=KEY, clock=lambda: datetime(2026, 11, 20, 9, tzinfo=UTC))


class Served:
    """Requests to one app, each over ASGI from this machine."""

    def __init__(self, sandbox: QvicklySandbox) -> None:
        self._app = create_app([Simulated(source="pay", sandbox=sandbox)], ScaledClock())

    def request(self, method: str, path: str, **said: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app, client=("127.0.0.1", 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, **said)

        return asyncio.run(asked())


@pytest.fixture
def served(sandbox: QvicklySandbox) -> Served:
    return Served(sandbox)


def test_a_payment_is_made_at_the_desk_and_read_at_the_api(served: Served) -> None:
    made = served.request("POST", "/_sandbox/trigger", json={"kind": "payment.created", "overrides": {"withtax": "5000"}}).json()["made"][0]
    ask = payment_ask("u", "17882", KEY, "getPaymentinfo", {"number": made["payment_id"]}, test=True, provider="pay")

    read = served.request("POST", "/qvickly", content=ask.body).json()

    assert read["data"]["Cart"]["Total"]["withtax"] == "5000"
    assert [call["service"] for call in served.request("GET", "/_sandbox/calls").json()["calls"]] == ["getPaymentinfo"]


def test_the_portal_asks_for_a_token_and_takes_every_method(served: Served) -> None:
    assert served.request("GET", "/portal/customers").status_code == 401
    assert served.request("POST", "/auth/login", json={"username": "u", "password": "wrong"}).status_code == 401
    token = served.request("POST", "/auth/login", json={"username": "u", "password": KEY}).json()["token"]
    auth = {"Authorization": f"Bearer {token}"}

    id = served.request("POST", "/portal/customers", headers=auth, json={"customerid": "C1"}).json()["mexcParamvaluesetsid"]
    assert served.request("PATCH", f"/portal/customers/{id}", headers=auth, json={"name": "N"}).json()["name"] == "N"
    assert served.request("GET", "/portal/customers?filter=search&search=C1", headers=auth).json()[0]["name"] == "N"
    assert served.request("DELETE", f"/portal/customers/{id}", headers=auth).json()["result"] == "Removed"
    assert served.request("GET", f"/portal/customers/{id}", headers=auth).status_code == 404
    assert served.request("POST", "/portal/customers", headers=auth, content=b"[").status_code == 400
    assert served.request("GET", "/portal/invoices", headers=auth).status_code == 404


def test_faults_are_planned_at_the_desk_and_felt_at_the_api(served: Served) -> None:
    served.request("POST", "/_sandbox/faults", json={"kind": "unavailable", "service": "getPaymentinfo"})
    ask = payment_ask("u", "17882", KEY, "getPaymentinfo", {"number": "1"}, test=True, provider="pay")

    answers = [served.request("POST", "/qvickly", content=ask.body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [503, 200]
    assert json.loads(answers[1].content)["data"]["code"] == "5201"


@pytest.mark.parametrize(
    "style, method, media", [("json", "POST", "application/json"), ("form", "POST", "x-www-form-urlencoded"), ("get", "GET", "urlencoded")]
)
def test_a_callback_is_sent_in_the_style_that_was_asked_for(sandbox: QvicklySandbox, style: str, method: str, media: str) -> None:
    sandbox.trigger("payment.paid", {"style": style})

    ask: Ask = Target(url="http://127.0.0.1:1/webhooks/pay").ask(sandbox.outbox.letters[0], "billhook-sandbox")

    said = urlsplit(ask.url).query.encode() or ask.body
    assert (ask.method, media in ask.headers["Content-Type"]) == (method, True)
    assert verify_hash([KEY.encode()], said) == 0
