"""Qvickly's rows: every service has its class and its request, and goes where the reference says."""

import json
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from receiver.money import Money
from tests.workers.providers.qvickly_said import TOKEN, Said, answer, client, data
from workers.authoring import Read, Slot, WorkflowInvalid, effect
from workers.providers import qvickly
from workers.providers.http import Ask
from workers.providers.qvickly_requests import Article, Credit, Total, WriteCustomer
from workers.providers.service import AtMostOnce, Find

PAYMENT = SimpleNamespace(source="pay", id="1000235")
CUSTOMER = SimpleNamespace(source="pay", id="1000")


def sek(text: str) -> Money:
    return Money(Decimal(text), "SEK")


ARTICLE = Article(artnr="A1", title="A", quantity=Decimal("3.5"), price=sek("567.80"), without_tax=sek("1788.57"), tax_rate=Decimal(25))
TOTAL = Total(without_tax=sek("1853.25"), tax=sek("463.31"), with_tax=sek("2317.00"), rounding=sek("0.44"))


def test_money_is_credited_at_most_once_and_the_rest_can_be_looked_up() -> None:
    classes = {name: type(service.effect_class) for name, service in qvickly.SERVICES.items()}

    assert {name for name, found in classes.items() if found is AtMostOnce} == {"creditPayment"}
    assert {found for name, found in classes.items() if name != "creditPayment"} == {Find}
    no = [s.effect_class.no_counts_after_s for s in qvickly.SERVICES.values() if isinstance(s.effect_class, Find)]
    assert min(no) >= timedelta(minutes=2).total_seconds()


@pytest.mark.parametrize("service", [qvickly.activate, qvickly.credit, qvickly.cancel], ids=lambda s: s.name)
def test_a_payment_is_written_to_only_beside_a_fresh_getpaymentinfo(service: object) -> None:
    slot = lambda obj: [Slot(obj.source, obj.id, "x")]  # noqa: E731
    for query in qvickly.QUERIES:
        if query is qvickly.payment:
            effect(service, slot=slot, fresh=Read(query, must=lambda doc, obj: True))  # type: ignore[arg-type]
            continue
        with pytest.raises(WorkflowInvalid, match="reads one"):
            effect(service, slot=slot, fresh=Read(query, must=lambda doc, obj: True))  # type: ignore[arg-type]


def test_a_whole_credit_names_the_payment_alone_and_a_part_its_articles_in_ore() -> None:
    whole, part = qvickly.credit.build(PAYMENT), qvickly.credit.build(PAYMENT, articles=(ARTICLE,), total=TOTAL)
    assert isinstance(whole, Credit) and isinstance(part, Credit)

    assert whole.data() == {"PaymentData": {"number": "1000235", "partcredit": "false"}}
    assert part.data()["Articles"] == [
        {"artnr": "A1", "title": "A", "quantity": "3.5", "aprice": "56780", "discount": "0", "withouttax": "178857", "taxrate": "25"}
    ]
    assert part.data()["Cart"] == {"Total": {"withouttax": "185325", "tax": "46331", "rounding": "44", "withtax": "231700"}}
    assert (whole.amount, part.amount) == (None, sek("2317.00"))
    assert Credit.model_validate(part.model_dump(mode="json")) == part


def test_a_credit_may_answer_with_another_number_and_either_word() -> None:
    for word in ("Paid", "Credited"):
        asked = client(Said(data({"number": "1000236", "status": word})))
        assert asked.call(qvickly.credit, qvickly.credit.build(PAYMENT)).number == "1000236"  # type: ignore[attr-defined]


@pytest.mark.parametrize("half", [{"articles": (ARTICLE,)}, {"total": TOTAL}])
def test_half_of_a_part_credit_is_refused(half: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="total"):
        qvickly.credit.build(PAYMENT, **half)


@pytest.mark.parametrize(
    "service, obj, said, method, path, body, reply",
    [
        ("customers.create", CUSTOMER, {"fields": {"customerid": "C1"}}, "POST", "", {"customerid": "C1"}, {"mexcParamvaluesetsid": 1000}),
        ("customers.patch", CUSTOMER, {"fields": {"name": "N"}}, "PATCH", "/1000", {"name": "N"}, {"mexcParamvaluesetsid": 1000}),
        ("customers.delete", CUSTOMER, {}, "DELETE", "/1000", None, {"result": "Removed", "mexcParamvaluesetsid": 1000}),
        ("customers.delete_some", CUSTOMER, {"ids": (1, 2)}, "DELETE", "", [1, 2], {"result": "Removed", "count": 2}),
    ],
)  # fmt: skip
def test_a_customer_is_written_as_the_reference_says(
    service: str, obj: object, said: dict[str, object], method: str, path: str, body: object, reply: dict[str, object]
) -> None:
    wire = Said(TOKEN, answer(reply))
    row = qvickly.SERVICES[service]
    request = row.build(obj, **said)

    done = client(wire).call(row, request)

    sent: Ask = wire.asked[1]
    assert (sent.method, sent.url) == (method, f"https://api.online.billmate.se/customers{path}")
    assert (json.loads(sent.body) if sent.body else None) == body
    assert row.request.model_validate(request.model_dump(mode="json")) == request
    assert row.reference(done) == (None if service.endswith("some") else "1000")


@pytest.mark.parametrize(
    "service, said, reply",
    [
        ("customers.patch", {"fields": {"name": "N"}}, {"mexcParamvaluesetsid": 7}),
        ("customers.delete", {}, {"result": "Removed", "mexcParamvaluesetsid": 7}),
        ("customers.delete", {}, {"result": "Kept", "mexcParamvaluesetsid": 1000}),
        ("customers.delete_some", {"ids": ("1", "2")}, {"result": "Removed", "count": 1}),
    ],
)
def test_a_reply_that_speaks_of_something_else_proves_nothing(service: str, said: dict[str, object], reply: dict[str, object]) -> None:
    row = qvickly.SERVICES[service]

    with pytest.raises(Exception, match=r"wrong_reply|reply_incomplete"):
        client(Said(TOKEN, answer(reply))).call(row, row.build(CUSTOMER, **said))


@pytest.mark.parametrize(
    "wrong", [{"fields": {}}, {"fields": {"mexcParamvaluesetsid": "1"}}, {"fields": {"unknown": "x"}}, {"fields": {"name": "\u20ac"}}]
)
def test_what_cannot_be_written_is_refused_before_it_is_sent(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WriteCustomer.model_validate(wrong)


@pytest.mark.parametrize("ids", [(), ("1", "1"), ("0",), ("x",), tuple(str(id) for id in range(1, 102))])
def test_customers_are_deleted_by_ids_that_are_each_there_once(ids: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        qvickly.delete_customers.build(CUSTOMER, ids=ids)


def test_a_patch_tells_the_mirror_what_was_written() -> None:
    request = qvickly.update_customer.build(CUSTOMER, fields={"postoffice": "Lund"})

    assert qvickly.update_customer.mirror(request, None) == ("customer", "1000", {"city": "Lund"})
