"""The ledger: slots are held once, states move along their edges only."""

from itertools import product

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from workers import ledger
from workers.errors import StateConflict
from workers.ids import new_id
from workers.ledger import EDGES, FREED, EffectRow, Plan, Slot, SlotRow
from workers.testing.flow import START

STATES = ("proposed", "approved", "intended", "calling", "unknown", "done", "rejected", "cancelled", "expired")
SLOT = Slot("shop", "9", "send", "v1", exclusive=True)


def plan(step: str = "act", run_id: str = "r1") -> Plan:
    return Plan(
        run_id=run_id, step=step, workflow="w", source="shop", service="invoice.sendbyemail", object_kind="invoice", object_id="9",
        customer_id="7", purpose="send", request={"a": 1},
    )  # fmt: skip


def intended(
    database: Database, run_id: str = "r1", *, slots: tuple[Slot, ...] = (SLOT,), reissue: bool = False
) -> tuple[str | None, str | None]:
    """(id of the new effect, None), or (None, id of the effect that holds a slot)."""

    def act(connection: sa.Connection) -> tuple[str | None, str | None]:
        effect_id = new_id()
        holder = ledger.take_slots(connection, effect_id, slots, reissue=reissue)
        if holder is not None:
            return None, holder
        ledger.intend(connection, effect_id, plan(run_id=run_id), state="intended", at=START)
        return effect_id, None

    return database.write(act)


def made(database: Database, run_id: str = "r1", **said: object) -> str:
    effect_id, holder = intended(database, run_id, **said)  # type: ignore[arg-type]
    assert effect_id is not None, holder
    return effect_id


def put(database: Database, effect_id: str, state: str) -> None:
    table = table_of(EffectRow)
    database.write(lambda c: c.execute(sa.update(table).where(table.c.id == effect_id).values(state=state)))


def generations(database: Database) -> list[tuple[int, bool]]:
    table = table_of(SlotRow)
    with database.read() as connection:
        return [(row.generation, row.live) for row in connection.execute(sa.select(table).order_by(table.c.id))]


def moved(database: Database, effect_id: str, after: str, **said: object) -> None:
    database.write(lambda c: ledger.move(c, effect_id, after, since=list(STATES), at=START, **said))  # type: ignore[arg-type]


def test_an_effect_moves_along_its_edges_and_no_others(database: Database) -> None:
    effect_id = made(database)

    for before, after in product(STATES, STATES):
        put(database, effect_id, before)
        if after in EDGES.get(before, set()):
            moved(database, effect_id, after)
        else:
            with pytest.raises(StateConflict):
                moved(database, effect_id, after)


def test_what_ended_moves_no_more() -> None:
    assert {"done", "rejected", "cancelled", "expired"} & set(EDGES) == set()


def test_an_effect_that_is_not_where_the_caller_thinks_is_not_moved(database: Database) -> None:
    effect_id = made(database)

    with pytest.raises(StateConflict):
        database.write(lambda c: ledger.move(c, effect_id, "calling", since=["approved"], at=START))
    with pytest.raises(StateConflict):
        database.write(lambda c: ledger.move(c, "missing", "calling", since=["intended"], at=START))


def test_a_zombie_does_not_settle_the_call_of_another(database: Database) -> None:
    effect_id = made(database)
    for after in ("calling", "intended", "calling"):
        moved(database, effect_id, after)

    with pytest.raises(StateConflict):
        moved(database, effect_id, "done", calls=1)
    moved(database, effect_id, "done", calls=2)


def test_a_taken_slot_names_its_holder(database: Database) -> None:
    first = made(database)

    assert intended(database, "r2") == (None, first)


@pytest.mark.parametrize("state", STATES)
def test_a_slot_is_free_again_only_when_its_effect_ended_undone(database: Database, state: str) -> None:
    first = made(database)
    path = {
        "intended": [], "proposed": ["proposed"], "approved": ["proposed", "approved"], "calling": ["calling"],
        "unknown": ["calling", "unknown"], "done": ["calling", "done"], "rejected": ["calling", "rejected"],
        "cancelled": ["cancelled"], "expired": ["expired"],
    }[state]  # fmt: skip
    for after in path:
        moved(database, first, after)

    second, holder = intended(database, "r2")

    assert (second is not None) == (state in FREED)
    assert holder == (None if state in FREED else first)
    if second is not None:
        assert generations(database) == [(0, False), (0, True)]


def test_a_second_version_is_refused_once_the_first_may_have_happened(database: Database) -> None:
    first = made(database)
    other = Slot("shop", "9", "send", "v2", exclusive=True)
    second = made(database, "r2", slots=(other,))
    moved(database, second, "cancelled")

    for after in ("calling", "unknown", "done"):
        moved(database, first, after)
        assert intended(database, "r3", slots=(other,)) == (None, first)


def test_a_level_of_its_own_is_a_slot_of_its_own(database: Database) -> None:
    first = made(database, slots=(Slot("shop", "9", "notice", "1"),))
    for after in ("calling", "done"):
        moved(database, first, after)

    assert made(database, "r2", slots=(Slot("shop", "9", "notice", "2"),))
    assert intended(database, "r3", slots=(Slot("shop", "9", "notice", "3"), Slot("shop", "9", "notice", "1")))[0] is None


def test_an_effect_takes_all_of_its_slots_or_none(database: Database) -> None:
    made(database, slots=(Slot("shop", "9", "notice", "1"),))
    both = (Slot("shop", "8", "notice", "1"), Slot("shop", "9", "notice", "1"))

    assert intended(database, "r2", slots=both)[0] is None
    assert made(database, "r3", slots=both[:1])


def test_two_sources_never_meet(database: Database) -> None:
    made(database)

    assert made(database, "r2", slots=(Slot("other", "9", "send", "v1", exclusive=True),))


def test_a_new_generation_opens_only_once_the_last_one_is_done(database: Database) -> None:
    first = made(database)
    assert intended(database, "r2", reissue=True) == (None, first)
    moved(database, first, "calling")
    moved(database, first, "unknown")
    assert intended(database, "r2", reissue=True) == (None, first)
    moved(database, first, "done")

    second = made(database, "r2", reissue=True)

    assert generations(database) == [(0, True), (1, True)]
    assert intended(database, "r3", reissue=True) == (None, second)


def test_the_request_of_an_effect_is_bound_by_its_hash(database: Database) -> None:
    effect_id = made(database)

    with database.read() as connection:
        row = ledger.load(connection, effect_id)
    assert row is not None
    assert row["request_hash"] == plan().request_hash
    assert plan().request_hash != Plan(**{n: getattr(plan(), n) for n in Plan.__dataclass_fields__} | {"request": {"a": 2}}).request_hash
