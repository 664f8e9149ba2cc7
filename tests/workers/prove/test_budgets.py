"""Budgets: a count that does not fit what is held, and a part held by nobody who may, are named."""

import pytest

from receiver.db import Database
from tests.workers.letters import mail
from tests.workers.prove.stories import change, found, only, remove
from workers.budgets import BudgetRow, ReservationRow
from workers.ledger import EffectRow
from workers.testing.flow import Flow


@pytest.fixture
def sent(database: Database) -> str:
    """The id of an effect that took one of the day's cap."""
    with Flow(mail, database=database) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        return str(only(flow, EffectRow)["id"])


def said(database: Database) -> list[tuple[str, str]]:
    return [(subject, what) for _, subject, what in found(database)]


def test_what_is_held_and_counted_alike_is_fine(database: Database, sent: str) -> None:
    assert said(database) == []


def test_a_count_that_was_changed_is_named(database: Database, sent: str) -> None:
    change(database, BudgetRow, used=99)

    ((subject, what),) = said(database)
    assert subject.startswith("budget:shop/t-mail/")
    assert what == "it counts 99 as used, its effects hold 1"


def test_a_reservation_that_is_gone_is_named(database: Database, sent: str) -> None:
    remove(database, ReservationRow)

    assert [what for _, what in said(database)] == ["it counts 1 as used, its effects hold 0"]


def test_a_part_held_by_an_effect_that_came_to_nothing_is_named(database: Database, sent: str) -> None:
    change(database, EffectRow, state="cancelled")

    assert (f"effect:{sent}", "it is cancelled, but holds a part of a budget") in said(database)


def test_a_part_held_by_an_effect_that_is_not_there_is_named(database: Database, sent: str) -> None:
    remove(database, EffectRow)

    assert (f"effect:{sent}", "it holds a part of a budget, but there is no such effect") in said(database)
