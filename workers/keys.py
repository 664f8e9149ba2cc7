"""What a person may call a thing in `billhook explain`: an id, a number printed on paper, an e-mail address.

Used by the command line. Asks the mirror by id, number and address, each with an index; reads only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers.mirror import NAME_MAX, Mirror

_FIELDS = {"invoice": {"number": "invoice number"}, "customer": {"number": "customer number", "email": "e-mail address"}}
FITS_MAX = 20


@dataclass(frozen=True, slots=True)
class Fit:
    """One object that a key may mean: `key` names it without doubt, `why` says by what it was found."""

    key: str
    source: str
    why: str


def prefix_of(key: str) -> str | None:
    """The word before the colon, where the rest could be an id: "foo" of "foo:1", None of a run's key such as "17@2026-11-20T09:00"."""
    word, colon, rest = key.partition(":")
    return word if colon and rest and word.isascii() and word.isalpha() else None


def fits(connection: Connection, key: str, source: str | None = None) -> list[Fit]:
    """Every customer and invoice whose number, address or id is `key`, at most FITS_MAX; letters may be large or small."""
    table, wanted = table_of(Mirror), key.strip().casefold()
    if not wanted:
        return []
    said = sa.or_(table.c.object_id.in_({key.strip(), wanted}), table.c.number == wanted[:NAME_MAX], table.c.email == wanted[:NAME_MAX])
    columns = (table.c.source, table.c.kind, table.c.object_id, table.c.fields)
    query = sa.select(*columns).where(said, table.c.kind.in_(_FIELDS)).order_by(table.c.id)
    if source:
        query = query.where(table.c.source == source)
    found = (fit for row in connection.execute(query).mappings() if (fit := _fit(row, wanted)) is not None)
    return [fit for fit, _ in zip(found, range(FITS_MAX), strict=False)]


def _fit(row: sa.RowMapping, wanted: str) -> Fit | None:
    fields: dict[str, Any] = row["fields"]
    by = [words for name, words in _FIELDS[row["kind"]].items() if str(fields.get(name) or "").strip().casefold() == wanted]
    if row["object_id"].casefold() == wanted:
        by = ["id", *by]
    return Fit(f"{row['kind']}:{row['object_id']}", row["source"], " and ".join(by)) if by else None


def told(key: str, found: Iterable[Fit]) -> str:
    """The sentence for a key that fits more than one thing."""
    named = ", ".join(f"{fit.key} on {fit.source} ({fit.why})" for fit in found)
    return f"{key} fits more than one thing: {named}. All of them are told; name one of them to see it alone"
