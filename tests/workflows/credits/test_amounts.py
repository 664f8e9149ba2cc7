"""How much a top-up is: to the cent, never above a limit, never another amount than the one that was reasoned."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.credits.amounts import is_low, mark_passed, top_up, wanted
from workflows.credits.policy import CreditsPolicy
from workflows.credits.proof import proof_of, unexplained

CASES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "11.90", "88.10"),
    ({}, "-5.00", "105.00"),
    ({"round_up_to": "5.00"}, "11.90", "90.00"),
    ({"max_single": "60.00"}, "11.90", "60.00"),
    ({"target": "30.00"}, "19.99", "10.01"),
    ({"target": "30.00", "min_single": "10.00"}, "20.00", "10.00"),
    ({"method": "fixed"}, "19.99", "50.00"),
    ({"method": "fixed"}, "-30.00", "50.00"),
    ({"method": "fixed"}, "-30.01", "100.00"),
    ({"method": "fixed", "max_single": "120.00"}, "-200.00", "100.00"),
]


@pytest.mark.parametrize("said, balance, charged", CASES)
def test_the_amount_is_to_the_cent(said: dict[str, Any], balance: str, charged: str) -> None:
    assert top_up(CreditsPolicy.model_validate(said), Decimal(balance)).amount == Decimal(charged)


def test_what_is_on_its_way_counts_as_there() -> None:
    assert wanted(CreditsPolicy(), Decimal("11.90"), Decimal("50.00")) == Decimal("38.10")


@pytest.mark.parametrize("balance, low", [("19.99", True), ("20.00", False), ("20.01", False)])
def test_low_is_strictly_below_the_threshold(balance: str, low: bool) -> None:
    assert is_low(CreditsPolicy(), Decimal(balance)) is low


def test_less_than_is_wanted_says_so() -> None:
    plan = top_up(CreditsPolicy(max_single=Decimal("60.00")), Decimal("11.90"))

    assert (plan.amount, plan.wanted, plan.clamped, plan.reason) == (Decimal("60.00"), Decimal("88.10"), True, None)


def test_a_full_month_holds_and_says_what_is_left() -> None:
    plan = top_up(CreditsPolicy(), Decimal("11.90"), used_month=Decimal("450.00"))

    assert (plan.amount, plan.reason, plan.remaining) == (0, "cap_month", Decimal("50.00"))


def test_a_rest_below_the_smallest_top_up_is_not_charged() -> None:
    plan = top_up(CreditsPolicy(cap_behavior="partial"), Decimal("11.90"), used_day=Decimal("190.01"))

    assert (plan.amount, plan.reason) == (0, "cap_day")


money = st.decimals(min_value=Decimal("-300"), max_value=Decimal("300"), places=2)
used = st.decimals(min_value=Decimal(0), max_value=Decimal("600"), places=2)


@settings(max_examples=200, deadline=None)
@given(
    balance=money,
    used_day=used,
    used_month=used,
    said=st.fixed_dictionaries(
        {
            "method": st.sampled_from(["target", "fixed"]),
            "cap_behavior": st.sampled_from(["hold", "partial"]),
            "round_up_to": st.sampled_from([None, "5.00", "7.50"]),
            "max_single": st.sampled_from(["50.00", "99.99", "200.00"]),
        }
    ),
)
def test_no_amount_is_above_a_limit_and_none_is_below_the_smallest(
    balance: Decimal, used_day: Decimal, used_month: Decimal, said: dict[str, Any]
) -> None:
    policy = CreditsPolicy.model_validate(said)

    plan = top_up(policy, balance, used_day=used_day, used_month=used_month)

    assert plan.amount == 0 or policy.min_single <= plan.amount <= policy.max_single
    assert plan.amount == 0 or (used_day + plan.amount <= policy.cap_day and used_month + plan.amount <= policy.cap_month)
    assert (plan.amount == 0) <= (plan.reason is not None)
    assert plan.amount == plan.amount.quantize(Decimal("0.01"))
    assert policy.method == "target" or plan.amount % policy.fixed_amount == 0


@pytest.mark.parametrize(
    "after, proof",
    [
        ("100.00", "confirmed"),
        ("99.99", "confirmed_with_drift"),
        ("11.91", "confirmed_with_drift"),
        ("11.90", "review"),
        ("100.01", "review"),
    ],
)
def test_a_balance_proves_a_top_up_or_a_person_looks(after: str, proof: str) -> None:
    assert proof_of(Decimal("11.90"), Decimal("88.10"), Decimal(after)) == proof


def test_a_balance_above_what_is_known_is_unexplained_and_usage_is_not() -> None:
    assert unexplained(Decimal("10.00"), Decimal("88.10"), Decimal("98.11")) == Decimal("0.01")
    assert unexplained(Decimal("10.00"), Decimal("88.10"), Decimal("40.00")) < 0


@pytest.mark.parametrize(
    ("before", "after", "mark"),
    [
        ("0", "399.99", None),
        ("0", "400.00", 80),
        ("400.00", "449.99", None),
        ("399.99", "450.00", 90),
        ("0", "500.00", 100),
        ("500", "500", None),
    ],
)
def test_a_mark_of_a_cap_is_passed_once_and_the_highest_counts(before: str, after: str, mark: int | None) -> None:
    assert mark_passed(Decimal(before), Decimal(after), Decimal("500.00")) == mark
