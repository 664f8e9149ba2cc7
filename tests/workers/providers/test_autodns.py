"""AutoDNS's rows: every service has its class and its request, and goes where the reference says."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from receiver.errors import OutcomeUnknown
from tests.receiver.sources.autodns_samples import recorded
from tests.workers.providers.autodns_said import Said, client, data, sample
from workers.authoring import Read, Slot, WorkflowInvalid, effect
from workers.providers import autodns
from workers.providers.autodns_requests import CreateCustomer, UpdateCustomer
from workers.providers.bundle import KINDS
from workers.providers.service import Find

CUSTOMER = SimpleNamespace(source="nic", id="ix/1234567")
MESSAGE = SimpleNamespace(source="nic", id="next", message_id="51646140")


def test_every_writing_service_can_be_looked_up_and_its_no_counts_late() -> None:
    classes = [service.effect_class for service in autodns.SERVICES.values()]

    assert all(isinstance(found, Find) and found.no_counts_after_s >= 120 for found in classes)
    assert set(autodns.SERVICES) == {"customer.create", "customer.update", "poll.confirm"}


def test_nothing_charges_the_account() -> None:
    assert not [name for name in autodns.SERVICES if "charge" in name or "account" in name]


def test_no_second_has_more_than_three_calls() -> None:
    rate = KINDS["autodns"].rate

    assert (rate.calls, rate.seconds) == (3, 1)
    assert rate.at_once + rate.per_s * rate.seconds <= 3


@pytest.mark.parametrize(
    "service, obj, said, method, path, body",
    [
        ("customer.create", CUSTOMER, {"fields": {"client": "ix", "number": 7, "name": "N"}}, "POST", "customer/_upgrade",
         {"client": "ix", "number": 7, "name": "N"}),
        ("customer.update", CUSTOMER, {"fields": {"emails": ["a@b.de"]}}, "PUT", "customer/ix/1234567",
         {"client": "ix", "number": 1234567, "emails": ["a@b.de"]}),
        ("poll.confirm", MESSAGE, {}, "PUT", "poll/51646140", None),
    ],
)  # fmt: skip
def test_a_write_goes_where_the_reference_says(
    service: str, obj: object, said: dict[str, Any], method: str, path: str, body: object
) -> None:
    row, wire = autodns.SERVICES[service], Said(data({"client": "ix", "number": 7} if service == "customer.create" else {}))
    request = row.build(obj, **said)

    done = client(wire).call(row, request)

    (ask,) = wire.asked
    assert (ask.method, ask.url) == (method, f"https://api.autodns.com/v1/{path}")
    assert (json.loads(ask.body) if ask.body else None) == body
    assert row.request.model_validate(request.model_dump(mode="json")) == request
    assert row.reference(done) == ("ix/7" if service == "customer.create" else "20261120-app1-1")


def test_a_confirmation_is_the_recorded_request() -> None:
    line, *headers = recorded("poll_confirm.http").decode().splitlines()
    wire = Said(data())

    client(wire).call(autodns.confirm_message, autodns.confirm_message.build(MESSAGE))

    assert line.startswith(f"{wire.asked[0].method} /v1/poll/51646140 ")
    assert {header.partition(":")[0] for header in headers} - {"Host", "User-Agent"} <= set(wire.asked[0].headers)


def test_what_is_known_of_a_customer_goes_along_with_a_change_and_no_secret_does() -> None:
    doc = client(Said(sample("customer_info_response.json"))).query(autodns.customer, "ix/1234567")

    request = autodns.update_customer.build(doc, fields={"city": "Bonn"})
    assert isinstance(request, UpdateCustomer)

    assert request.fields == {"city": "Bonn"} and "city" not in request.known
    assert (request.content()["city"], request.content()["pcode"], request.content()["number"]) == ("Bonn", "93047", 1234567)
    assert not {"pin", "card", "sepa", "account", "persistent", "pending", "locked", "created"} & set(request.content())


@pytest.mark.parametrize(
    "service, said, object, row",
    [
        ("customer.update", {"fields": {"city": "Bonn"}}, {"value": "8"}, {}),
        ("customer.update", {"fields": {"city": "Bonn"}}, {}, {"client": "de", "number": 1234567}),
        ("customer.create", {"fields": {"client": "ix", "number": 7}}, {}, {"client": "ix", "number": 8}),
        ("customer.create", {"fields": {"name": "N"}}, {}, {}),
    ],
)
def test_a_reply_that_speaks_of_something_else_proves_nothing(
    service: str, said: dict[str, Any], object: dict[str, Any], row: dict[str, Any]
) -> None:
    written = autodns.SERVICES[service]

    with pytest.raises(OutcomeUnknown, match="wrong_reply"):
        client(Said(data(row, object=object))).call(written, written.build(CUSTOMER, **said))


def test_a_customer_that_was_only_accepted_is_known_by_the_providers_name_of_the_call() -> None:
    reply = client(Said(data(type="NOTIFY"))).call(autodns.create_customer, CreateCustomer(fields={"name": "N"}))

    assert autodns.create_customer.reference(reply) == "20261120-app1-1"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"pin": "1"},
        {"locked": True},
        {"colour": "red"},
        {"emails": ["none"]},
        {"payment": "LATER"},
        {"client": "ix"},
        {"name": "x" * 256},
    ],
)
def test_what_cannot_be_written_is_refused_before_it_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        CreateCustomer(fields=wrong)

    assert "x" * 256 not in str(caught.value)


@pytest.mark.parametrize("id", ["1234567", "ix/", "ix/0", "a b/7", "ix/../7"])
def test_a_customer_is_named_by_client_and_number(id: str) -> None:
    with pytest.raises(ValidationError):
        autodns.update_customer.build(SimpleNamespace(source="nic", id=id), fields={"city": "Bonn"})


def test_a_customer_is_written_to_only_beside_a_fresh_read_of_it() -> None:
    slot = lambda obj: [Slot(obj.source, obj.id, "x")]  # noqa: E731
    for query in autodns.QUERIES:
        if query is autodns.customer:
            effect(autodns.update_customer, slot=slot, fresh=Read(query, must=lambda doc, obj: None))
            continue
        with pytest.raises(WorkflowInvalid, match="reads one"):
            effect(autodns.update_customer, slot=slot, fresh=Read(query, must=lambda doc, obj: None))
