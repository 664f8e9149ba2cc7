"""The simulated AutoDNS on HTTP: its API at its address, the control desk, pushes in each of their styles."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from workers.providers.http import Ask
from workers.sandbox.app import create_app
from workers.sandbox.autodns_core import AutodnsSandbox
from workers.sandbox.autodns_wire import CONTEXT
from workers.sandbox.desk import Simulated
from workers.sandbox.sender import ScaledClock, Target

KEY = "k3y-of-the-sandbox"
LOGIN: dict[str, Any] = {"auth": ("reseller", KEY), "headers": {CONTEXT: "4"}}


@pytest.fixture
def sandbox() -> AutodnsSandbox:
    return AutodnsSandbox(user="reseller", key=KEY, clock=lambda: datetime(2026, 11, 20, 9, tzinfo=UTC))


class Served:
    """Requests to one app, each over ASGI from this machine."""

    def __init__(self, sandbox: AutodnsSandbox) -> None:
        self._app = create_app([Simulated(source="nic", sandbox=sandbox)], ScaledClock())

    def request(self, method: str, path: str, **said: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app, client=("127.0.0.1", 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, **said)

        return asyncio.run(asked())


@pytest.fixture
def served(sandbox: AutodnsSandbox) -> Served:
    return Served(sandbox)


def test_a_message_is_made_at_the_desk_and_taken_at_the_api(served: Served) -> None:
    served.request("POST", "/_sandbox/trigger", json={"kind": "order.succeeded", "overrides": {"name": "example.org"}})

    polled = served.request("GET", "/v1/poll", **LOGIN).json()
    id = polled["data"][0]["id"]

    assert (polled["status"]["code"], polled["object"]["summary"]) == ("S0905", 1)
    assert polled["data"][0]["object"]["value"] == "example.org"
    assert served.request("PUT", f"/v1/poll/{id}", **LOGIN).json()["status"]["code"] == "S0906"
    assert served.request("GET", "/v1/poll", **LOGIN).json()["data"] == []
    calls = served.request("GET", "/_sandbox/calls").json()["calls"]
    assert [call["service"] for call in calls] == ["poll.get", "poll.confirm", "poll.get"]


def test_who_is_not_let_in_and_what_is_not_there_is_told_apart(served: Served) -> None:
    assert served.request("GET", "/v1/poll").status_code == 401
    assert served.request("GET", "/v1/poll", auth=("reseller", KEY)).status_code == 401
    assert served.request("GET", "/v1/customer/ix/7", **LOGIN).status_code == 404
    assert served.request("GET", "/v1/domain/x", **LOGIN).status_code == 404
    assert served.request("PUT", "/v1/customer/ix/7", content=b"[", **LOGIN).status_code == 400
    assert served.request("POST", "/v1/customer/_upgrade", content=b"x" * (1024 * 1024 + 1), **LOGIN).status_code == 413


def test_faults_are_planned_at_the_desk_and_felt_at_the_api(served: Served) -> None:
    served.request("POST", "/_sandbox/faults", json={"kind": "unavailable", "service": "poll.get"})
    served.request("POST", "/_sandbox/faults", json={"kind": "rate", "service": "poll.get"})

    answers = [served.request("GET", "/v1/poll", **LOGIN) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 429, 200]
    assert answers[1].headers["retry-after"] == "7"


def test_notifications_are_doubled_lost_and_held_back_at_the_desk(sandbox: AutodnsSandbox, served: Served) -> None:
    served.request("POST", "/_sandbox/delivery", json={"copies": 2, "lose": 1, "delay_s": 60})
    for _ in range(2):
        served.request("POST", "/_sandbox/trigger", json={"kind": "order.succeeded", "overrides": {"style": "json"}})

    assert len(sandbox.outbox.letters) == 2 and not sandbox.drain()


@pytest.mark.parametrize("style, media", [("json", "application/json"), ("xml", "application/xml")])
def test_a_push_is_sent_in_the_style_that_was_asked_for(sandbox: AutodnsSandbox, style: str, media: str) -> None:
    sandbox.trigger("order.succeeded", {"style": style})

    ask: Ask = Target(url="http://127.0.0.1:1/webhooks/nic/s").ask(sandbox.outbox.letters[0], "billhook-sandbox")

    assert (ask.method, ask.headers["Content-Type"]) == ("POST", media)
