"""What the log vouches for: whatever is changed in an effect's row or its slots once it was written is named."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.letters import mail
from tests.workers.prove.stories import change, found, only, paid
from workers.ledger import EffectRow, SlotRow
from workers.testing.flow import Flow

PLAN = "its object, customer, purpose, amount, step, approval, validity or slots are not those row {} vouches for"
CALL = "its time of call, fresh read, reply, reference or settling are not those row {} vouches for"
LATER = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *((name, "other") for name in ("step", "workflow", "object_kind", "object_id", "customer_id", "purpose", "amount")),
        ("approved_by", "eve"), ("approved_at", LATER), ("valid_until", LATER), ("intended_at", LATER), ("approval_life_s", 5),
        ("customer_id", None), ("amount", None),
    ],
)  # fmt: skip
def test_a_changed_plan_is_named(sqlite_database: Database, column: str, value: Any) -> None:
    with paid(sqlite_database) as flow:
        change(sqlite_database, EffectRow, **{column: value})

        assert (0, f"effect:{only(flow, EffectRow)['id']}", PLAN.format(1)) in found(sqlite_database)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("calling_at", LATER), ("fresh_hash", "0f"), ("reference", "other"), ("reply", {"STATUS": "other"}), ("reply", None),
        ("settled_at", LATER), ("settled_at", None),
    ],
)  # fmt: skip
def test_a_changed_call_or_answer_is_named(sqlite_database: Database, column: str, value: Any) -> None:
    with paid(sqlite_database) as flow:
        change(sqlite_database, EffectRow, **{column: value})

        assert (0, f"effect:{only(flow, EffectRow)['id']}", CALL.format(3)) in found(sqlite_database)


@pytest.mark.parametrize(("column", "value"), [("source", "x"), ("object_id", "9"), ("purpose", "x"), ("version", "x"), ("generation", 1)])
def test_a_changed_slot_is_named(sqlite_database: Database, column: str, value: Any) -> None:
    with paid(sqlite_database) as flow:
        change(sqlite_database, SlotRow, **{column: value})

        assert (0, f"effect:{only(flow, EffectRow)['id']}", PLAN.format(1)) in found(sqlite_database)


def test_what_is_vouched_for_is_hashed_alike_on_both_databases(database: Database) -> None:
    with paid(database) as flow:
        id = only(flow, EffectRow)["id"]
        change(database, EffectRow, amount="0.01 EUR", calling_at=LATER)

        assert found(database) == [(0, f"effect:{id}", PLAN.format(1)), (0, f"effect:{id}", CALL.format(3))]


def proposed(flow: Flow) -> str:
    """The id of an effect that waits for a person's yes."""
    flow.set_mode("t-mail", "propose")
    flow.trigger("invoice.completed")
    flow.advance(minutes=6)
    return str(only(flow, EffectRow)["id"])


def test_another_persons_name_under_an_approval_is_named(database: Database) -> None:
    with Flow(mail, database=database) as flow:
        id = proposed(flow)
        flow.order("approve", id)
        assert found(database) == []

        change(database, EffectRow, approved_by="eve")

        assert (0, f"effect:{id}", PLAN.format(2)) in found(database)


def test_an_approval_nobody_gave_is_named(database: Database) -> None:
    with Flow(mail, database=database) as flow:
        id = proposed(flow)
        change(database, EffectRow, approved_for="f" * 64)

        assert (7, f"effect:{id}", "it counts as approved, but nobody said yes") in found(database)


def test_an_answer_beside_an_effect_that_was_only_planned_is_named(database: Database) -> None:
    with Flow(mail, database=database) as flow:
        id = proposed(flow)
        table = table_of(EffectRow)
        database.write(lambda c: c.execute(sa.update(table).values(settled_at=LATER)))

        assert (0, f"effect:{id}", "it has a call or an answer, but no row of the log tells of one") in found(database)
