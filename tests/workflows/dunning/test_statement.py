"""Statements: the figures of the acceptance scenarios, to the cent."""

from datetime import date
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.workflows.dunning.cases import DE, GERMANY, L0, L1, L2, RATES, SE, SWEDEN, day, notice
from workers.authoring import Money
from workflows.dunning.amount import exact
from workflows.dunning.balance import Credit, after_credits
from workflows.dunning.claims import in_state
from workflows.dunning.debtor import Debtor
from workflows.dunning.default import Ground
from workflows.dunning.ladder import StepChange
from workflows.dunning.policy import DunningPolicy
from workflows.dunning.rates import NoRate
from workflows.dunning.statement import Debt, Reckoning, Statement, message_total, reckoning_in, statement

GERMAN = Reckoning(ladder=DE, days=GERMANY, rates=RATES)
SWEDISH = Reckoning(ladder=SE, days=SWEDEN, rates=RATES)


def debt(total: str = "1190.00", debtor: Debtor = "business", notices: Any = (L0, L1), credits: Any = (), **said: Any) -> Debt:
    paid = [Credit(day(on), exact(amount)) for on, amount in credits]
    balances = after_credits(exact(total), paid, since=date(2026, 1, 1))
    known = {"due_on": day("2026-03-16"), "received_on": day("2026-03-02"), "notices": notices, "formal_level": 1} | said.pop("ground", {})
    principal = Money(balances[-1].amount, said.pop("currency", "EUR"))
    return Debt(principal=principal, balances=balances, ground=Ground(debtor=debtor, **known), **said)


def figures(found: Statement) -> tuple[str | None, ...]:
    parts = (found.principal, found.interest, found.flat_sum, found.fee, found.total, found.per_day)
    return tuple(None if part is None else str(part.amount.quantize(exact("0.01"))) for part in parts)


def test_a_business_owes_interest_and_the_flat_sum_from_the_second_notice_on() -> None:
    second = statement(debt(), 2, sent_on=date(2026, 4, 21), by=GERMAN)
    third = statement(debt(notices=(L0, L1, L2), claims=second.new_claims), 3, sent_on=date(2026, 5, 8), by=GERMAN)

    assert second.default is not None
    assert (second.default.basis, second.default.from_on) == ("first_formal_notice", date(2026, 4, 8))
    assert [one.days for one in second.segments] == [14]
    assert figures(second) == ("1190.00", "4.69", "40.00", "0.00", "1234.69", "0.33")
    assert second.deadline_on == date(2026, 5, 4)
    assert [one.days for one in third.segments] == [31]
    assert figures(third) == ("1190.00", "10.38", "40.00", "0.00", "1240.38", "0.33")
    assert [(one.kind, str(one.amount)) for one in third.new_claims] == [("interest", "10.38 EUR")]


@pytest.mark.parametrize("level", [0, 1])
def test_the_first_two_notices_ask_for_the_principal_alone(level: int) -> None:
    found = statement(debt(notices=(L0,)[:level]), level, sent_on=date(2026, 4, 20), by=GERMAN)

    assert figures(found) == ("1190.00", None, "0.00", "0.00", "1190.00", None)
    assert found.new_claims == ()


def test_a_consumer_owes_less_and_no_flat_sum() -> None:
    found = statement(debt("238.00", "consumer"), 2, sent_on=date(2026, 4, 21), by=GERMAN)

    assert [str(one.percent) for one in found.segments] == ["6.27"]
    assert figures(found)[:5] == ("238.00", "0.57", "0.00", "0.00", "238.57")


def test_interest_crosses_the_half_year() -> None:
    agreed = {"due_on": date(2026, 6, 15), "received_on": date(2026, 6, 1), "date_was_agreed": True}

    found = statement(debt("2380.00", notices=(), ground=agreed), 2, sent_on=date(2026, 7, 20), by=GERMAN)

    assert [(one.days, str(one.percent)) for one in found.segments] == [(15, "10.27"), (20, "10.52")]
    assert str(found.interest) == "23.76 EUR"


def test_a_missing_rate_leaves_the_interest_out_and_says_so_and_keeps_the_rest() -> None:
    found = statement(debt(), 2, sent_on=date(2027, 1, 4), by=GERMAN)

    assert figures(found) == ("1190.00", None, "40.00", "0.00", "1230.00", None)
    assert found.no_rate == NoRate("rate_missing", "DE", date(2027, 1, 1))
    assert [one.kind for one in found.new_claims] == ["flat_sum"]


def test_a_part_payment_lowers_principal_and_interest_from_its_credit_day() -> None:
    second = statement(debt(), 2, sent_on=date(2026, 4, 21), by=GERMAN)
    paid = debt(notices=(L0, L1, L2), credits=[("2026-04-28", "500.00")], claims=second.new_claims)

    found = statement(paid, 3, sent_on=date(2026, 5, 8), by=GERMAN)

    assert figures(found)[:5] == ("690.00", "8.83", "40.00", "0.00", "738.83")


def test_after_a_released_dispute_the_interest_ran_on() -> None:
    found = statement(debt(), 2, sent_on=date(2026, 4, 28), by=GERMAN)

    assert [one.days for one in found.segments] == [21]
    assert figures(found)[1:5] == ("7.03", "40.00", "0.00", "1237.03")


def test_two_invoices_in_one_message_keep_their_own_interest_and_flat_sums() -> None:
    first = statement(debt("400.00"), 2, sent_on=date(2026, 4, 21), by=GERMAN)
    other = statement(debt("250.55", notices=(L0,)), 2, sent_on=date(2026, 4, 21), by=GERMAN)

    assert other.default is not None
    assert other.default.from_on == date(2026, 4, 16)
    assert (str(first.interest), str(other.interest)) == ("1.58 EUR", "0.42 EUR")
    assert str(first.flat_sum + other.flat_sum) == "80.00 EUR"
    assert str(message_total([first, other])) == "732.55 EUR"


def test_two_currencies_have_no_common_total() -> None:
    euros = statement(debt(), 2, sent_on=date(2026, 4, 21), by=GERMAN)
    kronor = statement(debt(currency="SEK"), 2, sent_on=date(2026, 4, 21), by=GERMAN)

    assert figures(kronor)[:5] == ("1190.00", "4.69", "0.00", "0.00", "1194.69")
    with pytest.raises(ValueError, match="EUR and SEK"):
        message_total([euros, kronor])


@pytest.mark.parametrize(("fee_agreed", "reminder", "letter"), [(True, "960.23", "1143.19"), (False, "900.23", "1083.19")])
def test_a_swedish_consumer_owes_interest_from_the_agreed_date_and_the_fees(fee_agreed: bool, reminder: str, letter: str) -> None:
    agreed = {"due_on": date(2026, 5, 29), "received_on": date(2026, 5, 4), "formal_level": 0}
    owes = debt("899.00", "consumer", (), currency="SEK", fee_agreed=fee_agreed, ground=agreed)

    first = statement(owes, 0, sent_on=date(2026, 6, 3), by=SWEDISH)
    sent = notice(0, "2026-06-03", "2026-06-11")
    owes = debt("899.00", "consumer", (sent,), currency="SEK", fee_agreed=fee_agreed, ground=agreed, claims=first.new_claims)
    second = statement(owes, 1, sent_on=date(2026, 6, 15), by=SWEDISH)

    assert ([one.days for one in first.segments], str(first.interest), first.deadline_on) == ([5], "1.23 SEK", date(2026, 6, 11))
    assert str(first.total.amount) == reminder
    assert ([one.days for one in second.segments], str(second.interest), second.deadline_on) == ([17], "4.19 SEK", date(2026, 6, 25))
    assert str(second.total.amount) == letter


def test_a_swedish_business_owes_the_flat_sum_once_instead_of_the_fees() -> None:
    agreed = {"due_on": date(2026, 5, 29), "received_on": date(2026, 5, 4), "formal_level": 0}
    first = statement(
        debt("899.00", "business", (), currency="SEK", fee_agreed=True, ground=agreed), 0, sent_on=date(2026, 6, 3), by=SWEDISH
    )
    sent = notice(0, "2026-06-03", "2026-06-11")
    owes = debt("899.00", "business", (sent,), currency="SEK", fee_agreed=True, ground=agreed, claims=first.new_claims)

    second = statement(owes, 1, sent_on=date(2026, 6, 15), by=SWEDISH)

    assert figures(second)[:5] == ("899.00", "4.19", "450.00", "0.00", "1353.19")


def test_nobody_who_is_not_in_default_owes_interest_or_a_flat_sum() -> None:
    unknown = {"received_on": None}

    found = statement(debt(notices=(), ground=unknown), 2, sent_on=date(2026, 4, 21), by=GERMAN)

    assert found.default is None
    assert figures(found) == ("1190.00", "0.00", "0.00", "0.00", "1190.00", "0.00")
    assert found.new_claims == ()


def test_an_agreed_rate_stands_in_place_of_the_laws() -> None:
    found = statement(debt(agreed_percent=exact("3.65")), 2, sent_on=date(2026, 4, 21), by=GERMAN)

    assert (str(found.interest), [str(one.percent) for one in found.segments]) == ("1.67 EUR", ["3.65"])


def test_a_customers_agreed_rate_goes_before_the_policys() -> None:
    by = reckoning_in("Europe/Berlin", DunningPolicy.model_validate({"agreed_rate": "7.30"}), RATES, frozenset())

    assert [str(one.percent) for one in statement(debt(), 2, sent_on=date(2026, 4, 21), by=by).segments] == ["7.30"]
    theirs = debt(agreed_percent=exact("3.65"))
    assert [str(one.percent) for one in statement(theirs, 2, sent_on=date(2026, 4, 21), by=by).segments] == ["3.65"]


def test_a_policy_says_how_its_accounts_reckon() -> None:
    policy = DunningPolicy.model_validate({"day_count": "actual/365", "closed_days": ["12-24"]})

    by = reckoning_in("Europe/Stockholm", policy, RATES, frozenset({"SE 2026-07-01 2.00"}))

    assert (by.ladder, by.days, by.day_count) == (SE, policy.days_in("Europe/Stockholm"), "actual/365")
    assert (by.rates, by.confirmed, by.agreed_percent) == (RATES, frozenset({"SE 2026-07-01 2.00"}), None)


@pytest.mark.parametrize("sent", ["2026-04-21", "2027-01-04"])
def test_a_statement_survives_the_journal(sent: str) -> None:
    kept = TypeAdapter(Statement)
    found = statement(debt(), 2, sent_on=day(sent), by=GERMAN)

    assert kept.validate_json(kept.dump_json(found)) == found


def test_what_was_waived_is_not_asked_for_again() -> None:
    second = statement(debt(), 2, sent_on=date(2026, 4, 21), by=GERMAN)
    waived = in_state(second.new_claims, "waived")

    third = statement(debt(notices=(L0, L1, L2), claims=waived), 3, sent_on=date(2026, 5, 8), by=GERMAN)

    assert figures(third)[:5] == ("1190.00", "5.69", "0.00", "0.00", "1195.69")


def test_a_fee_of_an_earlier_notice_stays_in_a_statement_without_interest() -> None:
    ladder = DE.changed({"L0": StepChange(fee_consumer=exact("1.00")), "L1": StepChange(fee_consumer=exact("1.00"))})
    by = Reckoning(ladder=ladder, days=GERMANY, rates=RATES)
    agreed = {"date_was_agreed": True}

    first = statement(debt("100.00", "consumer", (), ground=agreed), 0, sent_on=date(2026, 3, 23), by=by)
    second = statement(debt("100.00", "consumer", (L0,), ground=agreed, claims=first.new_claims), 1, sent_on=date(2026, 4, 7), by=by)

    assert (str(first.total), str(second.total)) == ("101.00 EUR", "102.00 EUR")
