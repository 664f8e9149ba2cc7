"""billhook gaps: what was missed and how it was found, what is looked through, what cannot be found."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from receiver.db import Database
from receiver.event import InvoicePaid
from receiver.inbox import Arrival, append
from tests.workers.cli.conftest import Billhook
from workers import cursors, events
from workers.cursors import Place


@pytest.fixture
def found(store: Database) -> datetime:
    """Yesterday a sweep found that invoice 4711 was paid."""
    at = datetime.now(UTC) - timedelta(days=1)
    arrival = Arrival(
        source="shop",
        origin="poll",
        native_type="poll.invoice",
        native_id="4711:1-x",
        body=b"{}",
        received_at=at,
        actor="scan:open-invoices",
    )
    paid = InvoicePaid(source="shop", at=at, invoice_id="4711", customer_id="501", n=1)
    store.write(lambda c: events.record(c, paid, "paid", delivery_id=append(c, arrival).delivery_id, at=at))
    place = Place(began_at=at, at={}, requests=3)
    store.write(lambda c: cursors.end(c, "shop", "open-invoices", place, ended_at=at, due_at=at))
    return at


def test_what_was_missed_is_shown_and_told_by_the_exit_code(billhook: Billhook, found: datetime) -> None:
    printed = billhook("gaps")

    assert printed.code == 1
    assert "invoice.paid" in printed.out and "open-invoices" in printed.out and "never" in printed.out
    assert "payment.reminded" in printed.out


def test_nothing_missed_is_said_and_fine(billhook: Billhook, found: datetime) -> None:
    printed = billhook("gaps", "--since", (found + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S"))

    assert (printed.code, printed.out.startswith("nothing was missed since")) == (0, True)


def test_everything_is_told_as_json_too(billhook: Billhook, found: datetime) -> None:
    said = billhook("gaps", "--json", "--source", "shop").json

    assert [row["found_by"] for row in said["missed"]] == ["open-invoices"]
    scans = {row["scan"]: row for row in said["scans"]}
    assert (scans["open-invoices"]["per_hour"], scans["customers"]["requests"]) == (12.0, None)
    assert [row["because"] for row in said["silence"]] == ["watched after 30 deliveries and a week; none is counted yet"]
    assert {row["source"] for row in said["unrecoverable"]} == {"shop"}


def test_a_source_nobody_configured_is_wrong_usage(billhook: Billhook, store: Database) -> None:
    assert billhook("gaps", "--source", "nobody").code == 2


def test_the_scans_are_told_where_the_api_login_is_not(billhook: Billhook, store: Database, place: Path) -> None:
    for path in (place / "secrets").glob("BILLHOOK_API_*"):
        path.unlink()

    assert billhook("gaps", "--json").json["scans"]
