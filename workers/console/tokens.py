"""API tokens: how a program, such as the command line on another machine, asks the console.

Owns table `console_token` and its queries. A token is shown once, when it is made; the table keeps its SHA-256. It has a role, an end,
and a name that the audit keeps as token:NAME.
"""

import re
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import UtcDateTime, table_of
from workers import control
from workers.console.roles import Person, Role
from workers.console.sessions import hash_of
from workers.errors import NotHere, StateConflict

PREFIX = "bhk_"
DAYS_MAX = 366
USED_EVERY = timedelta(minutes=1)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class ConsoleToken(SQLModel, table=True):
    """One token. `hash` is its SHA-256, hex."""

    __tablename__ = "console_token"

    name: str = Field(primary_key=True, max_length=64)
    hash: str = Field(max_length=64, unique=True)
    role: str = Field(max_length=16)
    created_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime, nullable=True))


_TOKEN = table_of(ConsoleToken)
SHOWN = ("name", "role", "created_at", "expires_at", "used_at")


def listed(connection: Connection) -> list[dict[str, object]]:
    """Every token by name, without its hash."""
    return [dict(row) for row in connection.execute(sa.select(*(_TOKEN.c[name] for name in SHOWN)).order_by(_TOKEN.c.name)).mappings()]


def add(connection: Connection, name: str, role: Role, *, days: int, at: datetime, actor: str) -> str:
    """Make a token; it, never to be read again. Raises StateConflict where the name is taken or cannot be one."""
    if not _NAME.fullmatch(name):
        raise StateConflict("That is no name for a token: write small letters, digits and . _ -, at most 64")
    if connection.execute(sa.select(_TOKEN.c.name).where(_TOKEN.c.name == name)).first() is not None:
        raise StateConflict(f"There is a token {name}: `billhook tokens` lists them, `billhook tokens revoke {name}` ends it")
    token = PREFIX + secrets.token_urlsafe(32)
    row = {"name": name, "hash": hash_of(token), "role": role, "created_at": at, "expires_at": at + timedelta(days=days)}
    connection.execute(sa.insert(_TOKEN).values(**row))
    control.audited(connection, "token.add", at=at, actor=actor, subject=name, detail={"role": role, "days": days})
    return token


def revoke(connection: Connection, name: str, *, at: datetime, actor: str) -> None:
    """End a token at once. Raises NotHere."""
    if connection.execute(sa.delete(_TOKEN).where(_TOKEN.c.name == name)).rowcount == 0:
        raise NotHere(f"there is no token {name[:64]}: `billhook tokens` lists them")
    control.audited(connection, "token.revoke", at=at, actor=actor, subject=name)


def holder(connection: Connection, token: str, *, at: datetime) -> tuple[Person, bool] | None:
    """Who a token stands for, and whether its use is to be noted; None for one that is unknown or over."""
    row = connection.execute(sa.select(_TOKEN).where(_TOKEN.c.hash == hash_of(token))).mappings().first()
    if row is None or at >= row["expires_at"]:
        return None
    return Person(f"token:{row['name']}", row["role"]), row["used_at"] is None or at >= row["used_at"] + USED_EVERY


def used(connection: Connection, token: str, *, at: datetime) -> None:
    """Note that it was used."""
    connection.execute(sa.update(_TOKEN).where(_TOKEN.c.hash == hash_of(token)).values(used_at=at))
