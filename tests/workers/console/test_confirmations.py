"""The word that confirms: for what was shown, to who was shown it, once, for a quarter of an hour."""

import pytest

from workers.console.confirmations import LIFE_S, Confirmations
from workers.errors import StateConflict

SHOWN = {"effect": "1a", "amount": "119.00 EUR"}


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def words(clock: Clock) -> Confirmations:
    return Confirmations(clock=clock)


def test_a_word_confirms_what_was_shown_and_nothing_else(words: Confirmations) -> None:
    word = words.made("anna", SHOWN)

    assert words.number(word, "anna", SHOWN) == word.partition(".")[0]
    for who, shown in (("anna", {**SHOWN, "amount": "120.00 EUR"}), ("ben", SHOWN)):
        with pytest.raises(StateConflict, match="look again"):
            words.number(word, who, shown)


def test_a_word_ends_and_its_end_is_part_of_it(words: Confirmations, clock: Clock) -> None:
    word = words.made("anna", SHOWN)
    number, ends, mac = word.split(".")

    clock.now_s += LIFE_S + 1

    for late in (word, f"{number}.{int(ends) + 9_000}.{mac}"):
        with pytest.raises(StateConflict, match="look again"):
            words.number(late, "anna", SHOWN)


@pytest.mark.parametrize("word", ["", "a", "a.b", "a.1.c", "..", "a.99999999999999999999.c", "a.9999.é", "a.٩٩٩٩.c", "\ud800.9999.\ud800"])
def test_what_is_no_word_confirms_nothing(words: Confirmations, word: str) -> None:
    with pytest.raises(StateConflict):
        words.number(word, "anna", SHOWN)


def test_another_console_takes_no_word_of_ours(words: Confirmations, clock: Clock) -> None:
    with pytest.raises(StateConflict):
        Confirmations(clock=clock).number(words.made("anna", SHOWN), "anna", SHOWN)


def test_an_act_is_done_once_and_answered_each_time(words: Confirmations, clock: Clock) -> None:
    word, done = words.made("anna", SHOWN), []

    def carry() -> dict[str, int]:
        done.append(1)
        return {"count": len(done)}

    answers = [words.once(word, "anna", carry) for _ in range(3)]

    assert answers == [{"count": 1}] * 3 and len(done) == 1
    assert words.answered(word, "anna") == {"count": 1} and words.answered(word, "ben") is None
    clock.now_s += LIFE_S
    assert words.answered(word, "anna") is None


def test_while_it_is_done_it_is_not_done_again(words: Confirmations) -> None:
    word = words.made("anna", SHOWN)

    def carry() -> dict[str, int]:
        with pytest.raises(StateConflict, match="is being carried out"):
            words.once(word, "anna", dict)
        return {"count": 1}

    assert words.once(word, "anna", carry) == {"count": 1}


def test_what_went_wrong_may_be_tried_again(words: Confirmations) -> None:
    word = words.made("anna", SHOWN)

    def fail() -> dict[str, int]:
        raise StateConflict("somebody was quicker")

    with pytest.raises(StateConflict, match="quicker"):
        words.once(word, "anna", fail)

    assert words.once(word, "anna", lambda: {"count": 1}) == {"count": 1}
