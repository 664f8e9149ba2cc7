"""Duties: roles that one process at a time holds, and when each is next due.

Owns table `duty`. A role is a lease by machine time; what comes due inside it is business time.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import UtcDateTime, insert_of, table_of

LEASE = timedelta(seconds=15)


class Duty(SQLModel, table=True):
    """One role or periodic job."""

    __tablename__ = "duty"

    name: str = Field(primary_key=True, max_length=160)
    owner: str | None = Field(default=None, max_length=64)
    lease_until: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    next_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))


def take(connection: Connection, name: str, owner: str, *, machine: datetime) -> bool:
    """Take or keep a role; false where somebody else holds it."""
    table = table_of(Duty)
    connection.execute(insert_of(connection, Duty).values(name=name).on_conflict_do_nothing())
    free = sa.or_(table.c.owner == owner, table.c.lease_until.is_(None), table.c.lease_until < machine)
    taken = sa.update(table).where(table.c.name == name, free).values(owner=owner, lease_until=machine + LEASE)
    return connection.execute(taken).rowcount == 1


def due(connection: Connection, name: str, *, now: datetime, every: timedelta) -> bool:
    """Whether the job came due; if so it is next due `every` from now."""
    table = table_of(Duty)
    connection.execute(insert_of(connection, Duty).values(name=name).on_conflict_do_nothing())
    ready = sa.or_(table.c.next_at.is_(None), table.c.next_at <= now)
    return connection.execute(sa.update(table).where(table.c.name == name, ready).values(next_at=now + every)).rowcount == 1


def set_next(connection: Connection, name: str, at: datetime) -> None:
    """Have a job that came due before come due again at `at`."""
    table = table_of(Duty)
    connection.execute(sa.update(table).where(table.c.name == name).values(next_at=at))


def release(connection: Connection, owner: str) -> None:
    """Let go of every role, for the next one to take at once."""
    table = table_of(Duty)
    connection.execute(sa.update(table).where(table.c.owner == owner).values(owner=None, lease_until=None))
