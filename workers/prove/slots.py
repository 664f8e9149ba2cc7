"""Slots: live as long as their effect was not freed, never done twice, and no new generation before the last one was done."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers.facts import Taken
from workers.ledger import FREED, EffectRow, SlotRow
from workers.prove.pages import Window
from workers.prove.report import Report

_SLOT, _EFFECT = table_of(SlotRow), table_of(EffectRow)
_TAKEN = (_SLOT.c.source, _SLOT.c.object_id, _SLOT.c.purpose, _SLOT.c.version, _SLOT.c.generation)  # as workers/facts.py has it


def check(connection: Connection, report: Report, window: Window, states: Mapping[str, str]) -> dict[str, list[Taken]]:
    """Look at the slots of a window of effects, closely at what may be wrong; what each effect took, in order. `states`: by effect."""
    query = sa.select(_SLOT.c.effect_id, _SLOT.c.id, _SLOT.c.live, *_TAKEN).where(window.of(_SLOT.c.effect_id))
    taken: dict[str, list[Taken]] = defaultdict(list)
    suspects = set()
    for effect_id, id, live, *one in connection.execute(query.order_by(_SLOT.c.effect_id, _SLOT.c.id)).all():
        taken[effect_id].append(tuple(one))
        state = states.get(effect_id)
        if state is None:
            report.add(7, f"slot {id} of effect:{effect_id}", "there is no such effect")
        elif one[-1] or live != (state not in FREED):
            suspects.add(effect_id)
    report.counted("slots", sum(map(len, taken.values())))
    if suspects:
        _look_closely(connection, report, sorted(suspects))
    return taken


def _look_closely(connection: Connection, report: Report, effect_ids: Sequence[str]) -> None:
    named = sa.select(_SLOT.c.id, _SLOT.c.effect_id, _SLOT.c.live, _SLOT.c.generation, _EFFECT.c.state)
    rows = connection.execute(named.join(_EFFECT, _EFFECT.c.id == _SLOT.c.effect_id).where(_EFFECT.c.id.in_(effect_ids))).mappings().all()
    for row in rows:
        for what in judge(row):
            report.add(7, f"slot {row['id']} of effect:{row['effect_id']}", what)
    _judge_doubles(connection, report, [row["id"] for row in rows if not row["live"] and row["state"] == "done"])
    _judge_generations(connection, report, [row["id"] for row in rows if row["generation"] > 0])


def judge(row: sa.RowMapping) -> Iterator[str]:
    """What is wrong with one slot; `state` is its effect's."""
    if row["live"] and row["state"] in FREED:
        yield f"it is held, but its effect is {row['state']}"
    elif not row["live"] and row["state"] not in FREED:
        yield f"it is free, but its effect is {row['state']}"


def _judge_doubles(connection: Connection, report: Report, ids: Sequence[int]) -> None:
    """Done effects whose slots were freed: name who else is done in them. The index slot_live keeps held ones single."""
    if not ids:
        return
    other = _SLOT.alias("other")
    same = (other.c[name] == _SLOT.c[name] for name in ("source", "object_id", "purpose", "version", "generation"))
    query = (
        sa.select(_SLOT.c.effect_id, other.c.effect_id)
        .join(other, sa.and_(*same, other.c.effect_id != _SLOT.c.effect_id))
        .join(_EFFECT, _EFFECT.c.id == other.c.effect_id)
        .where(_SLOT.c.id.in_(ids), _EFFECT.c.state == "done")
    )
    for one, another in connection.execute(query):
        report.add(7, f"effect:{one}", f"done in a slot in which effect:{another} is done too")


def _judge_generations(connection: Connection, report: Report, ids: Sequence[int]) -> None:
    """What a person or a rule ordered again needs something done before it."""
    if not ids:
        return
    last = _SLOT.alias("last")
    same = (last.c[name] == _SLOT.c[name] for name in ("source", "object_id", "purpose"))
    before = (last.c.generation == _SLOT.c.generation - 1, last.c.effect_id == _EFFECT.c.id, _EFFECT.c.state == "done")
    without = sa.not_(sa.exists().where(*same, *before, last.c.live))
    for id, generation in connection.execute(sa.select(_SLOT.c.effect_id, _SLOT.c.generation).where(_SLOT.c.id.in_(ids), without)):
        report.add(7, f"effect:{id}", f"it opened generation {generation}, but nothing of generation {generation - 1} is done")
