"""What the log has of each effect: where it ended, how often it began and called, and which rows vouch for its columns."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers import facts
from workers.chain import EffectLog
from workers.prove.pages import Window

_LOG = table_of(EffectLog)
_SEEN = sa.select(_LOG.c.effect_id, _LOG.c.seq, _LOG.c.before, _LOG.c.after, _LOG.c.request_hash, _LOG.c.facts)


@dataclass(slots=True)
class Life:
    """The rows of one effect, in order.

    `last` is the state the last one names, None where there is no row; `births` counts first rows; `one_request`: every row has
    `request_hash`. `plan` and `call` are the hashes of the last row that vouches for the plan and of the last that vouches for the
    call, each with its number; None where there is no such row.
    """

    request_hash: str = ""
    last: str | None = None
    calls: int = 0
    births: int = 0
    one_request: bool = True
    plan_seq: int | None = None
    plan: str | None = None
    call_seq: int | None = None
    call: str | None = None


NONE = Life()


def lives(connection: Connection, window: Window) -> dict[str, Life]:
    """By effect, those of a window of effect ids."""
    found: dict[str, Life] = {}
    life, of = NONE, None
    rows: Any = connection.execute(_SEEN.where(window.of(_LOG.c.effect_id)).order_by(_LOG.c.effect_id, _LOG.c.seq)).all()
    for id, seq, before, after, request_hash, vouched in rows:
        if id != of:
            of, life = id, Life(request_hash)
            found[id] = life
        elif request_hash != life.request_hash:
            life.one_request = False
        if before == "":
            life.births += 1
        if facts.plans(before, after):
            life.plan_seq, life.plan = seq, vouched
        else:
            life.call_seq, life.call = seq, vouched
        if after == "calling":
            life.calls += 1
        life.last = after
    return found
