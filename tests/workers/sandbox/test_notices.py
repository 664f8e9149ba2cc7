import json
from decimal import Decimal

import pytest

from receiver.sources.monsum import customer_fields, invoice_fields
from tests.workers.sandbox.conftest import PAYLOADS, client_of
from workers.providers import monsum


def bodies(sandbox):
    """What was told since the last look; amounts stay text here, as they do at the door."""
    return [json.loads(notice.body, parse_float=str) for notice in sandbox.drain()]


def told(sandbox):
    return [body["type"] for body in bodies(sandbox)]


def test_a_completed_monsum_invoice_is_told_as_created_and_changed_several_times(sandbox):
    sandbox.trigger("invoice.completed")
    notices = bodies(sandbox)

    assert [body["type"] for body in notices] == ["customer.created", "invoice.created", *["invoice.changed"] * 3]
    assert [body["invoice"]["type"] for body in notices[1:]] == ["draft", "draft", "outgoing", "outgoing"]


def test_a_completed_fastbill_invoice_is_told_as_completed(make_sandbox):
    fastbill = make_sandbox("fastbill")
    fastbill.trigger("invoice.completed")

    assert told(fastbill) == ["customer.created", "invoice.created", "invoice.completed"]


@pytest.mark.parametrize(
    "act, monsum_tells, fastbill_tells",
    [
        ("customer.updated", ["customer.changed"], ["customer.updated"]),
        ("customer.deleted", ["customer.deleted"], ["customer.deleted"]),
        ("invoice.changed", ["invoice.changed"], []),
        ("invoice.paid", ["invoice.changed"], []),
        ("invoice.canceled", ["invoice.changed"], ["invoice.canceled"]),
        ("payment.failed", ["payment.failed"], []),
        ("payment.chargeback", ["payment.chargeback"], []),
        ("payment.reminded", ["payment.reminded"], []),
        ("subscription.created", ["subscription.created"], []),
        ("subscription.reactivated", ["subscription.reactivated"], []),
    ],
)
def test_each_product_tells_what_it_is_known_to_tell(make_sandbox, act, monsum_tells, fastbill_tells):
    for kind, expected in (("monsum", monsum_tells), ("fastbill", fastbill_tells)):
        sandbox = make_sandbox(kind)
        sandbox.trigger("invoice.completed")
        sandbox.drain()
        sandbox.trigger(act)
        assert told(sandbox) == expected


def test_ids_rise_within_a_family_and_differ_between_families(sandbox):
    sandbox.trigger("invoice.completed")
    sandbox.trigger("payment.failed")
    seen: dict[str, list[int]] = {}
    for body in bodies(sandbox):
        seen.setdefault(body["type"].partition(".")[0], []).append(body["id"])

    assert all(ids == sorted(set(ids)) for ids in seen.values())
    assert seen["customer"][0] > seen["invoice"][0]


def test_times_are_local_and_absent_where_they_are_absent(sandbox):
    sandbox.trigger("invoice.created")
    customer, invoice, *_ = bodies(sandbox)

    assert "created" not in customer
    assert invoice["created"] == "2026-11-20 10:00:00"


def test_x_attributes_are_a_list_when_empty_and_an_object_when_not(sandbox):
    sandbox.trigger("customer.created")
    sandbox.trigger("customer.created", {"x_attributes.x_tenant": "acme"})
    sandbox.trigger("invoice.created")

    empty, full, _, invoice, *_ = bodies(sandbox)
    assert (empty["customer"]["x_attributes"], full["customer"]["x_attributes"]) == ([], {"x_tenant": "acme"})
    assert invoice["customer"]["x_attributes"] == {}


@pytest.mark.parametrize("sample, act", [("invoice.created", "invoice.created"), ("customer.created", "customer.created")])
def test_a_monsum_notification_has_the_recorded_names_and_types(sandbox, sample, act):
    recorded = json.loads((PAYLOADS / f"webhook_{sample}.json").read_bytes(), parse_float=Decimal)
    sandbox.trigger(act)
    body = next(json.loads(notice.body, parse_float=Decimal) for notice in sandbox.drain() if notice.type == sample)

    part = sample.partition(".")[0]
    assert set(recorded[part]) <= set(body[part])
    assert [name for name, value in recorded[part].items() if kind(body[part][name]) != kind(value)] == []


def kind(value):
    """A number is a number, whole or not: 59 and 70.21 are one type on this wire."""
    return "number" if isinstance(value, int | Decimal) and not isinstance(value, bool) else type(value)


def test_a_fastbill_notification_carries_the_api_record(make_sandbox):
    fastbill = make_sandbox("fastbill")
    fastbill.trigger("invoice.completed")
    body = bodies(fastbill)[-1]

    recorded = json.loads((PAYLOADS / "webhook_invoice.completed.fastbill.constructed.json").read_bytes())
    assert set(body) == set(recorded)
    assert {"INVOICE_ID", "CUSTOMER_ID", "TYPE", "TOTAL", "ITEMS", "IS_CANCELED"} <= set(body["invoice"])
    assert body["invoice"]["TYPE"] == "outgoing"


def test_what_is_told_and_what_is_read_mean_the_same(make_sandbox):
    for kind in ("monsum", "fastbill"):
        sandbox = make_sandbox(kind)
        ids = sandbox.trigger("invoice.completed", {"total": "119.99"})
        notices = bodies(sandbox)
        client = client_of(sandbox)
        read = client.query(monsum.invoice, ids["invoice_id"]).fields
        said = invoice_fields(notices[-1]["invoice"])

        shared = {name for name in said if name in read} - {"salutation", "extra", "vat_items"}
        assert {name: read[name] for name in shared} == {name: said[name] for name in shared}
        owner = customer_fields(notices[0]["customer"])
        known = client.query(monsum.customer, ids["customer_id"]).fields
        assert all(known[name] == owner[name] for name in owner if name in known and name not in ("extra", "x_attributes"))


@pytest.mark.parametrize(
    "service, data, expected",
    [
        ("customer.addcredits", {"AMOUNT": "5"}, ["customer.changed"]),
        ("customer.update", {"CITY": "X"}, ["customer.changed"]),
        ("invoice.setpaid", {}, ["invoice.changed"]),
        ("invoice.cancel", {}, ["invoice.changed"]),
        ("invoice.sendbypost", {}, ["invoice.changed"]),
        ("invoice.sendbyemail", {"RECIPIENT": {"TO": "a@example.com"}, "SUBJECT": "S", "MESSAGE": "M"}, []),
    ],
)
def test_writing_over_the_api_is_told_too(sandbox, service, data, expected):
    ids = {name.upper(): value for name, value in sandbox.trigger("invoice.completed").items()}
    sandbox.drain()

    reply = sandbox.handle(json.dumps({"SERVICE": service, "DATA": ids | data}).encode(), ("me@example.com", "k3y"))

    assert reply.status == 200
    assert told(sandbox) == expected


def test_a_part_that_was_cancelled_is_not_owed_again_when_a_payment_goes_back(sandbox, client):
    invoice = sandbox.trigger("invoice.completed", {"total": "119.00"})["invoice_id"]
    sandbox.trigger("invoice.canceled", {"invoice_id": invoice, "amount": "19.00"})
    sandbox.trigger("invoice.paid", {"invoice_id": invoice})

    sandbox.trigger("payment.chargeback", {"invoice_id": invoice})

    read = client.query(monsum.invoice, invoice)
    assert (str(read.outstanding), read.is_canceled) == ("100.00 EUR", False)


def test_an_unknown_act_is_refused_with_the_known_ones(sandbox):
    with pytest.raises(ValueError, match=r"invoice\.completed"):
        sandbox.trigger("invoice.exploded")


@pytest.mark.parametrize("wrong, named", [({"emial": "x"}, "emial"), ({"customer_id": "17"}, "17"), ({"invoice_id": "18"}, "18")])
def test_an_override_that_fits_nothing_is_refused_by_name(sandbox, wrong, named):
    with pytest.raises(ValueError, match=named):
        sandbox.trigger("invoice.completed", wrong)


def test_overrides_reach_the_customer_the_invoice_and_the_document(sandbox, client):
    said = {"delivery_method": "post", "language": "sv", "total": "0.10", "title": "T", "einvoice": "1"}
    ids = sandbox.trigger("invoice.completed", said)

    assert client.query(monsum.customer, ids["customer_id"]).delivery_method == "post"
    invoice = client.query(monsum.invoice, ids["invoice_id"])
    assert (str(invoice.total), invoice.fields["title"]) == ("0.10 EUR", "T")
    assert client.query(monsum.document, ids["invoice_id"]).has_einvoice
