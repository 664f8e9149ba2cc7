"""A worker may be lost at any instant: no effect happens twice, nothing is lost, and what nobody can know is put before a person."""

from collections.abc import Iterable
from functools import cache

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from tests.flow.crashing import Crashes
from tests.workers.prove.stories import found
from workers.desk import Parked
from workers.journal import JournalRow
from workers.ledger import EffectRow
from workers.testing.flow import Flow

MAIL, PAID = "invoice.sendbyemail", "invoice.setpaid"


@cache
def points() -> list[str]:
    with Crashes([]) as whole:
        whole.tell()
        return whole.passed


def open_items(flow: Flow) -> list[tuple[str, str | None]]:
    table = table_of(Parked)
    return [(r["kind"], r["effect_id"]) for r in flow.rows(sa.select(table).where(table.c.closed_at.is_(None)))]


def examine(crashes: Crashes, where: object) -> None:
    """What holds after any crash; what only a person can know is then said, and the run ends."""
    flow, states = crashes.flow, crashes.states()
    assert found(flow.db) == [], where
    assert crashes.times(MAIL) <= 1, where
    assert crashes.times(PAID) <= 1, where
    if states.get("mail") == "unknown":
        (mail,) = flow.rows(sa.select(table_of(EffectRow).c.id))
        assert open_items(flow) == [("unknown", mail["id"])], where
        flow.order("resolve", mail["id"], did=crashes.times(MAIL) == 1)
        if crashes.times(MAIL) == 0:
            assert crashes.run()["status"] == "skipped", where
            return
        flow.advance(minutes=30)
    assert open_items(flow) == [], where
    assert crashes.states() == {"mail": "done", "pay": "done"}, where
    assert (crashes.times(MAIL), crashes.times(PAID)) == (1, 1), where
    assert crashes.run()["status"] == "done", where
    assert [row["name"] for row in flow.rows(sa.select(table_of(JournalRow)).order_by(table_of(JournalRow).c.id))] == [
        "sleep-1", "invoice", "prepare", "mail", "pay", "stop", "end",
    ], where  # fmt: skip


def test_the_scenario_without_a_crash_passes_every_kind_of_point() -> None:
    assert set(points()) >= {
        "routed", "claimed", "before-journal", "journaled", "intended", "read", "calling", "called", "settled", "suspending", "suspended",
        "finishing", "finished",
    }  # fmt: skip


def test_a_crash_at_any_point_makes_no_effect_happen_twice_and_leaves_nothing_stuck() -> None:
    names = points()

    for number, name in enumerate(names, start=1):
        with Crashes([number]) as crashes:
            crashes.tell()

            examine(crashes, (number, name))


def crash_twice(apart: int, *, first: int, every: int) -> None:
    """Two crashes, `apart` points from each other: the first of them at point `first` and at each `every`-th after it."""
    for number in range(first, len(points()) + 1, every):
        with Crashes([number, number + apart]) as crashes:
            crashes.tell()

            examine(crashes, (number, apart))


@pytest.mark.parametrize("apart", [1, 2, 3])
def test_a_second_crash_soon_after_the_first_changes_nothing_of_that(apart: int) -> None:
    crash_twice(apart, first=apart, every=4)


@pytest.mark.slow
@pytest.mark.parametrize("apart", [1, 2, 3])
def test_a_second_crash_soon_after_one_at_any_point_changes_nothing_of_that(apart: int) -> None:
    crash_twice(apart, first=1, every=1)


@pytest.mark.parametrize("fault", ["drop", "error-before"])
def test_a_crash_at_any_point_beside_a_lost_answer_makes_no_effect_happen_twice(fault: str) -> None:
    crash_beside(fault, every=5)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["drop", "error-before"])
def test_a_crash_at_every_point_beside_a_lost_answer_makes_no_effect_happen_twice(fault: str) -> None:
    crash_beside(fault, every=1)


def crash_beside(fault: str, *, every: int) -> None:
    for number in range(1, len(points()) + 4, every):
        with Crashes([number]) as crashes:
            crashes.flow.sandbox.faults.add(fault, PAID)
            crashes.tell()
            crashes.flow.advance(minutes=60)

            examine(crashes, (number, fault))


def forget_the_call(flow: Flow) -> None:
    """What an engine would do that takes a call under way for one that was never made."""
    table = table_of(EffectRow)
    flow.db.write(lambda c: c.execute(sa.update(table).where(table.c.state == "calling").values(state="intended")))


def sent(at: Iterable[int]) -> tuple[int, set[int]]:
    """How often the e-mail was sent, and the invariants that a proof of the database finds broken."""
    with Crashes(at, repair=forget_the_call) as crashes:
        crashes.tell()
        return crashes.times(MAIL), {invariant for invariant, _, _ in found(crashes.flow.db)}


def test_an_engine_that_forgets_its_calls_is_found_out() -> None:
    called = points().index("called") + 1

    assert sent([called]) == (2, {0, 9})
