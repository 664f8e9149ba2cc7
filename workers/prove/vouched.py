"""What the log vouches for: the columns of an effect, and its slots, hashed anew and compared with what its rows in the log were made of.

workers/facts.py says which row vouches for which columns. Pure but for `columns`, which workers/prove/effects.py reads with the rest.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from receiver.db import UtcDateTime, table_of
from workers.chain import instant_text
from workers.facts import Called, Planned, Taken, hash_of
from workers.ledger import EffectRow
from workers.prove.report import LEDGER

_EFFECT = table_of(EffectRow)
_PLANNED = tuple(name for name in Planned.__struct_fields__ if name != "slots")
_BEFORE_SLOTS = Planned.__struct_fields__.index("slots")


class Vouched(NamedTuple):
    """The hashes of the last row that vouches for the plan and of the last that vouches for the call; None where there is no such row."""

    plan_seq: int | None
    plan: str | None
    call_seq: int | None
    call: str | None


def columns(dialect: str) -> list[Any]:
    """The columns of an effect that are vouched for, as they were hashed: those of Planned without its slots, then those of Called."""
    return [_as_hashed(_EFFECT.c[name], dialect) for name in (*_PLANNED, *Called.__struct_fields__)]


def _as_hashed(column: Any, dialect: str) -> Any:
    if isinstance(column.type, UtcDateTime):
        return instant_text(column, dialect)
    return sa.type_coerce(column, sa.Text) if column.name == "reply" else column


def judge(vouched: Vouched, values: Sequence[Any], taken: Sequence[Taken]) -> Iterator[tuple[int, str]]:
    """(invariant, what is wrong) where an effect is not what the log vouches for. `values` are those of `columns`."""
    planned, called = tuple(values[: len(_PLANNED)]), values[len(_PLANNED) :]
    planned = (*planned[:_BEFORE_SLOTS], taken, *planned[_BEFORE_SLOTS:])
    if vouched.plan is not None and hash_of(Planned(*planned)) != vouched.plan:
        what = "its object, customer, purpose, amount, step, approval, validity or slots"
        yield LEDGER, f"{what} are not those row {vouched.plan_seq} vouches for"
    if vouched.call is None:
        if any(value is not None for value in called):
            yield LEDGER, "it has a call or an answer, but no row of the log tells of one"
    elif hash_of(Called(*called)) != vouched.call:
        yield LEDGER, f"its time of call, fresh read, reply, reference or settling are not those row {vouched.call_seq} vouches for"
