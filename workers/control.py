"""What operators set while billhook runs: modes, pauses, the freeze, `since`, baselines.

Owns table `control` (it beats billhook.toml, which gives first values), `audit`, and their queries. Read inside the transactions
that act on it, so that a setting committed before an effect's `calling` always wins.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import Json, UtcDateTime, insert_of, row_id, table_of
from workers import desk, runs

MODES = ("off", "observe", "propose", "auto")
PAUSED, SPIKE_STOP = "paused", "spike_stop"


class Control(SQLModel, table=True):
    """One setting by name."""

    __tablename__ = "control"

    name: str = Field(primary_key=True, max_length=256)
    value: Any = Field(default=None, sa_column=sa.Column(Json, nullable=True))
    set_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    actor: str = Field(default="billhook", max_length=128)


class Audit(SQLModel, table=True):
    """What a person did, when, to what."""

    __tablename__ = "audit"
    __table_args__ = (sa.Index("audit_subject", "subject"),)

    id: int | None = Field(default=None, sa_column=row_id())
    at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    actor: str = Field(max_length=128)
    act: str = Field(max_length=64)
    subject: str = Field(default="", max_length=256)
    reason: str = Field(default="", max_length=1024)
    detail: Any = Field(default=None, sa_column=sa.Column(Json, nullable=True))


_CONTROL = table_of(Control)
_NAMES: Any = sa.bindparam("of_names", expanding=True)
_ANY = sa.select(sa.literal(1)).where(_CONTROL.c.name.in_(_NAMES)).limit(1)
_GET = sa.select(_CONTROL.c.value).where(_CONTROL.c.name == sa.bindparam("of_name"))


def get(connection: Connection, name: str) -> Any:
    """The value of `name`, or None where nobody set it."""
    return connection.execute(_GET, {"of_name": name}).scalar_one_or_none()


def set_at(connection: Connection, name: str) -> datetime:
    """When `name` was set. Raises NoResultFound where nobody set it."""
    found: datetime = connection.execute(sa.select(_CONTROL.c.set_at).where(_CONTROL.c.name == name)).scalar_one()
    return found


def named(connection: Connection, prefix: str) -> dict[str, Any]:
    """Every value whose name begins with `prefix`."""
    rows = connection.execute(sa.select(_CONTROL.c.name, _CONTROL.c.value).where(_CONTROL.c.name.startswith(prefix, autoescape=True)))
    return {row.name: row.value for row in rows}


def put(connection: Connection, name: str, value: Any, *, at: datetime, actor: str = "billhook") -> None:
    """Set `name`; None forgets it."""
    table = table_of(Control)
    if value is None:
        connection.execute(sa.delete(table).where(table.c.name == name))
        return
    row = {"value": value, "set_at": at, "actor": actor}
    connection.execute(insert_of(connection, Control).values(name=name, **row).on_conflict_do_update(index_elements=["name"], set_=row))


def put_first(connection: Connection, name: str, value: Any, *, at: datetime, actor: str = "billhook") -> None:
    """Set `name` where nobody has set it; waits for a transaction that is doing so."""
    row = {"name": name, "value": value, "set_at": at, "actor": actor}
    connection.execute(insert_of(connection, Control).values(**row).on_conflict_do_nothing())


def audited(connection: Connection, act: str, *, at: datetime, actor: str, subject: str = "", reason: str = "", detail: Any = None) -> None:
    """Keep what a person did."""
    connection.execute(
        sa.insert(table_of(Audit)).values(at=at, actor=actor, act=act, subject=subject[:256], reason=reason[:1024], detail=detail)
    )


def mode_name(source: str, workflow: str) -> str:
    return f"mode:{source}:{workflow}"


def mode_of(connection: Connection, source: str, workflow: str, first: str) -> str:
    """The mode in force; `first` is billhook.toml's. Nothing leaves `observe` before the source has a baseline."""
    value = get(connection, mode_name(source, workflow))
    mode = value["mode"] if value else first
    if mode in ("propose", "auto") and baseline_at(connection, source) is None:
        return "observe"
    return str(mode)


def switched_at(connection: Connection, source: str, workflow: str) -> datetime | None:
    """When the workflow last left `observe` by an operator's hand, to the second; None where billhook.toml's mode is in force."""
    value = get(connection, mode_name(source, workflow))
    return _second(value["switched_at"]) if value and value.get("switched_at") else None


def set_mode(
    connection: Connection, source: str, workflow: str, mode: str, *, was: str, at: datetime, actor: str, include_existing: bool = False
) -> None:
    """Put a mode in force from `at`.

    Leaving observe ends the runs that only observed and stores the instant, unless existing objects are wanted too. Setting propose or
    auto also ends a pause of this workflow on this source, such as a spike stop's: a person looked at it.
    """
    before = get(connection, mode_name(source, workflow)) or {}
    leaves = was in ("off", "observe") and mode in ("propose", "auto")
    switched = (None if include_existing else at.isoformat()) if leaves else before.get("switched_at")
    existing_too = include_existing if leaves else bool(before.get("include_existing"))
    value = {"mode": mode, "switched_at": switched, "include_existing": existing_too}
    put(connection, mode_name(source, workflow), value, at=at, actor=actor)
    if leaves:
        runs.supersede(connection, source, workflow, at=at)
    audited(connection, "mode", at=at, actor=actor, subject=f"{source}/{workflow}", detail={"was": was, "mode": mode})
    if mode in ("propose", "auto"):
        end_pause(connection, f"pause:{source}:{workflow}", at=at, actor=actor)


def synced_name(source: str) -> str:
    """Under which name it is kept when a scan of the source's open invoices last went through."""
    return f"synced:{source}"


def baseline_at(connection: Connection, source: str) -> datetime | None:
    """The instant before the first request of the source's completed baseline read, or None."""
    value = get(connection, f"baseline:{source}")
    return datetime.fromisoformat(value["at"]) if value and value.get("done") else None


def since(connection: Connection, source: str, configured: datetime | None) -> datetime | None:
    """What happened before this instant is history: an operator's word, else billhook.toml's, else when the baseline began.

    To the second, because that is how providers tell the time: what happened in the same second is news.
    """
    value = get(connection, f"since:{source}")
    if value:
        return _second(value)
    started = get(connection, f"baseline:{source}")
    return configured or (_second(started["at"]) if started else None)


def _second(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(microsecond=0)


def frozen(connection: Connection) -> str | None:
    """Why every effect is held back ("operator", "restored"), or None."""
    value = get(connection, "freeze")
    return value["reason"] if value else None


def paused(connection: Connection, source: str, workflow: str) -> bool:
    """Whether an operator or a spike stop paused this source or this workflow."""
    return connection.execute(_ANY, {"of_names": pauses_of(source, workflow)}).first() is not None


def end_pause(connection: Connection, name: str, *, at: datetime, actor: str) -> None:
    """End the pause of this name, and the alert of a spike stop's, and have due what it held.

    Call it last: it passes over runs that others hold.
    """
    put(connection, name, None, at=at, actor=actor)
    _, source, workflow = name.split(":", 2)
    desk.close_alert(connection, f"{source}/{workflow}", SPIKE_STOP, at=at)
    runs.let_go(connection, PAUSED, at=at, source=None if source == "*" else source, workflow=None if workflow == "*" else workflow)


def pauses_of(source: str, workflow: str) -> list[str]:
    """The names of every pause that would hold this workflow on this source."""
    return [f"pause:{source}:*", f"pause:*:{workflow}", f"pause:{source}:{workflow}"]


def await_change(connection: Connection, names: Sequence[str]) -> None:
    """Wait for a transaction that is changing one of these settings, so that the next look sees what it came to."""
    connection.execute(sa.select(_CONTROL.c.name).where(_CONTROL.c.name.in_(names)).order_by(_CONTROL.c.name).with_for_update(read=True))


def await_turn(connection: Connection, name: str) -> None:
    """Wait for every transaction that read this setting with `await_change`; later ones wait for this transaction."""
    connection.execute(sa.select(_CONTROL.c.name).where(_CONTROL.c.name == name).with_for_update())
