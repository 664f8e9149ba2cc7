"""Who sends wrong API tokens waits, and who sends a right one does not."""

from datetime import UTC, datetime

import pytest

from tests.workers.console.conftest import House
from tests.workers.console.test_confirmations import Clock
from workers.console import tokens
from workers.console.web.guesses import RIGHT_S, Guesses

WRONG, RIGHT = ["Bearer bhk_wrong"], ["Bearer bhk_right"]
PEER = "10.0.0.7"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guesses(clock: Clock) -> Guesses:
    return Guesses(now_s=clock)


def test_each_wrong_token_makes_its_address_wait_longer(guesses: Guesses, clock: Clock) -> None:
    waits = []
    for _ in range(6):
        guesses.wrong(WRONG, PEER)
        waits.append(guesses.wait_s(WRONG, PEER))

    assert waits == [0, 0, 2, 3, 5, 9]
    assert guesses.wait_s(WRONG, "10.0.0.8") == 0
    clock.now_s += 9
    assert guesses.wait_s(WRONG, PEER) == 0


def test_a_token_that_was_right_is_not_held_up_by_its_neighbours(guesses: Guesses, clock: Clock) -> None:
    guesses.right(RIGHT)
    for _ in range(20):
        guesses.wrong(WRONG, PEER)

    assert guesses.wait_s(RIGHT, PEER) == 0 < guesses.wait_s(WRONG, PEER)
    clock.now_s += RIGHT_S
    guesses.wrong(WRONG, PEER)
    assert guesses.wait_s(RIGHT, PEER) > 0


def test_a_token_that_was_right_and_is_wrong_now_waits_like_others(guesses: Guesses) -> None:
    guesses.right(RIGHT)
    for _ in range(5):
        guesses.wrong(RIGHT, PEER)

    assert guesses.wait_s(RIGHT, PEER) > 0


def test_guessing_is_answered_with_how_long_to_wait_and_a_right_token_goes_on(people: House) -> None:
    token, browser = people.new_token(), people.browser(PEER)
    assert browser.get("/api/pauses", Authorization=f"Bearer {token}").status_code == 200

    answers = [browser.get("/api/pauses", Authorization=f"Bearer bhk_{number}") for number in range(5)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1 and "wait" in answers[-1].json()["error"]
    assert browser.get("/api/pauses", Authorization=f"Bearer {token}").status_code == 200
    assert people.browser("10.0.0.8").get("/api/pauses", Authorization="Bearer bhk_x").status_code == 401


def test_a_guess_is_not_looked_up_while_its_address_waits(people: House) -> None:
    browser = people.browser(PEER)
    for number in range(3):
        browser.get("/runs", Authorization=f"Bearer bhk_{number}")

    never_seen = people.new_token()

    assert browser.get("/runs", Authorization=f"Bearer {never_seen}").status_code == 429


def test_a_revoked_token_ends_at_once_however_right_it_was(people: House) -> None:
    token, browser = people.new_token(), people.browser(PEER)
    assert browser.get("/runs", Authorization=f"Bearer {token}").status_code == 200

    people.store.write(lambda c: tokens.revoke(c, "program", at=datetime.now(UTC), actor="test"))

    assert browser.get("/runs", Authorization=f"Bearer {token}").status_code == 401
