"""Rules about customers: conditions on X_ATTRIBUTES and TAGS, changed fields only, one quiet write, and no circle."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from workers.authoring import CustomerDoc
from workers.testing.flow import Flow
from workflows.customers.policy import CustomersPolicy, Rule, VatPolicy
from workflows.customers.rules import holds, to_write
from workflows.customers.workflow import Written, follow_rules, unchanged

GOLD = {"name": "gold", "attributes": {"plan": "gold"}, "write": {"days_for_payment": "30"}}


def shop(*rules: dict[str, Any], **said: Any) -> Flow:
    return Flow(follow_rules, policy={"rules": list(rules), **said})


def field(flow: Flow, customer: str, name: str) -> str:
    return str(flow.sandbox.account.customers[customer].get(name))


@pytest.mark.parametrize(
    "rule, changed, attributes, tags, expected",
    [
        ({"attributes": {"plan": "gold"}}, (), {"plan": "Gold "}, (), True),
        ({"attributes": {"plan": "gold"}}, (), {"plan": "silver"}, (), False),
        ({"attributes": {"plan": "gold"}}, (), {}, (), False),
        ({"attributes": {"plan": ""}}, (), None, (), False),
        ({"tags": ["vip"]}, (), None, ("VIP", "x"), True),
        ({"tags": ["vip", "eu"]}, (), None, ("vip",), False),
        ({"changed": ["language_code"]}, ("language",), None, (), True),
        ({"changed": ["country_code"]}, ("country",), None, (), True),
        ({"changed": ["email"]}, ("phone",), None, (), False),
    ],
)
def test_a_rule_holds_where_everything_it_names_is_known_to_be_so(
    rule: dict[str, Any], changed: Sequence[str], attributes: dict[str, str] | None, tags: Sequence[str], expected: bool
) -> None:
    named = Rule.model_validate({"name": "r", "write": {"comment": "x"}, **rule})

    assert holds(named, changed, attributes, tags) is expected


def test_only_what_differs_is_written_and_the_later_rule_wins() -> None:
    first = Rule(name="a", tags=("x",), write={"days_for_payment": "30", "language_code": "DE"})
    second = Rule(name="b", tags=("x",), write={"days_for_payment": "14"})
    customer = CustomerDoc(source="shop", id="1", fields={"days_for_payment": 30, "language": "de"})

    assert to_write((first, second), customer) == {"days_for_payment": "14"}


@pytest.mark.parametrize(
    "said, why",
    [
        ({"rules": [{"name": "a", "write": {"comment": "x"}}]}, "would write every customer"),
        ({"rules": [{"name": "a", "tags": ["x"], "write": {"vat_id": "x"}}]}, "may not write vat_id"),
        ({"rules": [{"name": "a", "tags": ["x"], "write": {"coment": "x"}}]}, "may not write coment, do you mean comment"),
        ({"rules": [GOLD, GOLD]}, "two rules have one name"),
    ],
)
def test_a_rule_that_would_write_too_much_is_refused(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        CustomersPolicy.model_validate(said)


@pytest.mark.parametrize(
    "said, why",
    [
        ({"changed": ["adress"]}, "adress: there is no such field, do you mean address"),
        ({"write": {"days_for_payment": "soon"}}, 'days_for_payment = "soon": it is a whole number of days'),
        ({"write": {"payment_type": "99"}}, r'payment_type = "99": it is one of "1" \(transfer\)'),
    ],
)
def test_a_field_or_value_that_no_customer_can_have_is_refused_with_what_is_right(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        CustomersPolicy.model_validate({"rules": [GOLD | said]})


def test_pauses_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValidationError, match="later than the one before"):
        VatPolicy(retry=("1h", "5m"))


def test_a_pause_too_long_to_count_is_refused_with_the_way_to_write_it() -> None:
    with pytest.raises(ValidationError, match='a pause is written "5m", "1h" or "1d"'):
        VatPolicy(retry=("9999999999d",))


def test_an_attribute_has_a_field_written_once_without_a_mail_to_the_customer() -> None:
    with shop(GOLD) as flow:
        customer = flow.trigger("customer.created")["customer_id"]

        flow.trigger("customer.updated", customer_id=customer, **{"x_attributes.plan": "gold"})
        flow.notify()
        flow.advance(minutes=5)

        assert field(flow, customer, "DAYS_FOR_PAYMENT") == "30"
        assert [service for service, _ in flow.calls] == ["customer.update"]
        assert flow.sandbox.sent == []


def test_a_customer_the_rules_say_nothing_about_is_not_even_read() -> None:
    with shop(GOLD) as flow:
        flow.trigger("customer.created")
        asked = len(flow.sandbox.calls)

        flow.trigger("customer.updated", phone="1")

        assert len(flow.sandbox.calls) == asked
        assert {reason for _, _, _, reason in flow.runs} == {"no_rule_holds"}


def test_two_systems_that_undo_each_other_stop_after_three_writes_in_an_hour() -> None:
    with shop({"name": "always", "changed": ["phone"], "write": {"comment": "ours"}}) as flow:
        customer = flow.trigger("customer.created")["customer_id"]

        for number in range(6):
            flow.sandbox.account.customers[customer]["COMMENT"] = "theirs"
            flow.trigger("customer.updated", customer_id=customer, phone=str(number))
        stopped = len(flow.calls)
        flow.advance(minutes=61)
        flow.trigger("customer.updated", customer_id=customer, phone="later")

        assert stopped == 3
        assert flow.told == [("alert", "write_loop")]
        assert len(flow.calls) == 4


def test_who_was_changed_between_read_and_write_is_not_written() -> None:
    planned = Written(source="shop", id="1", run_id="r", last_update="2026-11-20 10:00:00")

    assert unchanged(CustomerDoc(source="shop", id="1", last_update="2026-11-20 10:00:01"), planned) == "customer_changed"
    assert unchanged(CustomerDoc(source="shop", id="1", last_update="2026-11-20 10:00:00"), planned) is None


def test_in_mode_observe_nothing_is_written() -> None:
    with Flow(follow_rules, policy={"rules": [GOLD]}, mode="observe") as flow:
        customer = flow.trigger("customer.created", **{"x_attributes.plan": "gold"})["customer_id"]
        flow.trigger("customer.updated", customer_id=customer, phone="2")

        assert flow.calls == []
