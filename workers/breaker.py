"""The circuit breaker of a source: after calls failed in a row its effects are held, and one at a time tries whether it is back.

Kept in `control` as `breaker:<source>`, written in the transactions that keep a call's outcome. It counts what says that the provider
or the way to it is ill: no connection, a lost answer, a failed fresh read, refused credentials. An answer of any other kind closes it.
A read that goes well shows that reads go, and no more: it closes only what a failed read holds open, and only where no call follows.
Without it an hour of 502s would be an unknown effect for every invoice of that hour.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from receiver.errors import Retryable
from workers import control, desk

FAILURES_MAX = 3
FIRST, LONGEST = timedelta(seconds=30), timedelta(minutes=15)
OPEN = "breaker_open"
_OF_ONE_OBJECT = ("wrong_object", "unreadable", "slow")  # says nothing of the provider


def is_open(connection: Connection, source: str) -> bool:
    """Whether it is open, also while one call tries whether the provider is back."""
    value = control.get(connection, name_of(source))
    return value is not None and value["failures"] >= FAILURES_MAX


def opened(connection: Connection) -> list[dict[str, Any]]:
    """{"source", "failures", "since", "next_try"} of every open breaker, by source; instants are datetimes."""
    found = sorted((name.partition(":")[2], value) for name, value in control.named(connection, name_of("")).items())
    return [
        {
            "source": source,
            "failures": value["failures"],
            "since": datetime.fromisoformat(value["since"]),
            "next_try": datetime.fromisoformat(value["until"]),
        }
        for source, value in found
        if value["failures"] >= FAILURES_MAX
    ]


def held_until(connection: Connection, source: str, *, now: datetime) -> datetime | None:
    """Until when the source's effects are held, or None."""
    value = control.get(connection, name_of(source))
    if value is None or value["failures"] < FAILURES_MAX:
        return None
    until = datetime.fromisoformat(value["until"])
    return until if now < until else None


def admit(connection: Connection, source: str, *, now: datetime) -> datetime | None:
    """`held_until`, in the transaction of a call: where the breaker is half open, this call tries, and the others wait for it."""
    held = held_until(connection, source, now=now)
    value = control.get(connection, name_of(source))
    if held is None and value is not None and value["failures"] >= FAILURES_MAX:
        tries = {"until": (now + _pause(value["failures"])).isoformat(), "tries": True}
        control.put(connection, name_of(source), {**value, **tries}, at=now)
    return held


def probe(connection: Connection, source: str, *, at: datetime) -> bool:
    """Let the next call through now, as if its time had come; false where the breaker is not open."""
    if not is_open(connection, source):
        return False
    control.put(connection, name_of(source), {**control.get(connection, name_of(source)), "until": at.isoformat()}, at=at)
    return True


def failed(connection: Connection, source: str, why: str, *, at: datetime, unread: bool = False) -> None:
    """Count a failure; the third in a row opens the breaker and tells people. `unread`: nothing was asked, or it was a read.

    While it is open only the call that tries counts: others that end now began before it opened, and say nothing new.
    """
    value = control.get(connection, name_of(source)) or {"failures": 0, "since": at.isoformat()}
    if held_until(connection, source, now=at) is not None and not value.get("tries"):
        return
    failures = value["failures"] + 1
    counted = {"failures": failures, "until": (at + _pause(failures)).isoformat(), "tries": False, "unread": unread}
    control.put(connection, name_of(source), {**value, **counted}, at=at)
    if failures >= FAILURES_MAX:
        desk.alert(connection, source=source, subject=source, reason=OPEN, at=at, detail={"failures": failures, "why": why})


def unread(connection: Connection, source: str, cause: Retryable, why: str, *, at: datetime) -> None:
    """`failed`, for what was not asked or not readable, where that is the provider's trouble; too many requests are ours."""
    kind = cause.context.get("kind")
    if kind != "rate" and kind not in _OF_ONE_OBJECT:
        failed(connection, source, why, at=at, unread=True)


def read(connection: Connection, source: str, *, at: datetime) -> bool:
    """A read went well and no call follows: where it is half open since a failed read, close it; whether its runs are to be let go.

    What calls come to is not known: the first that fails opens it again.
    """
    value = control.get(connection, name_of(source))
    if value is None or not value.get("unread") or value["failures"] < FAILURES_MAX or held_until(connection, source, now=at) is not None:
        return False
    control.put(connection, name_of(source), {**value, "failures": FAILURES_MAX - 1, "since": at.isoformat()}, at=at)
    desk.close_alert(connection, source, OPEN, at=at)
    return True


def answered(connection: Connection, source: str, *, at: datetime) -> bool:
    """The provider answered: close the breaker; whether it was open, and its runs are to be let go (runs.let_go)."""
    was_open = is_open(connection, source)
    if control.get(connection, name_of(source)) is not None:
        control.put(connection, name_of(source), None, at=at)
        desk.close_alert(connection, source, OPEN, at=at)
    return was_open


def name_of(source: str) -> str:
    return f"breaker:{source}"


def _pause(failures: int) -> timedelta:
    doubled: timedelta = FIRST * 2 ** min(10, max(0, failures - FAILURES_MAX))
    return min(LONGEST, doubled)
