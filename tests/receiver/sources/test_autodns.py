"""AutoDNS at the door and in the router: who is let in, what makes two messages the same, and what each says."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

import pytest

from receiver.errors import CredentialsWrong, PayloadInvalid
from receiver.event import from_data, to_data
from receiver.money import Money
from receiver.settings import DoorSecrets, SourceSettings
from receiver.sources.autodns import identify, interpret
from receiver.sources.autodns_events import CreditLow, CreditRestored, OrderReported, ProviderNotice
from receiver.sources.catalog import Presented, verifier
from receiver.sources.notice import Notice
from tests.receiver.sources.autodns_samples import recorded

NIC = SourceSettings(name="nic", kind="autodns")
XML = recorded("push_job_customer_update_constructed.xml")
JSON = recorded("poll_job_customer_update_constructed.json")
READ_AT = "2026-11-20T09:00:00+00:00"
INVOICES = json.loads(recorded("invoice_list_response.json"), parse_float=str)["data"]
ACCOUNT = json.loads(recorded("account_info_response.json"), parse_float=str)["data"][0]


def read(body: bytes) -> Notice:
    named = identify(body, {})
    return interpret(body, NIC, named.native_type, named.native_id)


def polled(kind: str, id: str, record: object, **said: object) -> Notice:
    body = json.dumps({"read_at": READ_AT, "record": record, **said}).encode()
    return interpret(body, NIC, f"poll.{kind}", f"{id}:0-abc")


def test_a_push_in_xml_and_a_poll_in_json_are_one_message() -> None:
    assert identify(XML, {}) == identify(JSON, {}) == ("job.success", "30000001")
    one, other = read(XML), read(JSON)
    assert one.events == other.events and one.reread == other.reread == (("customer", "ix/1234567"),)


def test_an_order_that_went_on_is_another_message() -> None:
    running = JSON.replace(b'"status": "SUCCESS",\n        "execution"', b'"status": "RUNNING",\n        "execution"')

    assert identify(running, {}) == ("job.running", "30000001")


def test_an_order_is_a_hint_with_the_providers_own_time_and_no_proof() -> None:
    notice = read(JSON)

    said = OrderReported(
        source="nic", at=datetime(2026, 11, 20, 9, 5, tzinfo=UTC), order_id="30000001", status="success", action="update",
        object_type="customer", object_id="1234567", customer_id="ix/1234567", reference="wf-0001",
    )  # fmt: skip
    assert (notice.events, notice.snapshots, notice.proof) == ((said,), (), "claimed")
    assert from_data(said.type, to_data(said)) == said


def test_a_notice_is_told_by_its_word() -> None:
    (event,) = read(recorded("poll_notify_transfer_start.xml")).events

    assert isinstance(event, ProviderNotice)
    assert (event.notice, event.object_type, event.object_id, event.message_id) == ("transfer", "domain", "example.com", "1005360835")


def test_a_status_nobody_knows_is_identified_and_never_interpreted() -> None:
    body = JSON.replace(b'"status": "SUCCESS",\n        "execution"', b'"status": "MELTED",\n        "execution"')

    assert identify(body, {}).native_type == "job.melted"
    with pytest.raises(PayloadInvalid, match="status"):
        read(body)


def test_a_polled_customer_is_a_snapshot_of_its_checked_data() -> None:
    record = json.loads(recorded("customer_pending.json"), parse_float=str)

    (snapshot,) = polled("customer", "ix/1234567", record, baseline=True).snapshots

    assert (snapshot.kind, snapshot.id, snapshot.fields["email"]) == ("customer", "ix/1234567", "erika@example.com")
    assert polled("customer", "ix/1234567", None).snapshots[0].deleted


def test_a_read_is_the_whole_customer_so_what_it_does_not_say_is_empty() -> None:
    (snapshot,) = polled("customer", "ix/7", {"number": 7, "client": "ix"}).snapshots

    assert (snapshot.fields["city"], snapshot.fields["emails"], snapshot.fields["email"]) == (None, [], None)


@pytest.mark.parametrize(
    "record, status, paid_on", [(INVOICES[0], "open", None), (INVOICES[2], "paid", "2026-11-10"), (INVOICES[3], "failed", None)]
)
def test_a_polled_invoice_is_received_and_open_paid_or_failed(record: dict[str, Any], status: str, paid_on: str | None) -> None:
    (snapshot,) = polled("invoice", str(record["id"]), record).snapshots
    fields = snapshot.fields

    assert (fields["type"], fields["status"], fields["paid_on"], fields["total"]) == ("received", status, paid_on, "119")
    assert (fields["customer_id"], fields["currency"], fields["is_canceled"]) == ("ix/1234567", "EUR", False)


@pytest.mark.parametrize("turn, cls", [("low", CreditLow), ("restored", CreditRestored)])
def test_a_polled_account_tells_what_the_poll_found(turn: str, cls: type[CreditLow] | type[CreditRestored]) -> None:
    credit = {"turn": turn, "n": 3, "available": "37.5", "threshold": "50"}

    (event,) = polled("account", "ix/1234567", ACCOUNT, credit=credit).events

    assert event == cls(
        source="nic", at=datetime(2026, 11, 20, 9, tzinfo=UTC), customer_id="ix/1234567", n=3,
        available=Money(Decimal("37.5"), "EUR"), threshold=Money(Decimal(50), "EUR"),
    )  # fmt: skip


LOW = {"turn": "low", "n": 1, "available": "1", "threshold": "2"}


@pytest.mark.parametrize(
    "kind, record, said, field",
    [
        ("customer", [], {}, "record"),
        ("domain", {"name": "x"}, {}, "record"),
        ("customer", {"number": 1}, {}, "client"),
        ("invoice", {**INVOICES[0], "amount": "much"}, {}, "amount"),
        ("invoice", {**INVOICES[0], "failed": "perhaps"}, {}, "failed"),
        ("invoice", {**INVOICES[0], "paid": "soon"}, {}, "paid"),
        ("invoice", {**INVOICES[0], "customer": {"number": 1}}, {}, "customer"),
        ("invoice", {**INVOICES[0], "customer": {"number": 1, "client": "a/b"}}, {}, "customer"),
        ("account", ACCOUNT, {}, "credit"),
        ("account", ACCOUNT, {"credit": {**LOW, "turn": "up"}}, "credit"),
        ("account", ACCOUNT, {"credit": {**LOW, "available": "NaN"}}, "credit.available"),
        ("account", ACCOUNT, {"credit": {**LOW, "threshold": None}}, "credit"),
        ("account", {**ACCOUNT, "currency": None}, {"credit": LOW}, "record.currency"),
        ("account", {**ACCOUNT, "customer": None}, {"credit": LOW}, "record.customer"),
        ("account", ACCOUNT, {"credit": LOW, "read_at": "now"}, "read_at"),
    ],
)
def test_a_poll_that_cannot_be_read_names_its_field(kind: str, record: object, said: dict[str, Any], field: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        polled(kind, "1", record, **said)

    assert caught.value.field == field


def presented(*, login: str | None = None, path: str | None = None, peer: str = "62.116.129.216") -> Presented:
    headers = {b"authorization": b"Basic " + base64.b64encode(login.encode())} if login else {}
    return Presented(headers, path, peer, XML)


@pytest.mark.parametrize("secrets", [DoorSecrets(user="u", passwords=("p",)), DoorSecrets(paths=("s",))])
def test_an_address_narrows_and_never_stands_in_for_a_secret(secrets: DoorSecrets) -> None:
    listed = verifier(NIC.model_copy(update={"allow_from": (ip_network("62.116.129.216/32"),)}), secrets)
    right: dict[str, Any] = {"login": "u:p"} if secrets.passwords else {"path": "s"}

    assert listed(presented(**right), 0) == 0
    for wrong in (presented(), presented(login="u:q", path="t"), presented(**right, peer="62.116.129.217")):
        with pytest.raises(CredentialsWrong):
            listed(wrong, 0)
