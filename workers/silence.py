"""Silence: a source that has gone quiet for longer than it ever did, told as the alert `source_silent` that ends with its next delivery.

Owns table `heard`: by source and hour, when the first and the last push came in. The rule: after a delivery at this hour of this weekday,
the next one never took longer than so long in the past four weeks; twice that, and at least an hour, is unusual. Where that hour is known
from fewer than three weeks, the same hour of other working days (or weekend days) stands for it, else the longest silence of all. A source
is watched once it has had thirty deliveries and its first one lies a week back. Called by the sweeper and by `billhook gaps`; decides
nothing and holds nothing back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import UtcDateTime, insert_of, table_of
from receiver.inbox import Delivery
from workers import control, desk
from workers.runtime import Runtime

REASON = "source_silent"
PAST, KNOWN_FOR = timedelta(days=28), timedelta(days=7)
DELIVERIES_MIN, SAMPLES_MIN = 30, 3
FACTOR, LEAST = 2, timedelta(hours=1)
EVERY = timedelta(minutes=15)
BATCH = 5_000


class Heard(SQLModel, table=True):
    """The pushes of one source within one hour, UTC."""

    __tablename__ = "heard"

    source: str = Field(primary_key=True, max_length=64)
    hour_at: datetime = Field(sa_column=sa.Column(UtcDateTime, primary_key=True, nullable=False))
    first_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    last_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    deliveries: int = Field(default=0, sa_column=sa.Column(sa.Integer, nullable=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour in which something came in."""

    first_at: datetime
    last_at: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How quiet a source is: since when, from when on that is unusual (None where it is not watched), and why so, in words."""

    source: str
    last_at: datetime | None
    alarm_at: datetime | None
    because: str

    def is_silent(self, now: datetime) -> bool:
        return self.alarm_at is not None and now >= self.alarm_at


_HEARD, _DELIVERY = table_of(Heard), table_of(Delivery)
_NEW = (
    sa.select(_DELIVERY.c.id, _DELIVERY.c.source, _DELIVERY.c.origin, _DELIVERY.c.received_at)
    .where(_DELIVERY.c.id > sa.bindparam("after"))
    .order_by(_DELIVERY.c.id)
    .limit(BATCH)
)
_MARK = "heard"


def listen(runtime: Runtime) -> int:
    """Take in what came since the last time, and raise or end the alerts; how many of these."""
    if _has_news(runtime):
        runtime.db.write(lambda c: take_in(c, now=runtime.clock.business(c)))
        runtime.point("listened")
    changed = 0
    for account in runtime.accounts.values():
        with runtime.db.read() as connection:
            now = runtime.clock.business(connection)
            found, open_for = (
                watch(connection, account.name, account.zone, account.silence),
                control.get(connection, _alarm_name(account.name)),
            )
        wanted = found.last_at.isoformat() if found.last_at is not None and found.is_silent(now) else None
        if wanted != open_for:
            changed += 1
            runtime.db.write(lambda c, found=found, wanted=wanted, now=now: _tell(c, found, wanted, now))  # type: ignore[misc]
            runtime.point("silence-told")
    return changed


def _has_news(runtime: Runtime) -> bool:
    with runtime.db.read() as connection:
        newest = connection.execute(sa.select(sa.func.max(_DELIVERY.c.id))).scalar_one() or 0
        return bool(newest > (control.get(connection, _MARK) or 0))


def alarmed(connection: Connection) -> bool:
    """Whether any source is told as silent: then its next delivery is waited for."""
    return bool(control.named(connection, _alarm_name("")))


def take_in(connection: Connection, *, now: datetime) -> int:
    """Count what came in since the last time, by source and hour, and forget what is older than four weeks; how many deliveries."""
    after, taken, hours = control.get(connection, _MARK) or 0, 0, dict[tuple[str, datetime], Hour]()
    for row in connection.execute(_NEW, {"after": after}):
        after, taken = row.id, taken + 1
        if row.origin == "push" and row.received_at > now - PAST:
            key = (row.source, row.received_at.replace(minute=0, second=0, microsecond=0))
            before = hours.get(key, Hour(first_at=row.received_at, last_at=row.received_at, count=0))
            last = max(before.last_at, row.received_at)
            hours[key] = Hour(first_at=min(before.first_at, row.received_at), last_at=last, count=before.count + 1)
    for (source, hour_at), hour in hours.items():
        _add(connection, source, hour_at, hour)
    if taken:
        control.put(connection, _MARK, after, at=now)
        connection.execute(sa.delete(_HEARD).where(_HEARD.c.hour_at < now - PAST - LEAST))
    return taken


def _add(connection: Connection, source: str, hour_at: datetime, hour: Hour) -> None:
    insert = insert_of(connection, Heard).values(
        source=source, hour_at=hour_at, first_at=hour.first_at, last_at=hour.last_at, deliveries=hour.count
    )
    new = insert.excluded
    earlier = sa.case((new.first_at < _HEARD.c.first_at, new.first_at), else_=_HEARD.c.first_at)
    later = sa.case((new.last_at > _HEARD.c.last_at, new.last_at), else_=_HEARD.c.last_at)
    said = {"first_at": earlier, "last_at": later, "deliveries": _HEARD.c.deliveries + new.deliveries}
    connection.execute(insert.on_conflict_do_update(index_elements=["source", "hour_at"], set_=said))


def last_heard(connection: Connection) -> dict[str, datetime]:
    """When something came in last from each source, within four weeks and as far as it was taken in."""
    newest = sa.select(_HEARD.c.source, sa.func.max(_HEARD.c.last_at).label("last")).group_by(_HEARD.c.source)
    return {row.source: row.last for row in connection.execute(newest)}


def watch(connection: Connection, source: str, zone: ZoneInfo, chosen: timedelta | None) -> Watch:
    """What is known of a source's silence now; `chosen` is its setting, as in `judged`."""
    query = sa.select(_HEARD).where(_HEARD.c.source == source).order_by(_HEARD.c.hour_at)
    hours = [Hour(first_at=row.first_at, last_at=row.last_at, count=row.deliveries) for row in connection.execute(query)]
    return judged(source, hours, zone, chosen)


def judged(source: str, hours: Sequence[Hour], zone: ZoneInfo, chosen: timedelta | None = None) -> Watch:
    """The rule, over the hours in which something came in, the oldest first.

    `chosen`: a setting's own limit beats the past; zero switches it off.
    """
    last = hours[-1].last_at if hours else None
    if chosen == timedelta(0):
        return Watch(source=source, last_at=last, alarm_at=None, because="switched off in billhook.toml")
    if last is None:
        return Watch(
            source=source, last_at=None, alarm_at=None, because=f"watched after {DELIVERIES_MIN} deliveries and a week; none is counted yet"
        )
    if chosen is not None:
        return Watch(source=source, last_at=last, alarm_at=last + chosen, because=f"billhook.toml allows {in_words(chosen)}")
    count = sum(hour.count for hour in hours)
    if count < DELIVERIES_MIN or last - hours[0].first_at < KNOWN_FOR:
        return Watch(source=source, last_at=last, alarm_at=None, because=f"watched after 30 deliveries and a week; so far {count}")
    longest, after = _usual(last, list(_gaps(hours)), zone)
    limit = max(FACTOR * longest, LEAST)
    because = f"after a delivery {after} the next one came within {in_words(longest)} in the past four weeks"
    return Watch(source=source, last_at=last, alarm_at=last + limit, because=because)


def _gaps(hours: Sequence[Hour]) -> Iterator[tuple[datetime, timedelta]]:
    """(when the silence began, how long it was) between the hours; what is shorter than an hour does not count."""
    for one, following in pairwise(hours):
        yield one.last_at, following.first_at - one.last_at


def _usual(last: datetime, gaps: Sequence[tuple[datetime, timedelta]], zone: ZoneInfo) -> tuple[timedelta, str]:
    """The longest silence that began as this one did, and after what, in words."""
    local = last.astimezone(zone)
    begun = [(began.astimezone(zone), span) for began, span in gaps]
    same_hour = [(began, span) for began, span in begun if began.hour == local.hour]
    same_day = [span for began, span in same_hour if began.weekday() == local.weekday()]
    if len(same_day) >= SAMPLES_MIN:
        return max(same_day), f"at {local.hour} o'clock on a {local:%A}"
    weekend = local.weekday() >= 5
    alike = [span for began, span in same_hour if (began.weekday() >= 5) == weekend]
    if len(alike) >= SAMPLES_MIN:
        return max(alike), f"at {local.hour} o'clock on a {'weekend' if weekend else 'working'} day"
    return max((span for _, span in begun), default=timedelta(0)), "at any time"


def _tell(connection: Connection, found: Watch, wanted: str | None, now: datetime) -> None:
    control.put(connection, _alarm_name(found.source), wanted, at=now)
    desk.close_alert(connection, found.source, REASON, at=now)
    if wanted is not None and found.last_at is not None:
        detail = {"last": f"{found.last_at:%Y-%m-%d %H:%M} UTC", "quiet": in_words(now - found.last_at), "usual": found.because}
        desk.alert(connection, source=found.source, subject=found.source, reason=REASON, at=now, detail=detail)


def in_words(span: timedelta) -> str:
    """ "2 d 3 h", "5 h 20 min", "40 min"."""
    minutes = int(span.total_seconds() // 60)
    days, hours, left = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{left} min" if left and not days else ""]
    return " ".join(part for part in parts if part) or "0 min"


def _alarm_name(source: str) -> str:
    return f"silent:{source}"
