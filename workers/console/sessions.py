"""Who is logged in, where `login = "accounts"`.

Owns table `console_session` and its queries. A browser holds a random token; the table only its SHA-256, so a copy of the database
opens no session. A session ends at its `expires_at`, when nobody used it for the idle time, at log-out, and with its account's change.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import UtcDateTime, table_of

SEEN_EVERY = timedelta(minutes=1)


class ConsoleSession(SQLModel, table=True):
    """One log-in. `hash` is the token's SHA-256, hex; `csrf` the secret its forms carry."""

    __tablename__ = "console_session"

    hash: str = Field(primary_key=True, max_length=64)
    account: str = Field(max_length=64, index=True)
    csrf: str = Field(max_length=64)
    created_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))


_SESSION = table_of(ConsoleSession)


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that is alive. `stale`: its use is to be noted."""

    account: str
    csrf: str
    stale: bool


def hash_of(token: str) -> str:
    """What a token is kept and looked up as: the look-up's time then tells nothing of the token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def begin(connection: Connection, account: str, *, at: datetime, hours: int) -> str:
    """Open a session of the account; the token for its cookie, never told again. Sessions that are over are cleared away."""
    token = secrets.token_urlsafe(32)
    connection.execute(sa.delete(_SESSION).where(_SESSION.c.expires_at <= at))
    row = {"hash": hash_of(token), "account": account, "csrf": secrets.token_urlsafe(32), "created_at": at, "seen_at": at}
    connection.execute(sa.insert(_SESSION).values(**row, expires_at=at + timedelta(hours=hours)))
    return token


def opened(connection: Connection, token: str, *, at: datetime, idle: timedelta) -> Opened | None:
    """The live session of a token, or None."""
    row = connection.execute(sa.select(_SESSION).where(_SESSION.c.hash == hash_of(token))).mappings().first()
    if row is None or at >= row["expires_at"] or at >= row["seen_at"] + idle:
        return None
    return Opened(row["account"], row["csrf"], stale=at >= row["seen_at"] + SEEN_EVERY)


def seen(connection: Connection, token: str, *, at: datetime) -> None:
    """Note that it is used."""
    connection.execute(sa.update(_SESSION).where(_SESSION.c.hash == hash_of(token)).values(seen_at=at))


def end(connection: Connection, token: str) -> None:
    """End the one session."""
    connection.execute(sa.delete(_SESSION).where(_SESSION.c.hash == hash_of(token)))


def end_of(connection: Connection, account: str) -> int:
    """End every session of an account; how many there were."""
    return connection.execute(sa.delete(_SESSION).where(_SESSION.c.account == account)).rowcount


def counted(connection: Connection) -> dict[str, int]:
    """How many sessions each account has."""
    rows = connection.execute(sa.select(_SESSION.c.account, sa.func.count().label("n")).group_by(_SESSION.c.account))
    return {row.account: row.n for row in rows}


def listed(connection: Connection, account: str | None = None) -> list[dict[str, object]]:
    """The sessions, newest first, without hash and secret."""
    columns = [_SESSION.c[name] for name in ("account", "created_at", "seen_at", "expires_at")]
    whose = [_SESSION.c.account == account] if account else []
    return [dict(row) for row in connection.execute(sa.select(*columns).where(*whose).order_by(_SESSION.c.created_at.desc())).mappings()]
