"""`billhook trigger` knows what the sandbox of each kind of source can have happen."""

from pathlib import Path

import pytest

from receiver.db import Database
from tests.workers.cli.conftest import Billhook
from workers.cli.trigger import watching
from workers.sandbox import doable


@pytest.fixture
def sandboxed(place: Path, store: Database) -> Path:
    """The source shop, an AutoDNS sandbox."""
    toml = place / "billhook.toml"
    text = toml.read_text().replace('kind = "monsum"', 'kind = "autodns"').replace("base_url", "sandbox = true\nbase_url")
    toml.write_text(text)
    return toml


def test_without_a_kind_it_lists_what_the_sources_sandbox_can_do(billhook: Billhook, sandboxed: Path) -> None:
    rows = billhook("trigger", "--json").json

    assert [row["kind"] for row in rows] == list(doable.acts("autodns"))
    assert {row["source"] for row in rows} == {"shop"}


def test_what_it_cannot_do_is_refused_before_anybody_is_waited_for(billhook: Billhook, sandboxed: Path) -> None:
    said = billhook("trigger", "order.suceeded")

    assert said.code == 2 and "cannot happen at a sandbox of kind autodns" in said.err and "do you mean order.succeeded" in said.err


def test_what_touches_neither_invoice_nor_customer_is_watched_by_its_events() -> None:
    assert "explain invoice:7" in watching({"invoice_id": "7", "customer_id": "1"})[-1]
    assert watching({"order_id": "7"})[-1].endswith(" events")
    assert watching({}) == []
