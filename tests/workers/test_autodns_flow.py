"""The workflow of docs/autodns.md, played: a message is read back, and the customer changed once, whatever is lost on the way."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workers.loading import load_folders
from workers.registry import REGISTRY, Workflow
from workers.testing.autodns import AutodnsFlow

PAGE = (Path(__file__).parents[2] / "docs" / "autodns.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
NAME = "billing-address"


@pytest.fixture(scope="module")
def billing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workflow]:
    folder = tmp_path_factory.mktemp("flows")
    (folder / "billing.py").write_text(EXAMPLE)
    found = load_folders([folder]).get(NAME)
    assert found is not None
    REGISTRY.add(found)
    yield found
    REGISTRY.drop(found.fn.__module__)


def of_customer(flow: AutodnsFlow) -> str:
    """A customer with a message about it."""
    id = flow.user.trigger("customer.created", {"number": "7", "emails": "a@example.com", "city": "Ulm"})["customer_id"]
    flow.user.trigger("customer.updated", {"customer_id": id, "city": "Bonn"})
    return id


def updates(flow: AutodnsFlow) -> int:
    return [service for service, _ in flow.calls].count("customer.update")


def test_a_message_is_read_back_and_the_customer_changed_once(billing: Workflow) -> None:
    with AutodnsFlow(NAME) as flow:
        id = of_customer(flow)
        flow.advance(minutes=5)
        flow.user.trigger("customer.updated", {"customer_id": id, "city": "Ulm"})
        flow.advance(minutes=5)

        assert flow.effects == [("billing address", "ix/7", "done", None)]
        assert flow.user.account.customers[id]["billingEmails"] == ["a@example.com"]
        assert flow.user.account.customers[id]["city"] == "Ulm"
        assert updates(flow) == 1 and not flow.told


@pytest.mark.parametrize("fault", ["drop", "late", "error-after", "not-json", "no-status", "error-before", "unavailable", "rate"])
def test_a_lost_reply_is_looked_up_and_the_customer_changed_once(billing: Workflow, fault: str) -> None:
    with AutodnsFlow(NAME) as flow:
        flow.user.faults.add(fault, "customer.update")
        of_customer(flow)

        flow.advance(hours=1)

        assert [effect[2] for effect in flow.effects] == ["done"]
        assert updates(flow) == 1 and not flow.told


def test_what_the_provider_refuses_is_not_asked_again(billing: Workflow) -> None:
    with AutodnsFlow(NAME) as flow:
        flow.user.faults.add("decline", "customer.update")
        of_customer(flow)

        flow.advance(hours=1)

        assert [effect[2] for effect in flow.effects] == ["rejected"] and updates(flow) == 0


def test_a_customer_that_is_locked_meanwhile_is_left_alone(billing: Workflow) -> None:
    with AutodnsFlow(NAME) as flow:
        id = of_customer(flow)
        flow.user.account.customers[id]["locked"] = True

        flow.advance(minutes=5)

        assert [effect[2:] for effect in flow.effects] == [("cancelled", "locked")] and updates(flow) == 0


def test_what_a_push_says_decides_nothing(billing: Workflow) -> None:
    with AutodnsFlow(NAME, poll=False) as flow:
        body = b'{"id":1,"job":{"id":9,"status":"SUCCESS"},"object":{"type":"Customer","value":"8","data":{"number":8,"client":"ix"}}}'
        flow.deliver(body)
        flow.advance(minutes=5)

        assert flow.effects == [] and updates(flow) == 0 and not flow.told
        assert [run[3] for run in flow.runs] == ["no_such_customer"]


def test_the_worker_may_be_lost_anywhere_and_the_customer_is_changed_once(billing: Workflow) -> None:
    with AutodnsFlow(NAME, strict=False) as flow:

        def scenario(one: Any) -> None:
            of_customer(one)
            one.advance(minutes=2)

        explored = flow.crash_everywhere(scenario, again=())

        assert explored.acts["customer.update", "ix/7"] == 1 and len(explored.schedules) > 20
