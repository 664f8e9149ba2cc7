"""Every recorded notification is kept byte-exact and means what the provider's documentation says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from receiver.inbox import Delivery
from workers.events import EventRow
from workers.mirror import Mirror
from workers.testing.flow import Flow

SAMPLES = Path(__file__).parents[1] / "payloads" / "monsum"
BEFORE_ALL = datetime(2013, 1, 1, tzinfo=UTC)
COMPLETED = ("invoice.created", "invoice.completed")
MEANS: dict[str, tuple[str, ...]] = {
    "customer.changed.2014": ("customer.created",),
    "customer.changed": ("customer.created",),
    "customer.created.2014": ("customer.created",),
    "customer.created.fastbill.constructed": ("customer.created",),
    "customer.created": ("customer.created",),
    "customer.created.x_attributes.constructed": ("customer.created",),
    "customer.deleted.2014": ("customer.created", "customer.deleted"),
    "customer.deleted.fastbill.constructed": ("customer.created", "customer.deleted"),
    "customer.deleted": ("customer.created", "customer.deleted"),
    "customer.updated.fastbill.constructed": ("customer.created",),
    "invoice.canceled.fastbill.constructed": (*COMPLETED, "invoice.canceled"),
    "invoice.changed.constructed": (*COMPLETED, "invoice.paid"),
    "invoice.changed.draft.constructed": ("invoice.created",),
    "invoice.completed.fastbill.constructed": COMPLETED,
    "invoice.created.fastbill.constructed": ("invoice.created",),
    "invoice.created": (*COMPLETED, "invoice.paid"),
    "invoice.created.unpaid.constructed": COMPLETED,
    "invoice.deleted": ("invoice.created", "invoice.deleted"),
    "invoice.paid.constructed": (),  # neither product sends such a type
    "payment.chargeback.2014": ("payment.chargeback",),
    "payment.created.2014": (),  # proves nothing
    "payment.created": (),
    "payment.failed.2014": ("payment.failed",),
    "payment.failed": ("payment.failed",),
    "payment.refunded.2014": ("payment.refunded",),
    "payment.reminded": ("payment.reminded",),
    "subscription.canceled.2014": ("subscription.canceled",),
    "subscription.canceled": ("subscription.canceled",),
    "subscription.changed.2014": ("subscription.changed",),
    "subscription.changed": ("subscription.changed",),
    "subscription.closed.2014": ("subscription.closed",),
    "subscription.closed": ("subscription.closed",),
    "subscription.created.2014": ("subscription.created",),
    "subscription.created": ("subscription.created",),
    "subscription.reactivate.2014": ("subscription.reactivated",),
    "subscription.reactivate": ("subscription.reactivated",),
}


def sample(name: str) -> bytes:
    return (SAMPLES / f"webhook_{name}.json").read_bytes()


def flow_for(name: str) -> Flow:
    return Flow(kind="fastbill" if "fastbill" in name else "monsum", start=BEFORE_ALL)


def test_no_recording_is_left_out() -> None:
    assert {path.name for path in SAMPLES.glob("webhook_*")} == {f"webhook_{name}.json" for name in MEANS}


@pytest.mark.parametrize("name", MEANS)
def test_a_recording_is_kept_byte_exact_and_means_its_events(name: str) -> None:
    with flow_for(name) as flow:
        delivery_id = flow.deliver(sample(name))

        (row,) = flow.rows(sa.select(table_of(Delivery)).where(table_of(Delivery).c.id == delivery_id))
        told = flow.rows(sa.select(table_of(EventRow)).order_by(table_of(EventRow).c.id))
        assert row["body"] == sample(name)
        assert tuple(event["type"] for event in told) == MEANS[name]
        assert row["outcome"] == ("events" if MEANS[name] else "nothing")


def test_a_customer_inside_another_event_makes_no_customer() -> None:
    with flow_for("invoice.created") as flow:
        flow.deliver(sample("invoice.created"))

        seen = flow.rows(sa.select(table_of(Mirror)).where(table_of(Mirror).c.seen))
        assert [(row["kind"], row["object_id"]) for row in seen] == [("invoice", "772330")]


def test_a_reminder_says_its_level_and_no_invoice() -> None:
    with flow_for("payment.reminded") as flow:
        flow.deliver(sample("payment.reminded"))

        (row,) = flow.rows(sa.select(table_of(EventRow)))
        assert (row["customer_id"], row["invoice_id"], row["data"]["level"]) == ("363522", None, 1)


def test_ids_are_text_whether_sent_as_number_or_text() -> None:
    with flow_for("") as flow:
        for name in ("payment.failed", "payment.chargeback.2014"):
            flow.deliver(sample(name))

        rows = flow.rows(sa.select(table_of(EventRow)).order_by(table_of(EventRow).c.id))
        assert [row["invoice_id"] for row in rows] == ["447236", "506478"]


def test_a_local_time_without_zone_is_read_in_the_accounts_zone() -> None:
    with flow_for("invoice.created") as flow:
        flow.deliver(sample("invoice.created"))

        assert {row["at"] for row in flow.rows(sa.select(table_of(EventRow)))} == {datetime(2015, 9, 8, 6, 50, 24, tzinfo=UTC)}


def test_what_happened_before_the_baseline_is_history() -> None:
    with Flow() as flow:
        flow.deliver(sample("invoice.created"))

        assert {row["historical"] for row in flow.rows(sa.select(table_of(EventRow)))} == {True}
