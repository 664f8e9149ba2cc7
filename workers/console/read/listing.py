"""Lists for the console: a page of rows, newest first, narrowed by what an operator wants to see, whatever the size of the table.

Used by the list pages. What an index finds is asked of the index; everything else is looked for among the next SCAN rows only, and the
page says how far back it looked, so that one request reads a bounded part of the table. Reads only; the lists are workers/views.py's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers.console.masking import tells
from workers.errors import FilterInvalid
from workers.ledger import OPEN
from workers.runs import UNFINISHED
from workers.views import BIG, VIEWS, Row, View, newest_before, row_number, told_more

SCAN = 20_000
LIMIT, LIMIT_MAX = 50, 200


@dataclass(frozen=True, kw_only=True)
class Listing:
    """How one view is listed. `at` is the column of its time; `filters` maps a field of the form to what it does to a row.

    `indexed`: the filters an index answers. `states`: those of the filter `state` that few rows are in, which an index finds too.
    `text`: the columns a text is looked for in.
    """

    view: View
    at: str
    indexed: Mapping[str, str] = field(default_factory=dict)
    plain: Mapping[str, str] = field(default_factory=dict)
    states: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    error: str | None = None
    amount: str | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The form's fields, in their order."""
        extra = ["error"] if self.error else []
        extra += ["least", "most", "currency"] if self.amount else []
        source = ("source",) if "source" in self.plain else ()
        return (*source, *(name for name in (*self.plain, *self.indexed) if name != "source"), "text", *extra, "since", "until")


@dataclass(frozen=True, kw_only=True)
class Page:
    """`rows`, and where the next page begins: `older` is the id to pass on, None at the end.

    `looked_to`: the instant up to which was looked, where fewer rows than wanted were found and there is more to look through.
    """

    rows: list[Row]
    older: str | None
    looked_to: datetime | None = None


WHOSE = {"customer": "customer_id", "invoice": "invoice_id"}
LISTINGS = {
    listing.view.name: listing
    for listing in (
        Listing(
            view=VIEWS["deliveries"], at="received_at", text=("body",), error="reason",
            plain={"source": "source", "origin": "origin", "type": "native_type", "state": "outcome", "id": "native_id"},
        ),
        Listing(
            view=VIEWS["events"], at="recorded_at", text=("data",), error="outcome",
            plain={"source": "source", "type": "type"}, indexed=WHOSE,
        ),
        Listing(
            view=VIEWS["runs"], at="started_at", text=("key", "reason"), error="reason",
            plain={"source": "source", "workflow": "workflow", "state": "status", "outcome": "outcome", "mode": "mode"}, indexed=WHOSE,
            states=UNFINISHED,
        ),
        Listing(
            view=VIEWS["effects"], at="intended_at", text=("request", "reference"), error="reason", amount="amount",
            plain={"source": "source", "workflow": "workflow", "service": "service", "state": "state"},
            indexed={"customer": "customer_id", "object": "object_id"}, states=OPEN,
        ),
        Listing(view=VIEWS["audit"], at="at", text=("subject", "detail"), error="reason", plain={"actor": "actor", "act": "act"}),
        Listing(view=VIEWS["refusals"], at="at", text=("body",), error="detail", plain={"source": "source", "cause": "cause"}),
    )
}  # fmt: skip


def page(
    connection: Connection,
    listing: Listing,
    wanted: Mapping[str, str],
    *,
    sources: Sequence[str],
    older: str | None = None,
    limit: int = LIMIT,
) -> Page:
    """The next rows from the id `older` down. `sources` are all there are. Raises FilterInvalid naming the field that is wrong."""
    table, limit = table_of(listing.view.model), max(1, min(limit, LIMIT_MAX))
    first = _first(connection, listing, table, older, wanted.get("until", ""))
    below = [table.c.id <= first] if first is not None else []
    named = _by_index(listing, table, wanted, sources)
    state = wanted.get("state", "")
    in_state = [table.c[listing.plain["state"]] == state] if state in listing.states else []
    rest = _rest(connection, listing, table, {**wanted, "state": ""} if in_state else wanted)
    in_order = table.c.id + "" if in_state and not named else table.c.id  # an expression: no walk through all ids for the few of a state
    ids = sa.select(table.c.id).where(*below, *named, *in_state).order_by(in_order.desc())
    if named or not rest:
        found = list(connection.execute(ids.where(*rest).limit(limit + 1)).scalars())
        rows = _rows(connection, listing, table, _open(connection, listing, table, found[:limit], wanted))
        return Page(rows=rows, older=str(found[limit]) if rows and len(found) > limit else None)
    window = ids.limit(SCAN).subquery()
    last, count = connection.execute(sa.select(sa.func.min(window.c.id), sa.func.count())).one()
    found = list(connection.execute(ids.where(table.c.id >= last, *rest).limit(limit + 1)).scalars()) if count else []
    rows = _rows(connection, listing, table, _open(connection, listing, table, found[:limit], wanted))
    if rows and len(found) > limit:
        return Page(rows=rows, older=str(found[limit]))
    return _looked(connection, table, listing, last, count, rows)


def _open(connection: Connection, listing: Listing, table: sa.Table, ids: list[Any], wanted: Mapping[str, str]) -> list[Any]:
    """The ids without those in which the text was found only in what every page leaves out: nobody finds that out by asking."""
    if not (text := wanted.get("text")) or not ids:
        return ids
    columns = [
        sa.cast(one, sa.Text) if not isinstance(one.type, sa.LargeBinary) else one for one in (table.c[name] for name in listing.text)
    ]
    told: list[Any] = []
    for id, *values in connection.execute(sa.select(table.c.id, *columns).where(table.c.id.in_(ids)).order_by(table.c.id.desc())):
        raws = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "") for value in values]
        told += [id] if any(tells(raw, text) for raw in raws) else []
    return told


def _looked(connection: Connection, table: sa.Table, listing: Listing, last: Any, count: int, rows: list[Row]) -> Page:
    """A page for which `count` rows down to the id `last` were looked through: there may be more behind."""
    if count < SCAN:
        return Page(rows=rows, older=None)
    at = connection.execute(sa.select(table.c[listing.at]).where(table.c.id == last)).scalar_one()
    return Page(rows=rows, older=_before(last), looked_to=at)


def _before(id: Any) -> str:
    """The largest id below this one."""
    return str(id - 1) if isinstance(id, int) else f"{int(id, 16) - 1:0{len(id)}x}"


def _rows(connection: Connection, listing: Listing, table: sa.Table, ids: list[Any]) -> list[Row]:
    columns = [column for column in table.c if column.name not in BIG]
    query = sa.select(*columns).where(table.c.id.in_(ids)).order_by(table.c.id.desc())
    return told_more(listing.view, connection, [dict(row) for row in connection.execute(query).mappings()])


def _first(connection: Connection, listing: Listing, table: sa.Table, older: str | None, until: str) -> Any:
    """The largest id to show: the cursor's, else the last made before `until`; None from the newest on."""
    if older:
        numbered = isinstance(table.c.id.type, sa.Integer)
        return row_number(older) or 0 if numbered else older
    return newest_before(connection, table, listing.at, instant("until", until)) if until else None


def _by_index(listing: Listing, table: sa.Table, wanted: Mapping[str, str], sources: Sequence[str]) -> list[Any]:
    """The conditions an index answers: an object's, on every source where none is named, because each index begins with the source."""
    named = [table.c[column] == wanted[name] for name, column in listing.indexed.items() if wanted.get(name)]
    whose = [wanted["source"]] if wanted.get("source") else list(sources)
    return [table.c.source.in_(whose), *named] if named else []


def _rest(connection: Connection, listing: Listing, table: sa.Table, wanted: Mapping[str, str]) -> list[Any]:
    """The conditions no index answers."""
    found: list[Any] = [table.c[column] == wanted[name] for name, column in listing.plain.items() if wanted.get(name)]
    if wanted.get("text"):
        found.append(sa.or_(*(_contains(connection, table.c[column], wanted["text"]) for column in listing.text)))
    if wanted.get("error") and listing.error:
        found.append(_contains(connection, table.c[listing.error], wanted["error"]))
    if wanted.get("since"):
        found.append(table.c[listing.at] >= instant("since", wanted["since"]))
    if wanted.get("until"):
        found.append(table.c[listing.at] < instant("until", wanted["until"]))
    return found + (_amounts(table.c[listing.amount], wanted) if listing.amount else [])


def _contains(connection: Connection, column: sa.Column[Any], text: str) -> sa.ColumnElement[bool]:
    """Whether a column holds the text: letters large or small, but in bytes just as written, in UTF-8."""
    if not isinstance(column.type, sa.LargeBinary):
        return sa.func.lower(sa.cast(column, sa.Text)).contains(text.lower(), autoescape=True)
    place = sa.func.instr if connection.dialect.name == "sqlite" else sa.func.pg_catalog.position
    return place(column, sa.literal(text.encode(), sa.LargeBinary)) > 0


def _amounts(column: sa.Column[Any], wanted: Mapping[str, str]) -> list[Any]:
    """Amounts are kept as "119.00 EUR"."""
    found: list[Any] = []
    number = sa.cast(sa.func.substr(column, 1, sa.func.length(column) - 4), sa.Numeric(18, 4))
    for name, test in (("least", number.__ge__), ("most", number.__le__)):
        if wanted.get(name):
            found += [column.is_not(None), test(amount(name, wanted[name]))]
    if wanted.get("currency"):
        found.append(column.endswith(f" {wanted['currency'].upper()}", autoescape=True))
    return found


def instant(name: str, text: str) -> datetime:
    """The instant a form's field says, such as 2026-11-21 or 2026-11-21T09:00; UTC where no zone stands in it. Raises FilterInvalid."""
    try:
        at = datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):  # the first day of year 1 is in no year in UTC, east of Greenwich
        raise FilterInvalid(f"{name}: write a time such as 2026-11-21 or 2026-11-21T09:00", field=name) from None


def amount(name: str, text: str) -> Decimal:
    """The amount a form's field says. Raises FilterInvalid."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise FilterInvalid(f"{name}: write an amount such as 119.00", field=name)
    return value
