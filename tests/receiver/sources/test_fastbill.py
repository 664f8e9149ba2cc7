"""FastBill's webhooks: upper-case objects, and two facts Monsum never states."""

import json
from pathlib import Path

import pytest

from receiver.settings import SourceSettings
from receiver.sources import fastbill
from receiver.sources.notice import Notice
from tests.receiver.kit import PAYLOADS, payload

CORE = SourceSettings(name="core", kind="fastbill")


def read(body: bytes) -> Notice:
    identity = fastbill.identify(body, {})
    return fastbill.interpret(body, CORE, identity.native_type, identity.native_id)


@pytest.mark.parametrize("path", sorted(PAYLOADS.glob("webhook_*.fastbill.constructed.json")), ids=lambda path: path.name)
def test_every_sample_is_one_whole_snapshot(path: Path) -> None:
    said = json.loads(path.read_bytes())

    notice = read(path.read_bytes())

    [snapshot] = notice.snapshots
    assert (notice.native_type, notice.native_id, notice.known) == (said["type"], str(said["id"]), True)
    assert (snapshot.kind, snapshot.partial, snapshot.deleted) == (said["type"].split(".")[0], False, said["type"] == "customer.deleted")
    assert notice.events == ()


def test_completed_means_outgoing_and_canceled_means_cancelled_whatever_the_body_says() -> None:
    completed = json.loads(payload("invoice.completed.fastbill.constructed"))
    completed["invoice"] |= {"TYPE": "draft", "IS_CANCELED": "0"}
    canceled = {**completed, "type": "invoice.canceled"}

    assert read(json.dumps(completed).encode()).snapshots[0].fields["type"] == "outgoing"
    assert read(json.dumps(canceled).encode()).snapshots[0].fields["is_canceled"] is True


@pytest.mark.parametrize("name", ["estimate.created", "contact.updated", "customer.changed"])
def test_estimates_contacts_and_other_types_are_kept_as_unknown(name: str) -> None:
    notice = read(json.dumps({"id": "7", "type": name, "contact": {}}).encode())

    assert (notice.known, notice.snapshots, notice.native_id) == (False, (), "7")


def test_a_read_is_read_like_monsums() -> None:
    body = json.dumps({"read_at": "2026-11-21T08:00:00Z", "record": {"CUSTOMER_ID": "52744", "CITY": "Bonn"}}).encode()

    [snapshot] = fastbill.interpret(body, CORE, "poll.customer", "52744:1").snapshots

    assert (snapshot.id, snapshot.fields) == ("52744", {"city": "Bonn"})
