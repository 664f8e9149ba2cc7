"""The journal: what each named step of a run came to, so that a replay does not do it again.

Owns table `journal` and its queries. A row is written only under the run's current fence. What was only looked at (a read, a State)
is noted on the claim and written with the next row, before anything rests on it: looking again after a crash does no harm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import Json, UtcDateTime, insert_of, row_id, table_of
from workers import claims
from workers.claims import Claim


class JournalRow(SQLModel, table=True):
    """One step's result. `at` is the business time the step ended: the run's `now` from there on."""

    __tablename__ = "journal"
    __table_args__ = (sa.UniqueConstraint("run_id", "name", name="journal_step"),)

    id: int | None = Field(default=None, sa_column=row_id())
    run_id: str = Field(max_length=32)
    name: str = Field(max_length=128)
    kind: str = Field(max_length=12)
    result: Any = Field(default=None, sa_column=sa.Column(Json))
    at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One journaled step."""

    name: str
    kind: str
    result: Any
    at: datetime


LOOKS = ("read", "setting", "holds", "step")  # by these a run learns what is so; a wait gives one event and says nothing of others
_JOURNAL = table_of(JournalRow)
_READ = sa.select(_JOURNAL).where(_JOURNAL.c.run_id == sa.bindparam("of_run")).order_by(_JOURNAL.c.id)
_WRITE = sa.insert(_JOURNAL)


def read(connection: Connection, run_id: str) -> dict[str, Entry]:
    """The run's journal by step name, in the order it was written."""
    rows = connection.execute(_READ, {"of_run": run_id}).mappings()
    return {row["name"]: Entry(name=row["name"], kind=row["kind"], result=row["result"], at=row["at"]) for row in rows}


def read_many(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, Entry]]:
    """The journals of several runs, as `read` gives one."""
    found: dict[str, dict[str, Entry]] = {run_id: {} for run_id in run_ids}
    query = sa.select(_JOURNAL).where(_JOURNAL.c.run_id.in_(run_ids)).order_by(_JOURNAL.c.id)
    for row in connection.execute(query).mappings():
        found[row["run_id"]][row["name"]] = Entry(name=row["name"], kind=row["kind"], result=row["result"], at=row["at"])
    return found


def write(connection: Connection, claim: Claim, entry: Entry, *, machine: datetime) -> None:
    """Keep a step's result and what was noted before it; raises LostLease where the fence is no longer ours."""
    claims.progress(connection, claim, machine=machine, looked=_looks((*claim.noted, entry)))
    _write_noted(connection, claim)
    connection.execute(_WRITE, _row(claim, entry))


def write_noted(connection: Connection, claim: Claim, *, machine: datetime) -> None:
    """Keep what was noted, if anything was; raises LostLease. The caller empties `claim.noted` once that is committed."""
    if claim.noted:
        claims.progress(connection, claim, machine=machine, looked=_looks(claim.noted))
        _write_noted(connection, claim)


def _looks(entries: Iterable[Entry]) -> bool:
    return any(entry.kind in LOOKS for entry in entries)


def _write_noted(connection: Connection, claim: Claim) -> None:
    if claim.noted:  # some may be there already, from a transaction that the caller did not see commit
        rows = [_row(claim, entry) for entry in claim.noted]
        connection.execute(insert_of(connection, JournalRow).on_conflict_do_nothing(), rows)


def _row(claim: Claim, entry: Entry) -> dict[str, Any]:
    return {"run_id": claim.run_id, "name": entry.name, "kind": entry.kind, "result": entry.result, "at": entry.at}


def retract(connection: Connection, run_id: str, name: str) -> bool:
    """Forget the run's last entry, where it is the one called `name`. The caller knows that no worker holds the run."""
    last = connection.execute(_READ.order_by(None).order_by(_JOURNAL.c.id.desc()).limit(1), {"of_run": run_id}).mappings().first()
    if last is None or last["name"] != name:
        return False
    connection.execute(sa.delete(_JOURNAL).where(_JOURNAL.c.id == last["id"]))
    return True


def waited_for(connection: Connection, run_id: str, event_id: int) -> bool:
    """Whether a wait of the run was answered by this event."""
    return any(entry.kind == "wait" and entry.result == event_id for entry in read(connection, run_id).values())
