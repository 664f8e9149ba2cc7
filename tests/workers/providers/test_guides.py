"""Every kind can be connected: what to enter is said, and a read proves the login on its sandbox."""

from typing import Any

import pytest

from receiver.errors import Retryable
from receiver.sources import catalog
from workers.providers.guides import GUIDES
from workers.testing.autodns import AutodnsFlow
from workers.testing.flow import Flow
from workers.testing.qvickly import QvicklyFlow

FLOWS: dict[str, Any] = {
    "monsum": Flow, "fastbill": lambda: Flow(kind="fastbill"), "qvickly": QvicklyFlow, "autodns": AutodnsFlow,
}  # fmt: skip
URL = "https://b.example/webhooks/shop/s3cret"


def test_every_kind_of_source_has_a_guide() -> None:
    assert set(GUIDES) == set(catalog.KINDS)


@pytest.mark.parametrize("kind", sorted(GUIDES))
def test_what_to_enter_names_the_url(kind: str) -> None:
    lines = [line.format(url=URL, login="") for line in GUIDES[kind].enter]

    assert any(URL in line for line in lines)


@pytest.mark.parametrize("kind", sorted(FLOWS))
def test_a_login_that_is_right_passes_and_one_that_is_wrong_does_not(kind: str) -> None:
    proves = GUIDES[kind].proves
    assert proves is not None
    with FLOWS[kind]() as flow:
        client = flow.runtime.client("shop")

        proves(client)
        flow.sandbox.faults.add("login", times=5)
        with pytest.raises(Retryable) as raised:
            proves(client)

    assert raised.value.context["kind"] == "credentials"


def test_a_login_is_proved_without_writing() -> None:
    for make in FLOWS.values():
        with make() as flow:
            for prove in (GUIDES[flow.runtime.accounts["shop"].kind].proves,):
                assert prove is not None
                prove(flow.runtime.client("shop"))

            assert flow.calls == []


def test_fastbill_itself_says_whether_it_sends_to_us() -> None:
    listed = GUIDES["fastbill"].listed
    assert listed is not None
    with Flow(kind="fastbill") as flow:
        client = flow.runtime.client("shop")
        before = listed(client, "/webhooks/shop/s3cret")
        flow.sandbox.account.webhooks["15"] = {"WEBHOOK_ID": "15", "ENDPOINT": URL, "TYPE": "url", "EVENTS": "customer.created"}

        assert (before, listed(client, "/webhooks/shop/s3cret")) == (False, True)
