"""Slots: a flag that does not fit, a second done effect, and a generation that nobody may have opened are named."""

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.prove.stories import change, found, only, paid, remove
from workers.ledger import EffectRow, SlotRow

SLOT = table_of(SlotRow)


def name_of(row: sa.RowMapping) -> str:
    return f"slot {row['id']} of effect:{row['effect_id']}"


def test_a_slot_freed_under_a_done_effect_is_named(database: Database) -> None:
    with paid(database) as flow:
        change(database, SlotRow, live=False)

        assert found(database) == [(7, name_of(only(flow, SlotRow)), "it is free, but its effect is done")]


@pytest.mark.parametrize("state", ["cancelled", "rejected", "expired"])
def test_a_slot_held_by_a_freed_effect_is_named(database: Database, state: str) -> None:
    with paid(database) as flow:
        change(database, EffectRow, state=state)

        assert (7, name_of(only(flow, SlotRow)), f"it is held, but its effect is {state}") in found(database)


def test_two_done_effects_in_one_slot_are_named(database: Database) -> None:
    with paid(database) as flow:
        slot, row = only(flow, SlotRow), only(flow, EffectRow)
        database.write(lambda c: c.execute(sa.insert(table_of(EffectRow)).values({**row, "id": "zz", "step": "again"})))
        database.write(lambda c: c.execute(sa.insert(SLOT).values({**slot, "id": 999, "effect_id": "zz", "live": False})))

        assert (7, "effect:zz", f"done in a slot in which effect:{row['id']} is done too") in found(database)


def test_a_generation_opened_before_the_last_one_was_done_is_named(database: Database) -> None:
    with paid(database) as flow:
        change(database, SlotRow, generation=1)

        what = "it opened generation 1, but nothing of generation 0 is done"
        assert (7, f"effect:{only(flow, EffectRow)['id']}", what) in found(database)


def test_a_slot_of_no_effect_is_named(database: Database) -> None:
    with paid(database) as flow:
        slot = only(flow, SlotRow)
        remove(database, EffectRow)

        assert (7, name_of(slot), "there is no such effect") in found(database)


def test_an_effect_without_a_slot_is_named(database: Database) -> None:
    with paid(database) as flow:
        remove(database, SlotRow)

        assert (7, f"effect:{only(flow, EffectRow)['id']}", "it holds no slot") in found(database)
