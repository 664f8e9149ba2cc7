"""A business of a million deliveries for the benches that look at it, with three million journal rows.

`build` fills a new database and puts around it what a year of work leaves there (tests/bench/around.py).
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import sqlalchemy as sa

from receiver.db import Database, canonical_json, table_of
from tests.bench.around import CUSTOMERS_EACH, SOURCE, around
from tests.bench.prove import BATCH, Rows, Story, fill_postgres, fill_sqlite
from workers import pulse
from workers.schema import METADATA


class Business(Story):
    """Three steps a run, and the mirrors of invoices and customers."""

    steps = ("invoice", "customer", "send")

    def tell(self, first: int, count: int) -> Rows:
        rows = super().tell(first, count)
        rows["mirror"] = [row for number in range(first, first + count) for row in mirrors(number)]
        return rows


def mirrors(number: int) -> Iterator[dict[str, object]]:
    """An invoice's mirror, and its customer's for every tenth."""
    flags = {"seen": True, "deleted": False, "completed": True, "canceled": False, "paid": True, "revision": 1, "untold": False}
    customer = str(number // CUSTOMERS_EACH)
    told = {"number": f"2026-{number}", "total": "119.00", "outstanding": "119.00", "currency": "EUR", "type": "outgoing"}
    printed = canonical_json({**told, "customer_id": customer})
    yield {
        "id": 2 * number, "source": SOURCE, "kind": "invoice", "object_id": str(number), "customer_id": customer, "fields": printed,
        "number": f"2026-{number}", "email": None, **flags,
    }  # fmt: skip
    if number % CUSTOMERS_EACH == 0:
        told = {"number": customer, "email": f"c{customer}@example.org"}
        yield {
            "id": 2 * number + 1, "source": SOURCE, "kind": "customer", "object_id": customer, "customer_id": customer,
            "fields": canonical_json(told), **told, **flags,
        }  # fmt: skip


def build(url: str, deliveries: int) -> None:
    """Fill a new database at `url`."""
    began, story = time.monotonic(), Business()
    _tables(url)
    batches = (story.tell(first, min(BATCH, deliveries + 1 - first)) for first in range(1, deliveries + 1, BATCH))
    if url.startswith("sqlite"):
        fill_sqlite(Path(sa.engine.make_url(url).database or ""), batches, lambda: story.head)
    else:
        fill_postgres(url, batches, lambda: story.head)
        with psycopg.connect(url, autocommit=True) as connection:
            for table in ("delivery", "event", "journal", "mirror", "slot"):
                connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
    print(f"filled in {time.monotonic() - began:.0f} s", flush=True)
    add_around(url, deliveries)


def add_around(url: str, deliveries: int) -> None:
    """Put what is around onto a filled database; nothing where it is there."""
    _tables(url)
    database = Database(url)
    with database.read() as connection:
        there = connection.execute(sa.select(sa.func.count()).select_from(table_of(pulse.Pulse))).scalar_one()
    if not there:
        database.write(lambda c: around(c, deliveries, datetime.now(UTC)))
    database.close()


def _tables(url: str) -> None:
    """Every table that is not there yet."""
    engine = sa.create_engine(engine_url(url))
    METADATA.create_all(engine)
    engine.dispose()


def engine_url(url: str) -> sa.URL:
    """The URL as SQLAlchemy takes it, with the driver."""
    made = sa.engine.make_url(url)
    return made.set(drivername="postgresql+psycopg") if made.get_backend_name() == "postgresql" else made
