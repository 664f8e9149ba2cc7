"""Balances: what was owed on which day, in the debtor's favour where only snapshots are known."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.dunning.cases import day
from workflows.dunning.balance import Balance, Credit, Seen, after_credits, balance_on, from_observations, reduced

DUE = day("2026-03-17")


def steps(*said: tuple[str, str]) -> tuple[Balance, ...]:
    return tuple(Balance(day(on), Decimal(amount)) for on, amount in said)


def seen(*said: tuple[str, str] | tuple[str, str, str]) -> list[Seen]:
    return [Seen(day(one[0]), *(Decimal(text) for text in one[1:])) for one in said]


def test_a_credited_amount_is_gone_from_its_credit_day_on() -> None:
    balances = after_credits(Decimal("1190.00"), [Credit(day("2026-04-28"), Decimal("500.00"))], since=DUE)

    assert balances == steps(("2026-03-17", "1190.00"), ("2026-04-28", "690.00"))
    assert balance_on(balances, day("2026-04-27")) == Decimal("1190.00")
    assert balance_on(balances, day("2026-04-28")) == Decimal("690.00")
    assert balance_on(balances, day("2026-03-16")) == 0


def test_credits_of_one_day_and_out_of_order_add_up() -> None:
    credits = [Credit(day(on), Decimal(amount)) for on, amount in (("2026-05-02", "40"), ("2026-04-01", "100"), ("2026-05-02", "60"))]

    assert after_credits(Decimal(1000), credits, since=DUE) == steps(("2026-03-17", "1000"), ("2026-04-01", "900"), ("2026-05-02", "800"))


def test_a_credit_before_the_first_day_lowers_it_and_one_too_many_leaves_zero() -> None:
    credits = [Credit(day("2026-03-02"), Decimal(400)), Credit(day("2026-04-01"), Decimal(700))]

    assert after_credits(Decimal(1000), credits, since=DUE) == steps(("2026-03-17", "600"), ("2026-04-01", "0"))


def test_money_that_went_back_is_owed_again_from_its_day() -> None:
    credits = [Credit(day("2026-04-01"), Decimal(1000)), Credit(day("2026-04-10"), Decimal(-1000))]

    assert after_credits(Decimal(1000), credits, since=DUE) == steps(("2026-03-17", "1000"), ("2026-04-01", "0"), ("2026-04-10", "1000"))


def test_a_fall_counts_from_the_last_day_that_still_showed_more() -> None:
    history = seen(("2026-04-01", "1190"), ("2026-04-27", "1190"), ("2026-04-30", "690"))

    assert from_observations(history, since=DUE) == steps(("2026-03-17", "1190"), ("2026-04-27", "690"))


def test_a_rise_counts_from_the_first_day_that_shows_it() -> None:
    history = seen(("2026-04-01", "0"), ("2026-04-10", "1190"))

    assert from_observations(history, since=DUE) == steps(("2026-03-17", "0"), ("2026-04-10", "1190"))


def test_a_cancelled_part_was_never_owed() -> None:
    history = seen(("2026-04-01", "1190", "0"), ("2026-04-20", "890", "300"))

    assert from_observations(history, since=DUE) == steps(("2026-03-17", "890"))


def test_a_payment_and_a_cancellation_at_once_are_kept_apart() -> None:
    history = seen(("2026-04-01", "1190", "0"), ("2026-04-20", "690", "300"))

    assert from_observations(history, since=DUE) == steps(("2026-03-17", "890"), ("2026-04-01", "690"))


def test_nothing_observed_is_nothing_owed() -> None:
    assert from_observations([], since=DUE) == ()


def test_an_observation_before_the_first_day_counts_on_it() -> None:
    history = seen(("2026-03-02", "1190"), ("2026-03-10", "690"))

    assert from_observations(history, since=DUE) == steps(("2026-03-17", "690"))


def test_a_part_that_is_not_asked_for_is_taken_off_every_day() -> None:
    balances = steps(("2026-03-17", "1000"), ("2026-04-01", "250"))

    assert reduced(balances, Decimal(300)) == steps(("2026-03-17", "700"), ("2026-04-01", "0"))
    assert reduced(balances, Decimal(1000)) == steps(("2026-03-17", "0"))


@given(
    st.lists(st.tuples(st.integers(0, 60), st.decimals(0, 500, places=2)), max_size=8),
    st.decimals(0, 1000, places=2),
    st.integers(0, 90),
)
def test_what_observations_prove_is_never_more_than_what_the_payments_left(paid: list[tuple[int, Decimal]], owed: Decimal, on: int) -> None:
    start = date(2026, 1, 1)
    credits = [Credit(date.fromordinal(start.toordinal() + n), amount) for n, amount in paid]
    truth = after_credits(owed, credits, since=start)
    looked = [date.fromordinal(start.toordinal() + n) for n in range(0, 91, 7)]
    asked_on = date.fromordinal(start.toordinal() + on)

    proved = from_observations([Seen(look, balance_on(truth, look)) for look in looked], since=start)

    assert balance_on(proved, asked_on) <= balance_on(truth, asked_on)
