"""The registry: names are single, keys have defaults, and a broken file stops nobody else."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.event import CustomerUpdated, InvoiceCompleted, SubscriptionCreated, Tick
from workers.errors import WorkflowInvalid
from workers.registry import NoPolicy, Registry, Workflow, concerns, default_key

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
COMPLETED = InvoiceCompleted(source="shop", at=AT, invoice_id="9", customer_id="7")
WORKING = '''
from workers.authoring import InvoiceCompleted, workflow

@workflow("t-from-{name}", on=InvoiceCompleted)
def act(run, event):
    """Acts."""
'''


def made(name: str, file: str = "a.py") -> Workflow:
    return Workflow(
        name=name, fn=lambda run, event: None, on=(InvoiceCompleted,), key=default_key, cancel_on=(), policy=NoPolicy, file=file
    )


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (COMPLETED, "invoice:9"),
        (SubscriptionCreated(source="shop", at=AT, subscription_id="3", customer_id="7"), "subscription:3"),
        (CustomerUpdated(source="shop", at=AT, customer_id="7"), "customer:7"),
        (Tick(source="shop", at=AT, workflow="w"), AT.isoformat()),
    ],
)
def test_a_key_is_by_default_the_closest_object(event: Any, key: str) -> None:
    assert default_key(event) == key


def test_an_event_concerns_its_customer_and_its_invoice() -> None:
    assert concerns(COMPLETED) == ("7", "9")
    assert concerns(Tick(source="shop", at=AT, workflow="w")) == (None, None)


def test_two_files_cannot_share_a_name() -> None:
    registry = Registry([made("w")])

    registry.add(made("w"))
    with pytest.raises(WorkflowInvalid, match="Two files"):
        registry.add(made("w", "b.py"))


def test_an_event_starts_exactly_the_workflows_that_name_it() -> None:
    assert [w.name for w in Registry([made("w")]).started_by(COMPLETED)] == ["w"]
    assert Registry([made("w")]).started_by(CustomerUpdated(source="shop", at=AT, customer_id="7")) == []


def test_two_functions_cannot_share_a_name_either() -> None:
    def act(run: Any, event: Any) -> None:
        """Another function of the same file."""

    registry = Registry([made("w")])
    with pytest.raises(WorkflowInvalid, match="Two functions register"):
        registry.add(replace(made("w"), fn=act))
