"""Balances: what was owed on which day, in the debtor's favour where only snapshots are known."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.dunning.cases import day
from workflows.dunning.balance import Balance, Cancelled, Credit, Seen, after_credits, balance_on, from_observations, reduced, told_apart

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


def cancelled(*said: tuple[str, str], sure: bool = True) -> list[Cancelled]:
    return [Cancelled(day(on), Decimal(amount), sure) for on, amount in said]


def test_a_cancelled_part_is_the_fall_that_holds_it() -> None:
    history = seen(("2026-04-01", "1190"), ("2026-04-10", "1090"), ("2026-04-20", "790"))

    told = told_apart(history, cancelled(("2026-04-19", "300")))

    assert [int(one.cancelled) for one in told] == [0, 0, 300]
    assert from_observations(told, since=DUE) == steps(("2026-03-17", "890"), ("2026-04-01", "790"))


def test_of_two_falls_that_hold_it_the_one_nearest_to_its_day_is_the_cancelled_part() -> None:
    history = seen(("2026-04-01", "1190"), ("2026-04-10", "890"), ("2026-04-20", "590"))

    assert [int(one.cancelled) for one in told_apart(history, cancelled(("2026-04-09", "300")))] == [0, 300, 300]
    assert [int(one.cancelled) for one in told_apart(history, cancelled(("2026-04-20", "300")))] == [0, 0, 300]


def test_a_part_that_was_told_later_than_it_was_seen_is_found_all_the_same() -> None:
    history = seen(("2026-04-01", "1190"), ("2026-04-10", "890"), ("2026-04-20", "890"))

    assert from_observations(told_apart(history, cancelled(("2026-04-20", "300"))), since=DUE) == steps(("2026-03-17", "890"))


def test_two_parts_do_not_share_one_fall_that_holds_only_one() -> None:
    history = seen(("2026-04-01", "1190"), ("2026-04-10", "890"))

    assert [int(one.cancelled) for one in told_apart(history, cancelled(("2026-04-09", "300"), ("2026-04-09", "200")))] == [0, 300]


def test_a_part_that_no_fall_shows_was_gone_before_the_first_look() -> None:
    history = seen(("2026-04-01", "1190"), ("2026-04-10", "1090"))

    assert told_apart(history, cancelled(("2026-03-20", "300"))) == history
    assert told_apart([], cancelled(("2026-03-20", "300"))) == []


def test_a_credit_document_explains_a_fall_of_its_very_amount_on_its_day_only() -> None:
    history = seen(("2026-04-01", "1190"), ("2026-04-10", "890"))

    def explained(on: str, amount: str) -> bool:
        return told_apart(history, cancelled((on, amount), sure=False))[-1].cancelled > 0

    assert explained("2026-04-05", "300")
    assert not explained("2026-04-05", "200")
    assert not explained("2026-03-31", "300")
    assert not explained("2026-04-11", "300")


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
