"""The simulated Qvickly: both APIs through our own client, callbacks the door would take, faults where they are felt."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from receiver.errors import OutcomeUnknown, Rejected, Retryable
from receiver.money import Money
from receiver.sources.qvickly import identify, verify_hash
from tests.receiver.sources.callbacks import recorded
from workers.errors import NotFound
from workers.providers import qvickly
from workers.providers.bundle import make_qvickly
from workers.providers.qvickly_client import QvicklyClient
from workers.providers.qvickly_reads import CustomerFilter
from workers.providers.service import Service
from workers.sandbox.faults import KINDS
from workers.sandbox.qvickly_core import ACTS, SCHEDULE, STYLES, QvicklySandbox
from workers.sandbox.qvickly_wire import QvicklyTransport

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> QvicklySandbox:
    return QvicklySandbox(user="17882", key="k3y-of-the-sandbox", clock=clock)


def client_of(sandbox: QvicklySandbox, key: str = "k3y-of-the-sandbox") -> QvicklyClient:
    here = "http://127.0.0.1:1"
    return make_qvickly(
        "pay", f"{here}/qvickly", "17882", key, "Europe/Stockholm", ["SEK"], QvicklyTransport(sandbox),
        portal=("u", key), portal_url=f"{here}/portal", auth_url=f"{here}/auth",
    )  # fmt: skip


@pytest.fixture
def client(sandbox: QvicklySandbox) -> QvicklyClient:
    return client_of(sandbox)


def write(client: QvicklyClient, service: Service, id: str, **said: object) -> object:
    return client.call(service, service.build(SimpleNamespace(source="pay", id=id), **said))


def made(sandbox: QvicklySandbox, act: str = "payment.created", **overrides: str) -> str:
    return sandbox.trigger(act, overrides)["payment_id"]


def test_a_payment_is_read_activated_and_cannot_be_activated_again(sandbox: QvicklySandbox, client: QvicklyClient) -> None:
    number = made(sandbox)
    before = client.query(qvickly.payment, number)

    reply = write(client, qvickly.activate, number)

    assert (before.status, before.total) == ("created", Money(Decimal("119.00"), "SEK"))
    assert (reply.status, client.query(qvickly.payment, number).status) == ("Factoring", "factoring")  # type: ignore[attr-defined]
    with pytest.raises(Rejected, match="5208"):
        write(client, qvickly.activate, number)
    with pytest.raises(Rejected, match="5209"):
        write(client, qvickly.cancel, number)


def test_a_payment_is_cancelled_and_cannot_be_activated_then(sandbox: QvicklySandbox, client: QvicklyClient) -> None:
    number = made(sandbox)

    write(client, qvickly.cancel, number)

    assert client.query(qvickly.payment, number).status == "cancelled"
    with pytest.raises(Rejected, match="5210"):
        write(client, qvickly.activate, number)


def test_a_credit_makes_a_payment_of_its_own_and_not_more_than_there_was(sandbox: QvicklySandbox, client: QvicklyClient) -> None:
    number = made(sandbox, "payment.paid")

    credited = write(client, qvickly.credit, number)

    assert client.query(qvickly.payment, credited.number).related == number  # type: ignore[attr-defined]
    with pytest.raises(Rejected, match="5213"):
        write(client, qvickly.credit, number)


def test_what_is_not_there_is_not_found(client: QvicklyClient) -> None:
    for query, id in ((qvickly.payment, "7"), (qvickly.customer, "7"), (qvickly.organisation, "5566779988")):
        with pytest.raises(NotFound):
            client.query(query, id)


def test_only_invoices_that_were_sent_and_fell_due_are_overdue(sandbox: QvicklySandbox, client: QvicklyClient) -> None:
    late = made(sandbox, "payment.factoring", due_date="2026-11-01")
    made(sandbox, "payment.factoring", due_date="2026-11-01", distributor_status="Paid")
    made(sandbox, "payment.factoring")
    made(sandbox, "payment.created", due_date="2026-11-01")

    (row,) = client.query(qvickly.due_payments, "2026-11-19").payments

    assert (row.id, row.state, row.to_pay) == (late, "due", Money(Decimal("119.00"), "SEK"))


def test_customers_live_their_whole_life_in_the_portal(client: QvicklyClient) -> None:
    ids = [
        write(client, qvickly.create_customer, "-", fields={"customerid": f"C{n}", "name": f"N{n}", "companyno": f"556677998{n}"}).id  # type: ignore[attr-defined]
        for n in range(3)
    ]
    write(client, qvickly.update_customer, ids[0], fields={"name": "\u00c5sa & B", "postcode": "22221"})

    assert client.query(qvickly.customer, ids[0]).name == "\u00c5sa & B"
    assert client.query(qvickly.customer_count, "").count == 3
    page = client.query(qvickly.customers, CustomerFilter(limit=2).text)
    assert ([row.number for row in page.customers], page.next_start) == (["C0", "C1"], 2)
    found = client.query(qvickly.customers, CustomerFilter(search="C2").text)
    assert [row.id for row in found.customers] == [ids[2]]
    by_date = CustomerFilter(created=(date(2026, 1, 1), date(2026, 2, 1))).text
    assert client.query(qvickly.customers, by_date).customers == ()
    assert [row.number for row in client.query(qvickly.customers_by_name, "n1").customers] == ["C1"]
    assert client.query(qvickly.organisation, "556677-9980").zip == "22221"
    for query in (qvickly.customers_xml, qvickly.customers_csv):
        assert [row["name"] for row in client.query(query, "all").rows] == ["\u00c5sa & B", "N1", "N2"]
        assert [row["name"] for row in client.query(query, f"{ids[1]}").rows] == ["N1"]
    write(client, qvickly.delete_customer, ids[0])
    write(client, qvickly.delete_customers, "-", ids=tuple(ids[1:]))
    assert client.query(qvickly.customer_count, "").count == 0


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("act", ACTS)
def test_every_callback_has_a_hash_the_door_takes(sandbox: QvicklySandbox, act: str, style: str) -> None:
    number = made(sandbox, act, style=style)

    (notification,) = sandbox.drain()

    assert verify_hash([b"k3y-of-the-sandbox"], notification.body) == 0
    assert identify(notification.body, {}).native_id.startswith(f"{number}:")
    assert (notification.method, notification.body[:1] == b"{") == ("GET" if style == "get" else "POST", style == "json")


def test_a_callback_nobody_takes_is_tried_for_three_months(sandbox: QvicklySandbox, clock: Clock) -> None:
    made(sandbox)
    (letter,) = sandbox.outbox.letters
    tries = []
    while not letter.done:
        tries.append(letter.due_at)
        clock.now = letter.due_at
        sandbox.outbox.answered(letter, 503, clock.now)

    assert len(tries) == 1 + len(SCHEDULE) == 31
    assert timedelta(days=90) < tries[-1] - tries[0] < timedelta(days=105)


def test_a_wrong_key_is_refused_by_both(sandbox: QvicklySandbox) -> None:
    wrong, number = client_of(sandbox, "another-key"), made(sandbox)

    for service, id in ((qvickly.activate, number), (qvickly.delete_customer, "1")):
        with pytest.raises(Rejected) as caught:
            write(wrong, service, id)
        assert caught.value.context["kind"] == "credentials"


def test_a_token_that_expired_costs_a_write_one_more_try(sandbox: QvicklySandbox, client: QvicklyClient) -> None:
    write(client, qvickly.create_customer, "-", fields={"customerid": "C1"})
    sandbox.expire_tokens()

    with pytest.raises(Retryable, match="token"):
        write(client, qvickly.create_customer, "-", fields={"customerid": "C2"})
    write(client, qvickly.create_customer, "-", fields={"customerid": "C2"})

    assert client.query(qvickly.customer_count, "").count == 2


NOT_ASKED = ("refuse", "dns", "tls", "rate")
SAID_NO = ("login", "decline")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("service", ["activatePayment", "customers.create"])
def test_each_fault_is_felt_as_what_it_is_and_acts_only_where_it_says_so(
    sandbox: QvicklySandbox, client: QvicklyClient, kind: str, service: str
) -> None:
    number, row = made(sandbox), qvickly.SERVICES[service]
    said = {"fields": {"customerid": "C1"}} if service == "customers.create" else {}
    sandbox.faults.add(kind, service)

    expected = Retryable if kind in NOT_ASKED else Rejected if kind in SAID_NO else OutcomeUnknown
    with pytest.raises(expected) as caught:
        write(client, row, number, **said)
    assert type(caught.value) is expected

    acted = bool(sandbox.account.customers) or sandbox.account.payments[number]["status"] != "Created"
    assert acted == (kind in ("drop", "late", "error-after", "gateway-after", "not-json", "slow", "drip", "truncate", "no-status"))


def test_a_late_answer_lets_reads_show_what_was_there_before(sandbox: QvicklySandbox, client: QvicklyClient, clock: Clock) -> None:
    number = made(sandbox)
    sandbox.faults.add("late", "activatePayment", seconds=30)
    with pytest.raises(OutcomeUnknown):
        write(client, qvickly.activate, number)

    first = client.query(qvickly.payment, number).status
    clock.now += timedelta(seconds=31)

    assert (first, client.query(qvickly.payment, number).status) == ("created", "factoring")


def test_a_recorded_callback_is_seeded_silently(sandbox: QvicklySandbox, client: QvicklyClient) -> None:
    sandbox.seed(recorded("callback_created_invoice.json"))

    assert client.query(qvickly.payment, "1000235").order_id == "P123456718"
    assert not sandbox.drain()
    with pytest.raises(ValueError):
        sandbox.seed(b"{}")


@pytest.mark.parametrize("act, said", [("invoice.paid", {}), ("payment.paid", {"colour": "red"}), ("payment.paid", {"style": "fax"})])
def test_what_the_sandbox_does_not_know_is_refused_by_name(sandbox: QvicklySandbox, act: str, said: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"known|one of"):
        sandbox.trigger(act, said)


def test_what_happened_can_be_put_back(sandbox: QvicklySandbox, client: QvicklyClient) -> None:
    number = made(sandbox)
    before = sandbox.copied()
    write(client, qvickly.activate, number)

    sandbox.put_back(before)

    assert client.query(qvickly.payment, number).status == "created"
    assert [call.service for call in sandbox.calls] == ["getPaymentinfo"]
