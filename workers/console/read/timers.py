"""What will happen next by itself: runs that wake, effects that are tried again or lapse, re-reads, schedules, the end of replays.

Used by the page Timers. Merged from several tables in the order of time and paged by the last one seen. What an index gives in that order
is read as far as a page needs; the rest is looked for among SCAN rows, and the page says where it stopped looking. Reads only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers import replays
from workers.backlog import Count, counted
from workers.duties import Duty
from workers.errors import FilterInvalid
from workers.ledger import UNCALLED, EffectRow
from workers.rereads import Reread
from workers.runs import RunRow

SCAN, EFFECTS, LIMIT = 20_000, 2_000, 100
KINDS = ("effect lapses", "effect tried", "re-read", "replay", "run", "schedule")
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_RUN, _EFFECT, _REREAD, _DUTY = table_of(RunRow), table_of(EffectRow), table_of(Reread), table_of(Duty)
_NO_DAY = sa.select(_RUN.c.id).where(_RUN.c.status == "waiting", _RUN.c.wake_at.is_(None))


@dataclass(frozen=True, kw_only=True)
class Timer:
    """One thing to come. `what` names it, `why` says what it waits for, `link` is its page."""

    at: datetime
    kind: str
    id: str
    source: str
    workflow: str
    what: str
    why: str
    link: str

    @property
    def place(self) -> tuple[datetime, int, str]:
        """Where it stands in the order."""
        return self.at, KINDS.index(self.kind), self.id


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for; "" is every one. `after`: the place behind which to begin, None from the first on."""

    source: str = ""
    workflow: str = ""
    kind: str = ""
    after: tuple[datetime, int, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """`next`: what to pass on for the following page, None at the end. `looked_to`: where the look ended, if that was not far enough."""

    timers: list[Timer]
    next: str | None
    looked_to: datetime | None


def page(connection: Connection, wanted: Wanted, *, now: datetime, limit: int = LIMIT) -> Page:
    """The next things behind `wanted.after`, what is overdue first of all."""
    looks = (_runs, _tried, _lapses, _rereads, _schedules, _replays)
    found: list[Timer] = []
    ends: list[datetime] = []
    for look in looks:
        timers, looked_to = look(connection, wanted, limit + 1, now)
        found += timers
        ends += [looked_to] if looked_to is not None else []
    end = min(ends, default=None)
    fitting = sorted((one for one in found if _fits(one, wanted) and (end is None or one.at <= end)), key=lambda one: one.place)
    if len(fitting) > limit:
        return Page(timers=fitting[:limit], next=_cursor(fitting[limit - 1].place), looked_to=None)
    return Page(timers=fitting, next=None if end is None else _cursor((end, len(KINDS), "")), looked_to=end)


def without_a_day(connection: Connection) -> Count:
    """How many runs wait for an event and for no instant."""
    return counted(connection, _NO_DAY)


def parsed(text: str) -> tuple[datetime, int, str] | None:
    """The place a page's `next` means. Raises FilterInvalid."""
    if not text:
        return None
    instant, _, rest = text.partition("~")
    kind, _, id = rest.partition("~")
    try:
        at = datetime.fromisoformat(instant)
        place = int(kind)
    except ValueError:
        raise FilterInvalid("from: go back to the first page of the timers", field="from") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)), place, id


def _cursor(place: tuple[datetime, int, str]) -> str:
    return f"{place[0].isoformat()}~{place[1]}~{place[2]}"


def _fits(timer: Timer, wanted: Wanted) -> bool:
    same = all(not asked or asked == is_so for asked, is_so in ((wanted.source, timer.source), (wanted.workflow, timer.workflow)))
    return same and wanted.kind in ("", timer.kind) and (wanted.after is None or timer.place > wanted.after)


Found = tuple[list[Timer], datetime | None]


def _behind(kind: str, wanted: Wanted, at: sa.ColumnElement[Any], id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """The condition of standing behind `wanted.after`."""
    if wanted.after is None:
        return at > BEGINNING
    after, place, name = wanted.after
    own = KINDS.index(kind)
    if own == place:
        return sa.and_(at >= after, sa.or_(at > after, id > name))
    return at > after if own < place else at >= after


def _narrowed(connection: Connection, query: sa.Select[Any], wanted: Wanted, at: str, limit: int) -> tuple[Sequence[sa.RowMapping], Any]:
    """The first rows of an ordered query that are of the wanted source and workflow, among SCAN; and where the look ended, if it did."""
    asked = {name: value for name, value in (("source", wanted.source), ("workflow", wanted.workflow)) if value}
    if not asked:
        return connection.execute(query.limit(limit)).mappings().all(), None
    window = query.limit(SCAN).subquery()
    fits = [window.c[name] == value for name, value in asked.items() if name in window.c]
    rows = connection.execute(sa.select(window).where(*fits).order_by(window.c[at], window.c.id).limit(limit)).mappings().all()
    if len(rows) == limit:
        return rows, None
    last, count = connection.execute(sa.select(sa.func.max(window.c[at]), sa.func.count())).one()
    return rows, last if count == SCAN else None


def _runs(connection: Connection, wanted: Wanted, limit: int, _now: datetime) -> Found:
    if wanted.kind not in ("", "run"):
        return [], None
    columns = (_RUN.c.id, _RUN.c.wake_at, _RUN.c.source, _RUN.c.workflow, _RUN.c.key, _RUN.c.reason)
    waits = sa.select(*columns).where(_RUN.c.status == "waiting", _behind("run", wanted, _RUN.c.wake_at, _RUN.c.id))
    rows, end = _narrowed(connection, waits.order_by(_RUN.c.wake_at, _RUN.c.id), wanted, "wake_at", limit)
    return [
        Timer(
            at=row["wake_at"], kind="run", id=row["id"], source=row["source"], workflow=row["workflow"], what=f"{row['key']} goes on",
            why=row["reason"] or "", link=f"/runs/{row['id']}",
        )
        for row in rows
    ], end  # fmt: skip


def _tried(connection: Connection, wanted: Wanted, limit: int, _now: datetime) -> Found:
    return _effects(connection, "effect tried", _EFFECT.c.wake_at, wanted, limit, "is tried again")


def _lapses(connection: Connection, wanted: Wanted, limit: int, _now: datetime) -> Found:
    return _effects(connection, "effect lapses", _EFFECT.c.valid_until, wanted, limit, "lapses unless it is called by then")


def _effects(connection: Connection, kind: str, at: sa.Column[Any], wanted: Wanted, limit: int, says: str) -> Found:
    """Effects that are not called yet: the oldest EFFECTS in each state, each asked for by itself, so that the index on it is taken."""
    if wanted.kind not in ("", kind):
        return [], None
    named = ("id", "source", "workflow", "service", "object_kind", "object_id", "reason", at.name)
    columns = [_EFFECT.c[name] for name in named]
    oldest = [sa.select(*columns).where(_EFFECT.c.state == state).limit(EFFECTS).subquery() for state in UNCALLED]
    uncalled = sa.union_all(*(sa.select(one) for one in oldest)).subquery()
    instant = uncalled.c[at.name]
    asked = [uncalled.c[name] == value for name, value in (("source", wanted.source), ("workflow", wanted.workflow)) if value]
    query = sa.select(uncalled).where(instant.is_not(None), _behind(kind, wanted, instant, uncalled.c.id), *asked)
    return [
        Timer(
            at=row[at.name], kind=kind, id=row["id"], source=row["source"], workflow=row["workflow"],
            what=f"{row['service']} of {row['object_kind']} {row['object_id']} {says}", why=row["reason"] or "",
            link=f"/effects/{row['id']}",
        )
        for row in connection.execute(query.order_by(instant, uncalled.c.id).limit(limit)).mappings()
    ], None  # fmt: skip


def _rereads(connection: Connection, wanted: Wanted, limit: int, _now: datetime) -> Found:
    if wanted.kind not in ("", "re-read") or wanted.workflow:
        return [], None
    name = _REREAD.c.source + "/" + _REREAD.c.kind + ":" + _REREAD.c.object_id
    query = sa.select(_REREAD, name.label("id")).where(_behind("re-read", wanted, _REREAD.c.due_at, name))
    rows, end = _narrowed(connection, query.order_by(_REREAD.c.due_at, name), wanted, "due_at", limit)
    return [
        Timer(
            at=row["due_at"], kind="re-read", id=row["id"], source=row["source"], workflow="",
            what=f"{row['kind']} {row['object_id']} is read again", why=row["reason"],
            link=f"/story?key={row['kind']}:{row['object_id']}&source={row['source']}",
        )
        for row in rows
    ], end  # fmt: skip


def _schedules(connection: Connection, wanted: Wanted, _limit: int, _now: datetime) -> Found:
    """What workflows and sources do regularly, its next time each; a handful of rows."""
    if wanted.kind not in ("", "schedule"):
        return [], None
    rows = connection.execute(sa.select(_DUTY.c.name, _DUTY.c.next_at).where(_DUTY.c.next_at.is_not(None)).order_by(_DUTY.c.name))
    return [timer for row in rows if (timer := _schedule(row.name, row.next_at)) is not None], None


def _schedule(name: str, next_at: datetime) -> Timer | None:
    kind, _, rest = name.partition(":")
    source, _, rest = rest.partition(":")
    workflow, _, schedule = rest.partition(":")
    if kind == "tick":
        link, what, why = (
            f"/workflows/{workflow}",
            f"{workflow} begins",
            f"every {schedule}" if schedule[:-1].isdigit() else f"daily {schedule}",
        )
    elif kind == "scan":
        link, what, why = f"/sources/{source}", f"the open invoices of {source} are looked through", ""
    else:
        return None
    return Timer(at=next_at, kind="schedule", id=name, source=source, workflow=workflow, what=what, why=why, link=link)


def _replays(connection: Connection, wanted: Wanted, _limit: int, now: datetime) -> Found:
    if wanted.kind not in ("", "replay") or wanted.source or wanted.workflow:
        return [], None
    under_way: Iterable[replays.Progress] = (one for one in replays.under_way(connection, now=now) if one.later)
    return [
        Timer(
            at=one.ends_at, kind="replay", id=one.replay, source="", workflow="",
            what=f"the last of {one.later} orders of replay {one.replay}",
            why=f"{one.done} of {one.ordered} done", link="/replays",
        )
        for one in under_way
    ], None  # fmt: skip
