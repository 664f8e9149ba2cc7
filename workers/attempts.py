"""Attempts: reading a provider that may not be readable now, without giving up and without asking too often.

Called by the sweeper for the baseline and by workers/gaps.py for every scan. How often a thing failed in a row stands in `control`; after
a few failures people are told, and told again that it is over.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.engine import Connection

from receiver.db import is_trouble
from receiver.errors import Retryable
from receiver.log import get_logger
from workers import control, desk
from workers.errors import RateHeld
from workers.retry import backoff, told
from workers.runtime import Runtime

log = get_logger(__name__)
T = TypeVar("T")
PutOff = Callable[[Connection, datetime], None]


def attempt(runtime: Runtime, source: str, what: str, act: Callable[[], T], put_off: PutOff) -> T | None:
    """act(), or None where the provider cannot be read now: then put_off(connection, until when) after a growing pause.

    Where it is only not our turn to ask, no failure is counted. An answer that nobody thought of is a failure like any other: it holds up
    nothing else of its source, and people hear of it.
    """
    try:
        result = act()
    except RateHeld as held:
        wait = held.wait
        runtime.db.write(lambda c: put_off(c, runtime.clock.business(c) + wait))
        runtime.point("put-off")
        return None
    except Retryable as cause:
        log.warning("read postponed", source=source, duty=what, reason=told("read_failed", cause))
        _put_off(runtime, source, what, cause, put_off)
        return None
    except Exception as error:  # what nobody thought of, in one answer
        if is_trouble(error):
            raise
        log.error("answer not understood", source=source, duty=what, error_type=type(error).__name__)
        _put_off(runtime, source, what, Retryable(provider=source, kind="unreadable"), put_off)
        return None
    with runtime.db.read() as connection:
        had_failed = control.get(connection, _failures(source, what)) is not None
    if had_failed:
        runtime.db.write(lambda c: _well_again(c, runtime, source, _failures(source, what)))
        runtime.point("well-again")
    return result


def _put_off(runtime: Runtime, source: str, what: str, cause: Retryable, put_off: PutOff) -> None:
    runtime.db.write(partial(_failed, runtime=runtime, source=source, what=what, cause=cause, put_off=put_off))
    runtime.point("put-off")


def _failures(source: str, what: str) -> str:
    return f"unreadable:{source}:{what}"


def _failed(connection: Connection, *, runtime: Runtime, source: str, what: str, cause: Retryable, put_off: PutOff) -> None:
    name = _failures(source, what)
    tries, now = (control.get(connection, name) or 0) + 1, runtime.clock.business(connection)
    control.put(connection, name, tries, at=now)
    put_off(connection, now + backoff(tries, cause, key=name))
    desk.tell_unreadable(connection, source=source, tries=tries, why=told(f"{what}_failed", cause), at=now)


def heard(runtime: Runtime, source: str, tries: int) -> None:
    """A run or an effect could read after so many failures in a row: where people were told of them, that is over."""
    if tries >= desk.UNREADABLE_AFTER:
        runtime.db.write(lambda c: _over(c, source, runtime.clock.business(c)))
        runtime.point("well-again")


def _well_again(connection: Connection, runtime: Runtime, source: str, name: str) -> None:
    now = runtime.clock.business(connection)
    control.put(connection, name, None, at=now)
    _over(connection, source, now)


def _over(connection: Connection, source: str, now: datetime) -> None:
    """The alert is the source's: it ends once no duty of it fails any more. A run that still cannot read raises it anew."""
    if not control.named(connection, f"unreadable:{source}:"):
        desk.close_alert(connection, source, desk.UNREADABLE, at=now)
