"""`billhook tail`: deliveries, events, runs and effects as they come, a line each.

Each table is followed by its ids. Transactions may commit in another order than their ids were given, so the last seconds are looked
through again, and what was shown already is passed over.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import sqlalchemy as sa
import typer
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from workers.chain import EffectLog
from workers.cli.output import plain, print_json
from workers.cli.remote import Remote, timed
from workers.cli.session import Json, Source, session
from workers.events import EventRow
from workers.ledger import EffectRow
from workers.runs import RunRow

EVERY_S, SETTLED_S, AT_ONCE = 1.0, 5.0, 1_000
Row = dict[str, Any]
Found = list[tuple[str, Row]]
Kinds = Annotated[list[str] | None, typer.Option("--kind", "-k", help="Only these: deliveries, events, runs, effects. May be repeated.")]
Last = Annotated[int, typer.Option("--last", "-n", min=0, max=AT_ONCE, help="Begin with so many of each that are there already.")]
Once = Annotated[bool, typer.Option("--once", help="Show those and end.")]

_DELIVERY, _EVENT, _RUN, _LOG, _EFFECT = (table_of(model) for model in (Delivery, EventRow, RunRow, EffectLog, EffectRow))
_MOVES = sa.select(
    _LOG.c.seq.label("id"), _LOG.c.at, _EFFECT.c.source, _LOG.c.effect_id, _EFFECT.c.service, _EFFECT.c.object_id, _LOG.c.after,
    _LOG.c.reason,
).join(_EFFECT, _EFFECT.c.id == _LOG.c.effect_id)  # fmt: skip
FOLLOWED: dict[str, tuple[sa.Select[Any], sa.Column[Any], Callable[[Row], str]]] = {
    "deliveries": (
        sa.select(*(_DELIVERY.c[name] for name in ("id", "received_at", "source", "origin", "native_type", "native_id"))),
        _DELIVERY.c.id, lambda row: f"{row['origin']} {row['native_type']} {row['native_id']}",
    ),
    "events": (
        sa.select(*(_EVENT.c[name] for name in ("id", "recorded_at", "source", "type", "customer_id", "invoice_id"))),
        _EVENT.c.id, lambda row: f"{row['type']} {' '.join(_whose(row))}",
    ),
    "runs": (
        sa.select(*(_RUN.c[name] for name in ("id", "started_at", "source", "workflow", "key", "mode"))),
        _RUN.c.id, lambda row: f"{row['workflow']} {row['key']} ({row['mode']})",
    ),
    "effects": (_MOVES, _LOG.c.seq, lambda row: f"{row['service']} {row['object_id']} {row['after']} {row['reason'] or ''}".rstrip()),
}  # fmt: skip
AT = {"deliveries": "received_at", "events": "recorded_at", "runs": "started_at", "effects": "at"}


def tail(
    context: typer.Context, kind: Kinds = None, source: Source = None, last: Last = 10, once: Once = False, json: Json = False
) -> None:
    """Follow what happens: deliveries, events, runs as they begin, and every move of an effect. Ctrl-C ends it."""
    here, kinds = session(context), list(dict.fromkeys(kind or FOLLOWED))
    if unknown := [name for name in kinds if name not in FOLLOWED]:
        raise typer.BadParameter(f"there is no kind {unknown[0]}: write {', '.join(FOLLOWED)}")
    followers = [Follower(kind=name, source=source) for name in kinds]
    if (elsewhere := here.elsewhere()) is not None:
        _follow(_looks_there(elsewhere, followers, source, last), once, json)
        return
    if source is not None:
        here.settings().source(source)
    with here.database() as database:
        _follow(_looks(database, followers, last), once, json)


def _follow(looks: Iterator[Found], once: bool, as_json: bool) -> None:
    try:
        _show(next(looks), as_json)
        while not once:
            time.sleep(EVERY_S)
            _show(next(looks), as_json)
    except KeyboardInterrupt:
        return


def _looks(database: Database, followers: Sequence["Follower"], last: int) -> Iterator[Found]:
    """What is there, then each time what came."""
    yield _look(database, lambda one, c: one.first(c, last), followers)
    while True:
        yield _look(database, lambda one, c: one.new(c), followers)


def _looks_there(elsewhere: Remote, followers: Sequence["Follower"], source: str | None, last: int) -> Iterator[Found]:
    """The same from a console elsewhere, one request a look. Which rows were seen is kept here."""
    found = elsewhere.look("tail", {"kind": [one.kind for one in followers], "source": source, "last": last or "0"})
    for one in followers:
        one.begin(found[one.kind]["low"])
    yield _in_time((one.kind, timed(row)) for one in followers for row in found[one.kind]["rows"])
    while True:
        found = elsewhere.look("tail", {one.kind: f"{one.low}" or " " for one in followers})
        yield _in_time((one.kind, row) for one in followers for row in one.fresh([timed(row) for row in found[one.kind]["rows"]]))


@dataclass(kw_only=True)
class Follower:
    """One table. `_low`: the id behind which is looked; `_seen`: when each id behind it was seen, in seconds of `clock`."""

    kind: str
    source: str | None = None
    clock: Callable[[], float] = time.monotonic
    _low: Any = None
    _seen: dict[Any, float] = field(default_factory=dict)

    def first(self, connection: Connection, last: int) -> list[Row]:
        """The newest `last` rows of the source, the oldest first. `new` begins behind them."""
        rows, low = newest(connection, self.kind, last, self.source)
        self.begin(low)
        return rows

    def new(self, connection: Connection) -> list[Row]:
        """What came since, also what was committed after a row with a higher id."""
        return self.fresh(beyond(connection, self.kind, self._low))

    @property
    def low(self) -> Any:
        """The id behind which is to be looked next."""
        return self._low

    def begin(self, low: Any) -> None:
        """Follow what comes behind this id."""
        self._low = low

    def fresh(self, found: Sequence[Row]) -> list[Row]:
        """Of the rows behind `low` those that were not seen yet."""
        now = self.clock()
        fresh = [row for row in found if row["id"] not in self._seen]
        self._seen |= {row["id"]: now for row in fresh}
        settled = [one for one, at in self._seen.items() if now - at >= SETTLED_S or len(found) == AT_ONCE]
        if settled:
            self._low = max(settled)
            self._seen = {one: at for one, at in self._seen.items() if one > self._low}
        return [row for row in fresh if self.source in (None, row["source"])]


def newest(connection: Connection, kind: str, last: int, source: str | None) -> tuple[list[Row], Any]:
    """The newest `last` rows of the source, among the AT_ONCE newest of all, the oldest first; and the newest id of all."""
    query, id, _ = FOLLOWED[kind]
    low = connection.execute(sa.select(sa.func.max(id))).scalar_one()
    if low is None:
        low = 0 if isinstance(id.type, sa.Integer) else ""
    all_newest = query.order_by(id.desc()).limit(AT_ONCE).subquery()
    own = [] if source is None else [all_newest.c.source == source]
    rows = connection.execute(sa.select(all_newest).where(*own).order_by(all_newest.c.id.desc()).limit(last)).mappings().all()
    return [dict(row) for row in reversed(rows)], low


def beyond(connection: Connection, kind: str, low: Any) -> list[Row]:
    """The rows behind an id, AT_ONCE at most, the oldest first."""
    query, id, _ = FOLLOWED[kind]
    return [dict(row) for row in connection.execute(query.where(id > low).order_by(id).limit(AT_ONCE)).mappings()]


def _look(database: Database, ask: Callable[[Follower, Connection], list[Row]], followers: Sequence[Follower]) -> Found:
    """What all followers find, in the order of time."""
    with database.read() as connection:
        return _in_time((one.kind, row) for one in followers for row in ask(one, connection))


def _in_time(found: Iterable[tuple[str, Row]]) -> Found:
    return sorted(found, key=lambda item: item[1][AT[item[0]]])


def _show(found: Found, as_json: bool) -> None:
    for kind, row in found:
        if as_json:
            print_json({"kind": kind, **row})
        else:
            print(line(kind, row), flush=True)


def line(kind: str, row: Row) -> str:
    """One row as a line: when, what, where, its id, and what is told of it."""
    id = row["effect_id"] if kind == "effects" else row["id"]
    return plain(f"{plain(row[AT[kind]])}  {kind:<10}  {row['source']:<10}  {id}  {FOLLOWED[kind][2](row)}")


def _whose(row: Row) -> Iterator[str]:
    for name in ("customer", "invoice"):
        if row[f"{name}_id"]:
            yield f"{name} {row[f'{name}_id']}"
