"""What the log vouches for: the columns of an effect, and its slots, hashed anew and compared with what its rows in the log were made of.

workers/facts.py says which row vouches for which columns. Pure but for `columns`, which workers/prove/effects.py reads with the rest.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from receiver.db import UtcDateTime, table_of
from workers.chain import instant_text
from workers.facts import Called, Planned, Taken, hash_of
from workers.ledger import EffectRow
from workers.prove.lives import Life
from workers.prove.report import LEDGER

_EFFECT = table_of(EffectRow)
_PLANNED = tuple(name for name in Planned.__struct_fields__ if name != "slots")
_CALLED = len(_PLANNED)
_BEFORE_SLOTS = Planned.__struct_fields__.index("slots")


def columns(dialect: str) -> list[Any]:
    """The columns of an effect that are vouched for, as they were hashed: those of Planned without its slots, then those of Called."""
    return [_as_hashed(_EFFECT.c[name], dialect) for name in (*_PLANNED, *Called.__struct_fields__)]


def _as_hashed(column: Any, dialect: str) -> Any:
    if isinstance(column.type, UtcDateTime):
        return instant_text(column, dialect)
    return sa.type_coerce(column, sa.Text) if column.name == "reply" else column


def judge(life: Life, values: Sequence[Any], taken: Sequence[Taken]) -> Iterator[tuple[int, str]]:
    """(invariant, what is wrong) where an effect is not what the log vouches for. `values` are those of `columns`."""
    planned, called = (*values[:_BEFORE_SLOTS], taken, *values[_BEFORE_SLOTS:_CALLED]), values[_CALLED:]
    if life.plan is not None and hash_of(Planned(*planned)) != life.plan:
        what = "its object, customer, purpose, amount, step, approval, validity or slots"
        yield LEDGER, f"{what} are not those row {life.plan_seq} vouches for"
    if life.call is None:
        if any(value is not None for value in called):
            yield LEDGER, "it has a call or an answer, but no row of the log tells of one"
    elif hash_of(Called(*called)) != life.call:
        yield LEDGER, f"its time of call, fresh read, reply, reference or settling are not those row {life.call_seq} vouches for"
