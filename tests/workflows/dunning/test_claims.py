"""Claims: who may be charged what, once, and what of it is due."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.dunning.cases import DE, SE
from workers.authoring import Money
from workflows.dunning.amount import exact
from workflows.dunning.claims import Claim, Kind, State, charges, decided, due, given_up, in_state, plan_fee, revived, when_settled
from workflows.dunning.default import Default
from workflows.dunning.ladder import Ladder, StepChange

SENT = date(2026, 4, 21)
IN_DEFAULT = Default(basis="first_formal_notice", from_on=date(2026, 4, 8))
FEES = DE.changed({f"L{n}": StepChange(fee_business=exact("15.00"), fee_consumer=exact("2.50")) for n in range(4)})


def claim(level: int, kind: Kind, amount: str, state: State = "open", currency: str = "EUR") -> Claim:
    return Claim(level=level, kind=kind, amount=Money(exact(amount), currency), state=state)


def added(ladder: Ladder, level: int, debtor: str = "business", **said: Any) -> list[tuple[str, str]]:
    asked = {"currency": ladder.currency, "default": IN_DEFAULT, "sent_on": SENT, "fee_agreed": True} | said
    return [(one.kind, str(one.amount)) for one in charges(ladder, level, debtor=debtor, **asked)]  # type: ignore[arg-type]


def owed(*claims: Claim, currency: str = "EUR") -> tuple[str, str, str]:
    found = due(claims, currency)
    return tuple(str(one.amount) for one in (found.interest, found.flat_sum, found.fee))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("ladder", "level", "debtor", "said", "expected"),
    [
        (DE, 0, "business", {}, []),
        (DE, 1, "business", {}, []),
        (DE, 2, "business", {}, [("flat_sum", "40.00 EUR")]),
        (DE, 2, "consumer", {}, []),
        (DE, 2, "business", {"default": None}, []),
        (DE, 2, "business", {"default": Default(basis="thirty_days", from_on=date(2026, 4, 22))}, []),
        (DE, 2, "business", {"default": Default(basis="thirty_days", from_on=SENT)}, [("flat_sum", "40.00 EUR")]),
        (DE, 2, "business", {"currency": "SEK"}, []),
        (DE, 2, "business", {"earlier": [claim(2, "flat_sum", "40.00")]}, []),
        (DE, 3, "business", {"earlier": [claim(2, "flat_sum", "40.00", "waived")]}, []),
        (DE, 2, "business", {"earlier": [claim(2, "flat_sum", "40.00", "void")]}, [("flat_sum", "40.00 EUR")]),
        (DE, 3, "business", {}, [("flat_sum", "40.00 EUR")]),
        (FEES, 2, "consumer", {}, [("fee", "2.50 EUR")]),
        (FEES, 1, "consumer", {"default": Default(basis="first_formal_notice", from_on=date(2026, 4, 22))}, []),
        (FEES, 1, "consumer", {"default": None}, []),
        (FEES, 2, "consumer", {"earlier": [claim(2, "fee", "2.50")]}, []),
        (FEES, 2, "consumer", {"earlier": [claim(1, "fee", "2.50")]}, [("fee", "2.50 EUR")]),
        (FEES, 2, "business", {}, [("flat_sum", "40.00 EUR"), ("fee", "15.00 EUR")]),
        (SE, 0, "consumer", {}, [("fee", "60.00 SEK")]),
        (SE, 0, "consumer", {"fee_agreed": False}, []),
        (SE, 0, "consumer", {"default": None}, [("fee", "60.00 SEK")]),
        (SE, 1, "consumer", {"fee_agreed": False}, [("fee", "180.00 SEK")]),
        (SE, 1, "business", {}, [("flat_sum", "450.00 SEK")]),
        (SE, 1, "consumer", {"currency": "EUR"}, []),
    ],
)
def test_each_is_charged_what_the_law_and_the_ladder_give(
    ladder: Ladder, level: int, debtor: str, said: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert added(ladder, level, debtor, **said) == expected


def test_a_flat_sum_of_zero_is_no_claim() -> None:
    none = DE.model_copy(update={"flat_sum": exact("0.00")})

    assert added(none, 2) == []


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ([], ("0.00", "0.00", "0.00")),
        ([claim(2, "interest", "4.69"), claim(2, "flat_sum", "40.00")], ("4.69", "40.00", "0.00")),
        ([claim(2, "interest", "4.69"), claim(3, "interest", "10.38")], ("10.38", "0.00", "0.00")),
        ([claim(2, "interest", "4.69", "paid"), claim(3, "interest", "10.38")], ("5.69", "0.00", "0.00")),
        ([claim(2, "interest", "4.69", "waived"), claim(3, "interest", "10.38")], ("5.69", "0.00", "0.00")),
        ([claim(1, "interest", "2.00", "waived"), claim(2, "interest", "4.69", "waived"), claim(3, "interest", "10.38")],
         ("5.69", "0.00", "0.00")),
        ([claim(2, "interest", "4.69", "void"), claim(3, "interest", "10.38")], ("10.38", "0.00", "0.00")),
        ([claim(2, "interest", "9.00", "paid"), claim(3, "interest", "8.00")], ("0.00", "0.00", "0.00")),
        ([claim(1, "fee", "2.50"), claim(2, "fee", "2.50")], ("0.00", "0.00", "5.00")),
        ([claim(1, "fee", "15.00"), claim(2, "flat_sum", "40.00"), claim(2, "fee", "15.00")], ("0.00", "40.00", "0.00")),
        ([claim(1, "fee", "25.00"), claim(2, "flat_sum", "40.00"), claim(2, "fee", "25.00")], ("0.00", "40.00", "10.00")),
        ([claim(2, "flat_sum", "40.00", "paid"), claim(3, "fee", "15.00")], ("0.00", "0.00", "0.00")),
        ([claim(2, "flat_sum", "40.00", "paid"), claim(3, "fee", "45.00")], ("0.00", "0.00", "5.00")),
        ([claim(1, "fee", "15.00", "paid"), claim(2, "flat_sum", "40.00")], ("0.00", "25.00", "0.00")),
        ([claim(0, "fee", "60.00"), claim(0, "plan_fee", "170.00")], ("0.00", "0.00", "230.00")),
        ([claim(0, "plan_fee", "170.00"), claim(1, "flat_sum", "450.00")], ("0.00", "450.00", "0.00")),
        ([claim(0, "fee", "60.00"), claim(0, "plan_fee", "170.00", "paid")], ("0.00", "0.00", "60.00")),
        ([claim(2, "flat_sum", "40.00", "waived"), claim(3, "fee", "15.00")], ("0.00", "0.00", "15.00")),
        ([claim(2, "flat_sum", "40.00", "void"), claim(2, "interest", "4.69", "void")], ("0.00", "0.00", "0.00")),
    ],
)  # fmt: skip
def test_flat_sum_and_fees_are_never_added_and_interest_is_that_of_the_latest_notice(
    claims: list[Claim], expected: tuple[str, ...]
) -> None:
    assert owed(*claims) == expected


def test_a_swedish_business_owes_the_flat_sum_in_place_of_the_reminder_fee() -> None:
    claims = [claim(0, "fee", "60.00", currency="SEK"), claim(1, "flat_sum", "450.00", currency="SEK")]

    assert owed(*claims, currency="SEK") == ("0.00", "450.00", "0.00")


def test_a_plan_costs_its_fee_once_in_the_ladders_currency_and_where_the_law_gives_one() -> None:
    first = plan_fee(SE, 0, currency="SEK")

    assert [(one.level, one.kind, str(one.amount)) for one in first] == [(0, "plan_fee", "170.00 SEK")]
    assert plan_fee(SE, 1, currency="SEK", earlier=in_state(first, "waived")) == ()
    assert (plan_fee(SE, 0, currency="EUR"), plan_fee(DE, 0, currency="EUR")) == ((), ())
    assert plan_fee(SE.model_copy(update={"plan_fee": exact("0.00")}), 0, currency="SEK") == ()


def test_a_plans_fee_is_not_waived_with_the_notice_of_its_level() -> None:
    claims = [claim(0, "fee", "60.00"), claim(0, "plan_fee", "170.00")]

    assert [one.state for one in in_state(claims, "waived", level=0)] == ["waived", "open"]
    assert [one.state for one in in_state(claims, "void")] == ["void", "void"]


def test_claims_are_waived_or_kept_for_a_person_once_the_principal_is_paid() -> None:
    claims = [claim(2, "interest", "4.69"), claim(2, "flat_sum", "40.00", "paid")]

    assert [one.state for one in when_settled(claims, ask=False)] == ["waived", "paid"]
    assert [one.state for one in when_settled(claims, ask=True)] == ["open", "paid"]


def test_paid_interest_is_that_of_the_latest_notice_and_holds_the_earlier_ones() -> None:
    claims = [claim(2, "interest", "4.69"), claim(3, "interest", "10.38"), claim(2, "flat_sum", "40.00"), claim(1, "fee", "2.50", "waived")]

    paid = decided(claims, "paid")

    assert [one.state for one in paid] == ["void", "paid", "paid", "waived"]
    assert owed(*paid, claim(4, "interest", "12.00")) == ("1.62", "0.00", "0.00")


def test_what_a_person_says_of_one_kind_leaves_the_others_open() -> None:
    claims = [claim(2, "interest", "4.69"), claim(3, "interest", "10.38"), claim(2, "flat_sum", "40.00")]

    assert [one.state for one in decided(claims, "waived", kind="interest")] == ["waived", "waived", "open"]
    assert [one.state for one in decided(claims, "paid", kind="flat_sum")] == ["open", "open", "paid"]


def test_interest_that_was_paid_before_is_within_what_is_paid_later() -> None:
    claims = [claim(2, "interest", "4.69", "paid"), claim(3, "interest", "10.38")]

    assert [one.state for one in decided(claims, "paid")] == ["void", "paid"]


def test_a_crossed_notice_waives_its_own_claims_and_a_cancellation_voids_all() -> None:
    claims = [claim(1, "fee", "2.50"), claim(2, "interest", "4.69"), claim(2, "flat_sum", "40.00")]

    assert [one.state for one in in_state(claims, "waived", level=2)] == ["open", "waived", "waived"]
    assert [one.state for one in in_state(claims, "void")] == ["void", "void", "void"]


@given(
    st.lists(
        st.builds(
            claim,
            st.integers(0, 3),
            st.sampled_from(["interest", "flat_sum", "fee"]),
            st.decimals(0, 100, places=2).map(str),
            st.sampled_from(["open", "paid", "waived", "void"]),
        ),
        max_size=8,
    )
)
def test_what_is_due_is_never_negative_and_never_more_than_what_is_open(claims: list[Claim]) -> None:
    found = due(claims, "EUR")

    assert min(found.interest.amount, found.flat_sum.amount, found.fee.amount) >= 0
    for kind, amount in (("interest", found.interest), ("flat_sum", found.flat_sum), ("fee", found.fee)):
        assert amount.amount <= sum(one.amount.amount for one in claims if one.kind == kind and one.state == "open")
    assert found.total == found.interest + found.flat_sum + found.fee


def test_a_payment_that_comes_back_revives_what_was_given_up_for_it_and_nothing_a_person_settled() -> None:
    by_person = (claim(2, "flat_sum", "40.00", "waived"), claim(1, "fee", "2.50", "paid"), claim(1, "interest", "1.00", "void"))
    claims = (claim(2, "interest", "4.69"), *by_person)

    settled = when_settled(claims, ask=False)

    assert [one.state for one in settled] == ["waived", "waived", "paid", "void"]
    assert revived(settled) == claims


def test_a_claim_a_person_waives_after_it_revived_is_not_revived_again() -> None:
    again = decided(revived(given_up([claim(2, "flat_sum", "40.00")])), "waived")

    assert revived(again) == again == (claim(2, "flat_sum", "40.00", "waived"),)
