"""The policy: its careful defaults, and errors that name the field and the reason."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from tests.workflows.dunning.cases import DE, L0, SE
from workflows.dunning.policy import DunningPolicy


def refusal(**said: Any) -> str:
    """What a policy with these settings is told."""
    with pytest.raises(ValidationError) as refused:
        DunningPolicy.model_validate(said)
    return str(refused.value)


def test_as_installed_it_is_the_careful_one_of_the_specification() -> None:
    policy = DunningPolicy()

    assert (policy.ladder_in("Europe/Berlin"), policy.ladder_in("Europe/Stockholm")) == (DE, SE)
    assert (policy.min_days_between, policy.release_grace_days, policy.pause_days_max) == (6, 3, 60)
    assert (policy.extend_days, policy.extend_from_share) == (7, Decimal("0.50"))
    assert (policy.least("EUR"), policy.least("SEK"), policy.least("NOK")) == (Decimal("5.00"), Decimal("50.00"), Decimal("0.01"))
    assert (policy.sync_fresh_hours, policy.bank_fresh_working_days, policy.daily_cap, policy.rate_alert_days) == (24, 3, 50, 14)
    assert (policy.approve_above, policy.approve_first_notice, policy.approve_consumer_fees) == (Decimal("5000.00"), True, True)
    assert (policy.reminder_fee_agreed, policy.invoice_has_30day_notice, policy.i_know_this_is_risky) == (False, False, False)
    assert (policy.transport, policy.grouping, policy.unpaid_claims, policy.day_count) == (
        "provider_email", "customer", "waive", "actual/actual",
    )  # fmt: skip
    assert (policy.dun_undisputed_part, policy.exclude, policy.post_days) == (False, ("dunning=off",), 3)


def test_a_policy_survives_the_journal() -> None:
    policy = DunningPolicy.model_validate({"levels": {"L0": {"grace_days": 9}, "L2": {"fee_consumer": "2.50"}}, "flat_sum": "20.00"})

    assert DunningPolicy.model_validate(policy.model_dump(mode="json")) == policy


def test_what_it_says_replaces_the_ladders_own() -> None:
    said = {
        "levels": {"L0": {"grace_days": 9}},
        "flat_sum": "20",
        "margin_business": "7",
        "default_basis": ["contract_date"],
        "end_grace_days": 8,
    }

    ladder = DunningPolicy.model_validate(said | {"country": "DE"}).ladder_in("Europe/Vienna")

    assert (ladder.steps[0].grace_days, ladder.steps[1], str(ladder.flat_sum)) == (9, DE.steps[1], "20")
    assert (ladder.margin("business"), ladder.margin("consumer"), ladder.default_basis, ladder.end_grace_days) == (
        7,
        5,
        ("contract_date",),
        8,
    )


def test_a_zone_without_a_ladder_asks_for_the_country() -> None:
    with pytest.raises(ValueError, match='the zone Europe/Vienna names no ladder: write country = "DE" or "SE"'):
        DunningPolicy().ladder_in("Europe/Vienna")


def test_the_working_days_are_those_of_country_region_and_sender() -> None:
    days = DunningPolicy(country="DE", holiday_region="BY", closed_days=("12-24",)).days_in("Europe/Berlin")

    assert (days.is_open(date(2027, 1, 6)), days.is_open(date(2026, 12, 24)), days.is_working(date(2026, 12, 24))) == (False, False, True)
    assert DunningPolicy().days_in("Europe/Stockholm").country == "SE"


def test_what_it_says_of_all_invoices_is_part_of_every_ground() -> None:
    policy = DunningPolicy(invoice_has_30day_notice=True, invoice_mentions_interest=True, post_days=4)
    due, received = date(2026, 3, 16), date(2026, 3, 2)

    german = policy.ground(DE, debtor="consumer", due_on=due, received_on=received, notices=[L0], date_was_agreed=True)
    swedish = DunningPolicy().ground(SE, debtor="business", due_on=due, received_on=None)

    assert (german.thirty_day_note, german.interest_note, german.post_days, german.formal_level) == (True, True, 4, 1)
    assert (german.debtor, german.due_on, german.received_on, german.notices, german.date_was_agreed) == (
        "consumer",
        due,
        received,
        (L0,),
        True,
    )
    assert (swedish.thirty_day_note, swedish.interest_note, swedish.post_days, swedish.formal_level) == (False, False, 3, 0)
    assert (swedish.notices, swedish.date_was_agreed) == ((), False)


def test_a_german_minimum_of_another_currency_is_the_operators_to_add() -> None:
    assert DunningPolicy.model_validate({"minimum": {"CHF": "10.00"}}).least("CHF") == Decimal("10.00")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"levels": {"L4": {"grace_days": 1}}}, "levels.L4: there is no such level, only L0, L1, L2, L3, S0, S1"),
        ({"country": "DE", "levels": {"S0": {"grace_days": 1}}}, "levels.S0: there is no such level, only L0, L1, L2, L3"),
        ({"levels": {"S1": {"deadline_days": 7}}}, "levels.S1.deadline_days is 7: the law asks for 8 or more"),
        ({"levels": {"S0": {"fee_consumer": "70"}}}, "a fee above 60.00 is not allowed by law"),
        ({"levels": {"S1": {"approval": False}}}, "this step is never sent without a person's approval"),
        ({"levels": {"L1": {"fee_consumer": "5.00"}}}, "levels.L1.fee_consumer is 5.00: courts refuse consumer fees above 2.50"),
        ({"levels": {"L1": {"fee_business": 2.5}}}, 'write it in quotes, "2.50"'),
        ({"levels": {"L1": {"grace_days": -1}}}, "greater than or equal to 0"),
        ({"levels": {"L1": {"deadline_days": 0}}}, "greater than or equal to 1"),
        ({"levels": {"L1": {"grace": 1}}}, "Extra inputs are not permitted"),
        ({"country": "AT"}, 'country = "AT": there are ladders for DE, SE; "auto" takes the account'),
        ({"holiday_region": "BY"}, 'holiday_region needs its country: write country = "DE" beside it'),
        ({"country": "DE", "holiday_region": "Bayern"}, '"DE" has no region "Bayern"'),
        ({"closed_days": ["24.12."]}, 'a day of the year is written "12-24"'),
        ({"send_window": "17:00-09:00"}, "would never open"),
        ({"plan_fee": "171"}, "plan_fee is 171: the law of SE gives 170.00; write that or less"),
        ({"country": "DE", "flat_sum": "41"}, "flat_sum is 41: the law of DE gives 40.00; write that or less"),
        (
            {"country": "DE", "margin_business": "10"},
            "margin_business is 10: the law of DE gives 9; write the rate that was agreed as agreed_rate",
        ),
        ({"country": "DE", "margin_consumer": "9"}, "margin_consumer is 9: the law of DE gives 5"),
        (
            {"margin_business": "9"},
            "the law of SE gives 8; write the rate that was agreed as agreed_rate, or name the country it is meant for",
        ),
        ({"default_basis": []}, "with no basis nobody is ever in default"),
        ({"default_basis": ["due_date"]}, "'contract_date', 'first_formal_notice'"),
        ({"exclude": ["=off"]}, "means nobody"),
        ({"exclude": [""]}, "means nobody"),
        ({"agreed_date": ["=yes"]}, "means nobody"),
        ({"agreed_rate_attribute": " "}, "write the name of the X_ATTRIBUTE alone"),
        ({"agreed_rate_attribute": "rate=9"}, "write the name of the X_ATTRIBUTE alone"),
        ({"minimum": {"EUR": 5.0}}, 'write it in quotes, "5.00"'),
        ({"payment_types": {"1": "always"}}, "'dun', 'reminder_only', 'after_failed_collection' or 'never'"),
        ({"pause_days_max": 61}, "less than or equal to 60"),
        ({"extend_from_share": "1.5"}, "less than or equal to 1"),
        ({"min_days_between": 0}, "greater than or equal to 1"),
        ({"day_count": "30/360"}, "'actual/actual' or 'actual/365'"),
        ({"mode": "auto"}, "Extra inputs are not permitted"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_with_the_reason(said: dict[str, Any], why: str) -> None:
    assert why in refusal(**said)


def test_a_risky_consumer_fee_needs_a_word_that_it_is_meant() -> None:
    risky = {"levels": {"L1": {"fee_consumer": "5.00"}}, "i_know_this_is_risky": True}

    assert str(DunningPolicy.model_validate(risky).ladder_in("Europe/Berlin").steps[1].fee("consumer")) == "5.00"
    assert DunningPolicy.model_validate({"levels": {"L1": {"fee_consumer": "2.50", "fee_business": "20"}}})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"minimum": {"eur": "5.00"}}, '"eur" is no currency'),
        ({"payment_types": {"transfer": "dun"}}, '"transfer" is no PAYMENT_TYPE'),
        ({"rates": {"FR": {"2026-01-01": "1.27"}}}, "rates.FR: no ladder asks for it"),
        ({"agreed_rate": "900"}, "agreed_rate"),
        ({"extend_from_share": "0"}, "greater than 0"),
        ({"closed_days": [f"12-{day:02}" for day in range(1, 32)] + ["01-01"]}, "more than 31 days in a row"),
    ],
)
def test_what_could_be_read_and_would_mean_nothing_is_refused(said: dict[str, Any], why: str) -> None:
    assert why in refusal(**said)


def test_a_month_of_holidays_is_allowed_and_a_minimum_that_is_left_out_keeps_its_default() -> None:
    policy = DunningPolicy.model_validate({"closed_days": [f"12-{day:02}" for day in range(1, 32)], "minimum": {"EUR": "9.00"}})

    assert (policy.least("EUR"), policy.least("SEK")) == (Decimal("9.00"), Decimal("50.00"))
