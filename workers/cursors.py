"""Cursors: where each sweep of each scan got to, when it is next due, and what the last one cost and found.

Owns tables `cursor` and `pass_page` and their queries. A sweep that is broken off goes on from its place; the pages of the last whole
pass over a list are kept, because two passes that agree are the proof that nothing was missed between two pages.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import Json, UtcDateTime, insert_of, table_of


class CursorRow(SQLModel, table=True):
    """One scan of one source. `place` is None while no sweep is under way; the other columns tell of the last one that was completed."""

    __tablename__ = "cursor"

    source: str = Field(primary_key=True, max_length=64)
    scan: str = Field(primary_key=True, max_length=32)
    place: Any = Field(default=None, sa_column=sa.Column(Json))
    due_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    began_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    ended_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    requests: int = Field(default=0, sa_column=sa.Column(sa.Integer, nullable=False))
    found: int = Field(default=0, sa_column=sa.Column(sa.Integer, nullable=False))


class PassPage(SQLModel, table=True):
    """The ids on one page of one pass over a list."""

    __tablename__ = "pass_page"

    source: str = Field(primary_key=True, max_length=64)
    scan: str = Field(primary_key=True, max_length=32)
    turn: int = Field(primary_key=True)
    first: int = Field(primary_key=True)
    ids: Any = Field(default=None, sa_column=sa.Column(Json, nullable=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a sweep got. `at` is the walk's own; `stuck`: the last request there failed, and may fail again for this one object."""

    began_at: datetime
    at: dict[str, Any]
    requests: int = 0
    found: int = 0
    stuck: bool = False


_CURSOR, _PAGE = table_of(CursorRow), table_of(PassPage)


def of_source(connection: Connection, source: str) -> dict[str, sa.RowMapping]:
    """The cursors of a source by the name of their scan."""
    rows = connection.execute(sa.select(_CURSOR).where(_CURSOR.c.source == source)).mappings()
    return {row["scan"]: row for row in rows}


def place_in(row: sa.RowMapping | None) -> Place | None:
    """Where the sweep under way is, or None."""
    if row is None or row["place"] is None:
        return None
    return replace(Place(**row["place"]), began_at=datetime.fromisoformat(row["place"]["began_at"]))


def keep(connection: Connection, source: str, scan: str, place: Place, *, due_at: datetime) -> None:
    """Have the sweep go on from here at `due_at`."""
    said = {name: getattr(place, name) for name in Place.__dataclass_fields__} | {"began_at": place.began_at.isoformat()}
    _put(connection, source, scan, place=said, due_at=due_at)


def end(connection: Connection, source: str, scan: str, place: Place, *, ended_at: datetime, due_at: datetime) -> None:
    """The sweep is through; the next one is due at `due_at`."""
    told = {"began_at": place.began_at, "ended_at": ended_at, "requests": place.requests, "found": place.found}
    _put(connection, source, scan, place=None, due_at=due_at, **told)


def put_off(connection: Connection, source: str, scan: str, until: datetime) -> None:
    """Have a scan come due at `until`; its place stays."""
    _put(connection, source, scan, due_at=until)


def _put(connection: Connection, source: str, scan: str, **values: Any) -> None:
    insert = insert_of(connection, CursorRow).values(**{"requests": 0, "found": 0} | values, source=source, scan=scan)
    connection.execute(insert.on_conflict_do_update(index_elements=["source", "scan"], set_=values))


def keep_page(connection: Connection, source: str, scan: str, *, turn: int, first: int, ids: Iterable[str]) -> None:
    """Keep the ids of a page of the `turn`-th pass that begins at `first`; a page that is read again replaces what was kept of it."""
    row = {"source": source, "scan": scan, "turn": turn, "first": first, "ids": list(ids)}
    insert = insert_of(connection, PassPage).values(row)
    connection.execute(insert.on_conflict_do_update(index_elements=["source", "scan", "turn", "first"], set_={"ids": insert.excluded.ids}))


def seen(connection: Connection, source: str, scan: str, turn: int) -> frozenset[str]:
    """The ids on all pages of a pass; empty where it was never made."""
    query = sa.select(_PAGE.c.ids).where(_PAGE.c.source == source, _PAGE.c.scan == scan, _PAGE.c.turn == turn)
    return frozenset(id for ids in connection.execute(query).scalars() for id in ids)


def last_turn(connection: Connection, source: str, scan: str) -> int:
    """The number of the newest pass that is kept, 0 where there is none."""
    newest = sa.select(sa.func.max(_PAGE.c.turn)).where(_PAGE.c.source == source, _PAGE.c.scan == scan)
    return int(connection.execute(newest).scalar_one() or 0)


def drop_before(connection: Connection, source: str, scan: str, turn: int) -> None:
    """Forget the passes before this one."""
    connection.execute(sa.delete(_PAGE).where(_PAGE.c.source == source, _PAGE.c.scan == scan, _PAGE.c.turn < turn))
