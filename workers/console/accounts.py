"""The people who may log in, where `login = "accounts"`.

Owns table `console_account` and its queries; `billhook accounts` and the log-in call them inside a transaction. Every change is
audited, and one that takes something away ends the account's sessions in the same transaction.
"""

import re
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import UtcDateTime, table_of
from workers import control
from workers.console import sessions
from workers.console.roles import Role
from workers.errors import NotHere, StateConflict

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class ConsoleAccount(SQLModel, table=True):
    """One person. `password` is an argon2id hash."""

    __tablename__ = "console_account"

    name: str = Field(primary_key=True, max_length=64)
    password: str = Field(max_length=256)
    role: str = Field(max_length=16)
    created_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    disabled_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime, nullable=True))


_ACCOUNT = table_of(ConsoleAccount)
SHOWN = ("name", "role", "created_at", "disabled_at")


def spelled(name: str) -> str:
    """The name as it is kept: names that differ only in capitals are one. Raises StateConflict for one that cannot be a name."""
    small = name.strip().lower()
    if not _NAME.fullmatch(small):
        raise StateConflict("That is no name for an account: write letters, digits and . _ @ -, at most 64")
    return small


def listed(connection: Connection) -> list[dict[str, object]]:
    """Every account without its hash, by name, with how many sessions it has."""
    rows = connection.execute(sa.select(*(_ACCOUNT.c[name] for name in SHOWN)).order_by(_ACCOUNT.c.name)).mappings()
    open_ = sessions.counted(connection)
    return [{**row, "sessions": open_.get(row["name"], 0)} for row in rows]


def found(connection: Connection, name: str) -> sa.RowMapping | None:
    """The whole account, its hash included, or None."""
    return connection.execute(sa.select(_ACCOUNT).where(_ACCOUNT.c.name == name.strip().lower())).mappings().first()


def add(connection: Connection, name: str, password: str, role: Role, *, at: datetime, actor: str) -> None:
    """A new account with this hash. Raises StateConflict where the name is taken or cannot be one."""
    kept = spelled(name)
    if found(connection, kept) is not None:
        raise StateConflict(f"There is an account {kept}: `billhook accounts` lists them")
    connection.execute(sa.insert(_ACCOUNT).values(name=kept, password=password, role=role, created_at=at))
    control.audited(connection, "account.add", at=at, actor=actor, subject=kept, detail={"role": role})


def set_role(connection: Connection, name: str, role: Role, *, at: datetime, actor: str) -> None:
    """Give another role, and end the sessions that had the one before. Raises NotHere."""
    was = _change(connection, name, at, role=role)
    control.audited(connection, "account.role", at=at, actor=actor, subject=was["name"], detail={"was": was["role"], "role": role})


def set_password(connection: Connection, name: str, password: str, *, at: datetime, actor: str) -> None:
    """Keep another hash, and end every session. Raises NotHere."""
    was = _change(connection, name, at, password=password)
    control.audited(connection, "account.password", at=at, actor=actor, subject=was["name"])


def disable(connection: Connection, name: str, *, at: datetime, actor: str) -> None:
    """Nobody logs in by this name any more, and its sessions end. Raises NotHere."""
    was = _change(connection, name, at, disabled_at=at)
    control.audited(connection, "account.disable", at=at, actor=actor, subject=was["name"])


def enable(connection: Connection, name: str, *, at: datetime, actor: str) -> None:
    """The name may log in again. Raises NotHere."""
    was = _change(connection, name, at, disabled_at=None)
    control.audited(connection, "account.enable", at=at, actor=actor, subject=was["name"])


def end_sessions(connection: Connection, name: str, *, at: datetime, actor: str) -> int:
    """End every session of the account; how many those were. Raises NotHere."""
    was = _change(connection, name, at)
    ended = sessions.end_of(connection, was["name"])
    control.audited(connection, "account.sessions_end", at=at, actor=actor, subject=was["name"])
    return ended


def rehash(connection: Connection, name: str, password: str) -> None:
    """Keep the same password's hash with today's parameters; nothing else changes."""
    connection.execute(sa.update(_ACCOUNT).where(_ACCOUNT.c.name == name).values(password=password))


def _change(connection: Connection, name: str, at: datetime, **values: object) -> sa.RowMapping:
    """Write the values and end the account's sessions; the row as it was. Raises NotHere."""
    was = found(connection, name)
    if was is None:
        raise NotHere(f"there is no account {name.strip()[:64]}: `billhook accounts` lists them")
    if values:
        connection.execute(sa.update(_ACCOUNT).where(_ACCOUNT.c.name == was["name"]).values(**values))
        sessions.end_of(connection, was["name"])
    return was
