"""The journal: an entry of nobody, before the first claim or after the end is named."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.prove.stories import change, found, only, paid, remove, waiting
from workers.claims import LEASE
from workers.journal import JournalRow
from workers.runs import RunRow


def test_entries_of_a_run_that_does_not_exist_are_named(database: Database) -> None:
    with paid(database) as flow:
        id = only(flow, RunRow)["id"]
        remove(database, RunRow)

        assert (4, f"run:{id}", "2 journal entries belong to it, but there is no such run") in found(database)


def test_an_entry_of_a_run_nobody_ever_claimed_is_named(database: Database) -> None:
    with paid(database) as flow:
        change(database, RunRow, fence=0)

        assert found(database) == [(4, f"run:{only(flow, RunRow)['id']}", "it has 2 journal entries, but was never claimed")]


@pytest.mark.parametrize(("late", "invariants"), [(LEASE, []), (LEASE + timedelta(seconds=1), [4])])
def test_an_entry_written_a_lease_after_the_end_is_named(database: Database, late: timedelta, invariants: list[int]) -> None:
    with paid(database) as flow:
        table = table_of(JournalRow)
        change(database, JournalRow, table.c.id == sa.select(sa.func.max(table.c.id)).scalar_subquery(), at=flow.clock.now + late)

        assert [number for number, _, _ in found(database)] == invariants


def test_a_run_that_is_not_over_may_write(database: Database) -> None:
    with waiting(database):
        assert found(database) == []
