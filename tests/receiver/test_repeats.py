"""Telling what repeats: at once, then once a minute, and nothing is lost from the count."""

import pytest

from receiver.repeats import EVERY_S, Repeats


class Hands:
    """A clock moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def repeats(clock: Hands) -> Repeats[str]:
    return Repeats(clock=clock)


def test_the_first_of_each_kind_is_told_at_once_and_the_rest_of_its_minute_together(repeats: Repeats[str], clock: Hands) -> None:
    first = [repeats.due("a"), repeats.due("a"), repeats.due("b"), repeats.due("a")]
    clock.now += EVERY_S

    assert first == [1, 0, 1, 0]
    assert repeats.due("a") == 3
    assert repeats.due("a") == 0


def test_what_nobody_was_told_of_is_overdue_after_its_minute_and_then_forgotten(repeats: Repeats[str], clock: Hands) -> None:
    for kind in ("a", "a", "a", "b"):
        repeats.due(kind)
    early = repeats.overdue()
    clock.now += EVERY_S

    assert early == []
    assert repeats.overdue() == [("a", 2)]
    assert repeats.overdue() == []
    clock.now += EVERY_S
    assert repeats.overdue() == []
    assert (repeats.due("a"), repeats.due("b")) == (1, 1)


def test_what_is_over_says_how_many_were_not_told_and_begins_anew(repeats: Repeats[str]) -> None:
    never = repeats.over()
    for _ in range(3):
        repeats.due("a")

    assert (never, repeats.over(), repeats.over()) == (-1, 2, -1)
    assert repeats.due("a") == 1
