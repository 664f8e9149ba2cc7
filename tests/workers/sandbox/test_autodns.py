"""The simulated AutoDNS: its API through our own client, pushes the door would take, faults where they are felt."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from receiver.errors import OutcomeUnknown, Rejected, Retryable
from receiver.money import Money
from receiver.sources.autodns_message import message_in
from tests.receiver.sources.autodns_samples import recorded
from workers.errors import NotFound
from workers.providers import autodns
from workers.providers.autodns_client import AutodnsClient
from workers.providers.autodns_reads import InvoiceFilter
from workers.providers.bundle import make_autodns
from workers.providers.service import Service
from workers.sandbox.autodns_core import ACTS, STYLES, AutodnsSandbox
from workers.sandbox.autodns_wire import AutodnsTransport
from workers.sandbox.faults import KINDS

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
KEY = "k3y-of-the-sandbox"


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> AutodnsSandbox:
    return AutodnsSandbox(user="reseller", key=KEY, clock=clock)


def client_of(sandbox: AutodnsSandbox, key: str = KEY, **more: Any) -> AutodnsClient:
    here = "http://127.0.0.1:1/v1"
    return make_autodns("nic", here, "reseller", key, "Europe/Berlin", ["EUR"], AutodnsTransport(sandbox), **more)


@pytest.fixture
def client(sandbox: AutodnsSandbox) -> AutodnsClient:
    return client_of(sandbox)


def write(client: AutodnsClient, service: Service, id: str = "-", **said: Any) -> Any:
    return client.call(service, service.build(SimpleNamespace(source="nic", id=id), **said))


def made(sandbox: AutodnsSandbox, **said: str) -> str:
    return sandbox.trigger("customer.created", {"emails": "old@example.com", **said})["customer_id"]


def test_a_customer_is_created_read_and_changed(client: AutodnsClient) -> None:
    created = write(client, autodns.create_customer, fields={"client": "ix", "number": 7, "name": "\u00c5sa & B", "payment": "pre"})

    write(client, autodns.update_customer, created.id, fields={"city": "Bonn"})

    doc = client.query(autodns.customer, "ix/7")
    assert (doc.name, doc.fields["city"], doc.payment, doc.pending) == ("\u00c5sa & B", "Bonn", "pre", False)
    with pytest.raises(Rejected, match="E120001"):
        write(client, autodns.create_customer, fields={"client": "ix", "number": 7})


def test_a_changed_address_counts_only_once_it_is_checked(sandbox: AutodnsSandbox, client: AutodnsClient) -> None:
    id = made(sandbox)

    accepted = write(client, autodns.update_customer, id, fields={"emails": ["new@example.com"]})
    while_checked = client.query(autodns.customer, id)
    sandbox.trigger("customer.checked", {"customer_id": id})

    assert accepted.later and while_checked.pending
    assert (while_checked.email, while_checked.known["emails"]) == ("old@example.com", ["new@example.com"])
    assert (client.query(autodns.customer, id).email, client.query(autodns.customer, id).pending) == ("new@example.com", False)


def test_a_message_waits_until_it_is_confirmed_and_the_next_one_is_served(sandbox: AutodnsSandbox, client: AutodnsClient) -> None:
    orders = [sandbox.trigger("order.succeeded")["order_id"], sandbox.trigger("order.failed")["order_id"]]

    first = [client.query(autodns.next_message, "next") for _ in range(2)]
    with pytest.raises(Rejected):
        client.call(autodns.confirm_message, autodns.confirm_message.request(message_id="1"))
    client.call(autodns.confirm_message, autodns.confirm_message.build(first[0]))
    second = client.query(autodns.next_message, "next")

    assert first[0] == first[1] and [first[0].order_id, second.order_id] == orders
    assert (first[0].name, second.name) == ("job.success", "job.failed")
    client.call(autodns.confirm_message, autodns.confirm_message.build(second))
    assert client.query(autodns.next_message, "next").message_id is None


@pytest.mark.parametrize("style", [style for style in STYLES if style != "poll"])
@pytest.mark.parametrize("act", ["order.succeeded", "order.failed", "notice.transfer_start", "customer.updated"])
def test_every_push_is_what_the_door_takes(sandbox: AutodnsSandbox, act: str, style: str) -> None:
    made(sandbox)
    sandbox.trigger(act, {"style": style})

    (notification,) = sandbox.drain()

    message = message_in(notification.body, zone=ZoneInfo("Europe/Berlin"))
    assert notification.body.startswith(b"<") == (style == "xml")
    assert message.name == {"order.failed": "job.failed", "notice.transfer_start": "notify"}.get(act, "job.success")
    assert (message.customer_id, message.object_id) == (("ix/2000001", "2000001") if "customer" in act else (None, "example.com"))
    assert bool(sandbox.account.messages) == (style == "both")


def test_a_push_in_xml_and_in_json_say_the_same(sandbox: AutodnsSandbox) -> None:
    id = made(sandbox)
    for style in ("xml", "json"):
        sandbox.account.ids.update(job=5, message=5)
        sandbox.trigger("customer.updated", {"customer_id": id, "style": style})

    one, other = (message_in(letter.body, zone=ZoneInfo("Europe/Berlin")) for letter in sandbox.drain())

    assert one == other


def test_the_account_runs_low_and_is_charged(sandbox: AutodnsSandbox, client: AutodnsClient) -> None:
    id = sandbox.trigger("account.spent", {"amount": "60.50"})["customer_id"]
    spent = client.query(autodns.account, id)
    sandbox.trigger("account.charged", {"amount": "0.50"})

    assert (spent.available, spent.threshold) == (Money(Decimal("39.50"), "EUR"), Money(Decimal("50.00"), "EUR"))
    assert client.query(autodns.account, id).available == Money(Decimal("40.00"), "EUR")


def test_invoices_are_found_by_filter_order_and_page(sandbox: AutodnsSandbox, client: AutodnsClient) -> None:
    ids = [sandbox.trigger("invoice.created")["invoice_id"] for _ in range(3)]
    sandbox.trigger("invoice.paid", {"id": ids[0]})
    sandbox.trigger("invoice.failed", {"id": ids[1]})

    def found(**said: Any) -> list[str]:
        return [doc.id for doc in client.query(autodns.invoices, InvoiceFilter(**said).text).invoices]

    assert found(descending=True, limit=2) == [ids[2], ids[1]]
    assert found(where=(("failed", "EQUAL", "true"),)) == [ids[1]]
    assert found(where=(("paid", "IS_NULL", ""),)) == ids[1:]
    assert client.query(autodns.invoice, ids[0]).status == "paid"


@pytest.mark.parametrize("query, id", [(autodns.customer, "ix/7"), (autodns.invoice, "7"), (autodns.account, "ix/7")])
def test_what_is_not_there_is_not_found(client: AutodnsClient, query: Any, id: str) -> None:
    with pytest.raises(NotFound):
        client.query(query, id)


def test_a_wrong_login_or_context_is_refused(sandbox: AutodnsSandbox) -> None:
    for wrong in (client_of(sandbox, "another-key"), client_of(sandbox, context=1)):
        with pytest.raises(Rejected) as caught:
            write(wrong, autodns.create_customer, fields={"name": "N"})
        assert caught.value.context["kind"] == "credentials"
    assert not sandbox.account.customers


NOT_ASKED = ("refuse", "dns", "tls", "rate")
SAID_NO = ("login", "decline")
ACTED = ("drop", "late", "error-after", "gateway-after", "not-json", "slow", "drip", "truncate", "no-status")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("service", ["customer.create", "poll.confirm"])
def test_each_fault_is_felt_as_what_it_is_and_acts_only_where_it_says_so(
    sandbox: AutodnsSandbox, client: AutodnsClient, kind: str, service: str
) -> None:
    sandbox.trigger("order.succeeded")
    waiting = client.query(autodns.next_message, "next")
    row = autodns.SERVICES[service]
    request = row.build(waiting) if service == "poll.confirm" else row.build(waiting, fields={"name": "N"})
    sandbox.faults.add(kind, service)

    expected = Retryable if kind in NOT_ASKED else Rejected if kind in SAID_NO else OutcomeUnknown
    with pytest.raises(expected) as caught:
        client.call(row, request)
    assert type(caught.value) is expected

    acted = not sandbox.account.messages if service == "poll.confirm" else bool(sandbox.account.customers)
    assert acted == (kind in ACTED)


def test_a_late_answer_lets_reads_show_what_was_there_before(sandbox: AutodnsSandbox, client: AutodnsClient, clock: Clock) -> None:
    id = made(sandbox)
    sandbox.faults.add("late", "customer.update", seconds=30)
    with pytest.raises(OutcomeUnknown):
        write(client, autodns.update_customer, id, fields={"city": "Bonn"})

    first = client.query(autodns.customer, id).fields.get("city")
    clock.now += timedelta(seconds=31)

    assert (first, client.query(autodns.customer, id).fields["city"]) == (None, "Bonn")


def test_a_recorded_message_is_seeded_silently(sandbox: AutodnsSandbox, client: AutodnsClient) -> None:
    assert sandbox.seed(recorded("push_job_customer_update_constructed.xml")) == {"customer_id": "ix/1234567"}

    assert client.query(autodns.customer, "ix/1234567").id == "ix/1234567"
    assert not sandbox.account.messages and not sandbox.drain()
    with pytest.raises(ValueError):
        sandbox.seed(b"{}")


@pytest.mark.parametrize(
    "act, said",
    [
        ("domain.created", {}),
        ("order.succeeded", {"colour": "red"}),
        ("order.succeeded", {"style": "fax"}),
        ("customer.created", {"pin": "1"}),
        ("customer.created", {"payment": "LATER"}),
        ("customer.updated", {"customer_id": "ix/9"}),
        ("account.spent", {"sum": "1"}),
        ("invoice.paid", {"colour": "red"}),
    ],
)
def test_what_the_sandbox_does_not_know_is_refused_by_name(sandbox: AutodnsSandbox, act: str, said: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"known|one of|no such|style"):
        sandbox.trigger(act, said)


def test_what_happened_can_be_put_back(sandbox: AutodnsSandbox, client: AutodnsClient) -> None:
    id = made(sandbox)
    before = sandbox.copied()
    write(client, autodns.update_customer, id, fields={"city": "Bonn"})
    sandbox.trigger("order.succeeded")

    sandbox.put_back(before)

    assert "city" not in client.query(autodns.customer, id).fields
    assert client.query(autodns.next_message, "next").message_id is None


def test_every_act_can_be_made(sandbox: AutodnsSandbox) -> None:
    for act in ACTS:
        assert sandbox.trigger(act)
