"""[policy.credits] is checked as a whole: what could never be charged is refused at load, what is odd is said."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from workflows.credits.policy import CreditsPolicy


def test_the_defaults_are_those_of_the_documentation() -> None:
    policy = CreditsPolicy()

    assert (policy.threshold, policy.target, policy.method) == (Decimal("20.00"), Decimal("100.00"), "target")
    assert (policy.min_single, policy.max_single, policy.cap_day, policy.cap_month) == (10, 200, 200, 500)
    assert (policy.cap_behavior, policy.approval_over, policy.approval_ttl_hours) == ("hold", Decimal("150.00"), 72)
    assert (policy.cooldown_minutes, policy.decline_backoff, policy.grant_on) == (60, ("1h", "4h", "24h"), "payment_confirmed")
    assert policy.warnings == ()


@pytest.mark.parametrize(
    "said, why",
    [
        ({"target": "29.99"}, "target must be at least threshold"),
        ({"max_single": "200.01"}, "max_single may not be above cap_day"),
        ({"cap_day": "501.00"}, "nor cap_day above cap_month"),
        ({"min_single": "0.00"}, "min_single must be above 0"),
        ({"method": "fixed", "fixed_amount": "5.00"}, "fixed_amount must lie between"),
        ({"round_up_to": "0.00"}, "round_up_to must be above 0"),
        ({"decline_backoff": ["soon"]}, 'a pause is written "30m"'),
        ({"threshold": 20.5}, "write amounts as text"),
        ({"threshold": "20.001"}, "decimal"),
        ({"currency": "Euro"}, "pattern"),
        ({"treshold": "20.00"}, "Extra inputs"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        CreditsPolicy.model_validate(said)


@pytest.mark.parametrize(
    "said, why",
    [
        ({"max_single": "70.00", "approval_over": "60.00"}, "one top-up is not enough"),
        ({"approval_over": "200.00"}, "nobody is ever asked"),
        ({"grant_on": "immediate"}, "credited before paying"),
    ],
)
def test_what_is_allowed_and_odd_is_said(said: dict[str, Any], why: str) -> None:
    (warning,) = CreditsPolicy.model_validate(said).warnings

    assert why in warning


def test_only_listed_customers_are_credited_at_once_where_there_is_a_list() -> None:
    policy = CreditsPolicy(grant_on="immediate", immediate_customers=("501",))

    assert (policy.is_immediate("501"), policy.is_immediate("502")) == (True, False)


@pytest.mark.parametrize("text", ["9999999999d", "0h", "4x", "٤h"])
def test_a_pause_that_is_no_span_of_time_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(ValidationError, match='a pause is written "30m", "4h" or "1d"'):
        CreditsPolicy(decline_backoff=(text,))
