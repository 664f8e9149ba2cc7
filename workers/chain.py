"""The effect log: append-only, hash-chained, with its head also kept outside the database.

Owns tables `effect_log` and `chain`. Every change of an effect's state is one row, written in the same transaction. Before the
first byte of a call the worker keeps (seq, hash) in a file of its own: a restored backup then shows itself by what it lacks. What
an operator accepted by releasing that freeze shows nothing any more; it is kept in control as ACCEPTED.
"""

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import BIGINT, UtcDateTime, insert_new, table_of
from workers import control
from workers.facts import instant

GENESIS = "0" * 64
_TEXT = msgspec.json.Encoder()
ACCEPTED = "ledger:accepted"
_PG_INSTANT = "YYYY-MM-DD HH24:MI:SS.US"


class EffectLog(SQLModel, table=True):
    """One change of one effect; `hash` covers `previous` and every other column, `facts` columns of the effect (workers/facts.py)."""

    __tablename__ = "effect_log"
    __table_args__ = (sa.Index("effect_log_effect", "effect_id"),)

    seq: int = Field(sa_column=sa.Column(BIGINT, primary_key=True, autoincrement=False))
    effect_id: str = Field(max_length=32)
    before: str = Field(default="", max_length=12)
    after: str = Field(max_length=12)
    at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    request_hash: str = Field(max_length=64)
    facts: str = Field(max_length=64)
    reason: str = Field(default="", max_length=256)
    actor: str = Field(default="", max_length=128)
    previous: str = Field(max_length=64)
    hash: str = Field(max_length=64)


class Chain(SQLModel, table=True):
    """The one row that gives the log its order."""

    __tablename__ = "chain"

    id: int = Field(default=1, primary_key=True)
    seq: int = Field(sa_column=sa.Column(BIGINT, nullable=False))
    hash: str = Field(max_length=64)


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of the log."""

    seq: int
    hash: str


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the hash of a row covers besides the hash before it. The order of the fields is the order of the hashed text.

    `at` is text, "2026-11-20 09:00:00.000000", UTC: the same on every database.
    """

    actor: str
    after: str
    at: str
    before: str
    effect_id: str
    facts: str
    reason: str
    request_hash: str
    seq: int


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole row of the log, as it is verified and exported."""

    hash: str
    previous: str
    row: Content


_CHAIN = table_of(Chain)
_LOG = table_of(EffectLog)
_HEAD = sa.select(_CHAIN.c.seq, _CHAIN.c.hash).where(_CHAIN.c.id == 1).with_for_update()
_HASH = sa.select(_LOG.c.hash).where(_LOG.c.seq == sa.bindparam("of_seq"))
_ADD = sa.insert(_LOG)
_MOVE = sa.update(_CHAIN).where(_CHAIN.c.id == 1).values(seq=sa.bindparam("to_seq"), hash=sa.bindparam("to_hash"))


def row_hash(previous: str, content: Content) -> str:
    """SHA-256 over the previous hash, a line break and the content as JSON without blanks, hex."""
    return hashlib.sha256(previous.encode() + b"\n" + _TEXT.encode(content)).hexdigest()


def append(
    connection: Connection,
    *,
    effect_id: str,
    before: str,
    after: str,
    at: datetime,
    request_hash: str,
    facts: str,
    reason: str = "",
    actor: str = "",
) -> Head:
    """Write one row at the end; the chain is the last lock of every transaction that takes it."""
    head = connection.execute(_HEAD).first()
    if head is None:
        insert_new(connection, Chain, {"id": 1, "seq": 0, "hash": GENESIS})
        head = connection.execute(_HEAD).one()
    seq, previous = head
    content = Content(
        actor=actor[:128],
        after=after,
        at=instant(at),
        before=before,
        effect_id=effect_id,
        facts=facts,
        reason=reason[:256],
        request_hash=request_hash,
        seq=seq + 1,
    )
    added = Head(seq + 1, row_hash(previous, content))
    connection.execute(_ADD, {**msgspec.structs.asdict(content), "at": at, "previous": previous, "hash": added.hash})
    connection.execute(_MOVE, {"to_seq": added.seq, "to_hash": added.hash})
    return added


def links(connection: Connection, *, after: int, limit: int) -> Iterator[Link]:
    """At most `limit` rows behind row `after`, in order."""
    query = sa.select(*_columns(connection.dialect.name)).where(_LOG.c.seq > after).order_by(_LOG.c.seq).limit(limit)
    for hash, previous, *content in connection.execute(query).all():
        yield Link(hash, previous, Content(*content))


def inside_head(connection: Connection) -> Head:
    """The last row of the log as the database's own row of order has it; 0 and GENESIS where nothing was ever written."""
    row = connection.execute(sa.select(_CHAIN.c.seq, _CHAIN.c.hash).where(_CHAIN.c.id == 1)).first()
    return Head(row.seq, row.hash) if row else Head(0, GENESIS)


def _columns(dialect: str) -> list[Any]:
    """The columns of a Link: its own two, then its content's, with `at` as text."""
    at = instant_text(_LOG.c.at, dialect)
    return [_LOG.c.hash, _LOG.c.previous, *(at if name == "at" else _LOG.c[name] for name in Content.__struct_fields__)]


def instant_text(column: Any, dialect: str) -> Any:
    """A column of instants as the text that is hashed."""
    return sa.type_coerce(column, sa.Text) if dialect == "sqlite" else sa.func.to_char(sa.func.timezone("UTC", column), _PG_INSTANT)


def first_calling(connection: Connection, effect_id: str) -> datetime | None:
    """When the effect was first called, or None: a provider's key lives from there."""
    table = table_of(EffectLog)
    query = sa.select(sa.func.min(table.c.at)).where(table.c.effect_id == effect_id, table.c.after == "calling")
    return connection.execute(query).scalar_one_or_none()


class OutsideHead:
    """This process's file in the ledger-head directory: the last head it acted on. Shared by its threads."""

    def __init__(self, directory: Path | None, owner: str) -> None:
        self._path = directory / f"{owner}.head" if directory else None
        self._file: int | None = None
        self._kept: Head | None = None
        self._turn = threading.Lock()

    @property
    def kept(self) -> Head | None:
        """The last head that was kept, or None before the first."""
        return self._kept

    def forget(self, head: Head) -> None:
        """A person accepted that the ledger lacks `head`: what is called from now on is kept in its place."""
        with self._turn:
            if self._kept == head:
                self._kept = None

    def keep(self, head: Head) -> None:
        """Write and fsync the head; raises OSError where the directory cannot be written, and then nothing is called.

        Never goes back: a later head, once kept, stands for this one too.
        """
        if self._path is None:
            return
        with self._turn:
            if self._kept is None or head.seq > self._kept.seq:
                self._write(self._path, head)
                self._kept = head

    def _write(self, path: Path, head: Head) -> None:
        if self._file is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        line = json.dumps({"seq": head.seq, "hash": head.hash}).ljust(127) + "\n"
        os.pwrite(self._file, line.encode(), 0)
        os.fsync(self._file)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def heads_outside(directory: Path) -> list[Head]:
    """Every head found in the directory; a torn file counts as none, and so does one that another process just removed."""
    paths = sorted(directory.glob("*.head")) if directory.is_dir() else []
    return [head for head in map(head_in, paths) if head is not None]


def head_in(path: Path) -> Head | None:
    """The head one file holds, or None where it is torn or gone."""
    try:
        value = json.loads(path.read_text())
        return Head(int(value["seq"]), str(value["hash"]))
    except (ValueError, KeyError, TypeError, FileNotFoundError):
        return None


def prune(directory: Path, accepted: Collection[Head] = ()) -> None:
    """Remove the files of processes that ended: accepted heads, and of the others all but the highest. A live process locks its own."""
    newest = max((head.seq for head in heads_outside(directory) if head not in accepted), default=0)
    for path in sorted(directory.glob("*.head")) if directory.is_dir() else []:
        try:
            with path.open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                value = json.loads(file.read())
                if int(value["seq"]) < newest or Head(int(value["seq"]), str(value["hash"])) in accepted:
                    path.unlink()
        except (OSError, ValueError, KeyError, TypeError):
            continue


def behind(connection: Connection, directory: Path) -> str | None:
    """Why the database looks restored or exchanged, or None: a head it lacks, or no head beside a log with calls.

    Heads an operator accepted are passed over, and so are calls up to the row that was the last one then.
    """
    known, accepted = _accepted(connection)
    heads = [head for head in heads_outside(directory) if head not in accepted]
    table = table_of(EffectLog)
    called = connection.execute(sa.select(table.c.seq).where(table.c.after == "calling", table.c.seq > known).limit(1)).first()
    if not heads:
        return "no ledger head is kept beside a ledger with calls" if called else None
    return next((lacks(head) for head in heads if not has(connection, head)), None)


def has(connection: Connection, head: Head) -> bool:
    """Whether the log has this very row."""
    return bool(connection.execute(_HASH, {"of_seq": head.seq}).scalar_one_or_none() == head.hash)


def lacks(head: Head) -> str:
    """How it is said that the log lacks a row."""
    return f"the ledger lacks row {head.seq}, which was acted on"


def accept(connection: Connection, directory: Path, *, at: datetime, actor: str) -> None:
    """Let stand what is in the directory now: a person released the freeze of a restored database."""
    known = accepted_heads(connection) | set(heads_outside(directory))
    seq = connection.execute(sa.select(_CHAIN.c.seq).where(_CHAIN.c.id == 1)).scalar_one_or_none() or 0
    heads = [[head.seq, head.hash] for head in sorted(known, key=lambda head: (head.seq, head.hash))]
    control.put(connection, ACCEPTED, {"seq": seq, "heads": heads}, at=at, actor=actor)


def accepted_heads(connection: Connection) -> set[Head]:
    """The heads an operator accepted."""
    return _accepted(connection)[1]


def _accepted(connection: Connection) -> tuple[int, set[Head]]:
    value = control.get(connection, ACCEPTED) or {"seq": 0, "heads": []}
    return int(value["seq"]), {Head(int(seq), str(hash)) for seq, hash in value["heads"]}
