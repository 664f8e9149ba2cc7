"""How long every page of the console takes with a million deliveries and three million journal rows.

`python -m tests.bench.pages [--deliveries 1000000] [--stores sqlite,postgresql] [--keep DIR]`. Each page is asked in process, without a
network, ROUNDS times after one warm-up; printed are the median and the worst, and for the slowest pages the plans of their statements.
The aim is 300 ms for every page.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, canonical_json, table_of
from tests.bench.machine import described, new_postgres
from tests.bench.prove import BATCH, START, Rows, Story, fill_postgres, fill_sqlite
from tests.servers import postgres_server
from workers import desk, ledger, runs
from workers.console.web.app import console
from workers.loading import load_folders
from workers.schema import METADATA
from workers.settings import WorkerSettings

ROUNDS, AIM_MS, PLANS_ABOVE_MS = 7, 300.0, 150.0
TOML = '[billhook]\ndatabase = "{url}"\nsecrets_dir = "{place}"\n[source.shop]\nkind = "monsum"\n'
CUSTOMERS_EACH, WAITING, PROPOSED, ALERTS = 10, 20_000, 300, 150


class Business(Story):
    """Three steps a run, the mirrors of invoices and customers, and work under way among the newest."""

    steps = ("invoice", "customer", "send")

    def tell(self, first: int, count: int) -> Rows:
        rows = super().tell(first, count)
        rows["mirror"] = [row for number in range(first, first + count) for row in mirrors(number)]
        return rows


def mirrors(number: int) -> Iterator[dict[str, object]]:
    """An invoice's mirror, and its customer's for every tenth."""
    flags = {"seen": True, "deleted": False, "completed": True, "canceled": False, "paid": True, "revision": 1, "untold": False}
    customer = str(number // CUSTOMERS_EACH)
    fields = canonical_json({"number": f"2026-{number}", "total": "119.00", "currency": "EUR", "customer_id": customer})
    yield {
        "id": 2 * number, "source": "shop", "kind": "invoice", "object_id": str(number), "customer_id": customer, "fields": fields,
        "number": f"2026-{number}", "email": None, **flags,
    }  # fmt: skip
    if number % CUSTOMERS_EACH == 0:
        told = canonical_json({"number": customer, "email": f"c{customer}@example.org"})
        yield {
            "id": 2 * number + 1, "source": "shop", "kind": "customer", "object_id": customer, "customer_id": customer, "fields": told,
            "number": customer, "email": f"c{customer}@example.org", **flags,
        }  # fmt: skip


def under_way(connection: Connection, deliveries: int) -> None:
    """Make some of the newest runs wait and some effects proposed, and raise a few alerts."""
    run, effect, at = table_of(runs.RunRow), table_of(ledger.EffectRow), datetime.now(UTC)
    newest = sa.select(run.c.id).order_by(run.c.id.desc()).limit(min(WAITING, deliveries // 10)).subquery()
    waits = sa.update(run).where(run.c.id.in_(sa.select(newest.c.id)))
    connection.execute(waits.values(status="waiting", outcome=None, ended_at=None, ready_at=None, wake_at=at + timedelta(days=2)))
    proposed = sa.select(effect.c.id).order_by(effect.c.id.desc()).limit(PROPOSED).subquery()
    connection.execute(sa.update(effect).where(effect.c.id.in_(sa.select(proposed.c.id))).values(state="proposed", settled_at=None))
    for number in range(ALERTS):
        desk.alert(connection, source="shop", subject=f"shop/{number}", reason="delivery_method_unknown", at=at)
    connection.execute(sa.text("ANALYZE"))


def pages(deliveries: int) -> list[str]:
    """Every kind of page, with what is old, what is new, and what is nowhere."""
    middle, last = deliveries // 2, deliveries
    day = (START + timedelta(seconds=middle)).strftime("%Y-%m-%dT%H:%M")
    lists = [f"/{name}{query}" for name in ("deliveries", "events", "runs", "effects") for query in ("", f"?until={day}", "?text=nowhere")]
    return [
        "/", "/needs", "/timers", "/workflows", "/sources", "/audit", "/refusals", "/boards", *lists, "/deliveries?state=parked",
        f"/deliveries/{middle}", f"/events/{middle}", f"/runs?customer={middle // 10}", f"/effects?object={middle}",
        "/effects?state=proposed", "/effects?least=100000", "/runs?state=waiting", f"/story?key=invoice:{middle}",
        f"/story?key=customer:{middle // 10}", f"/story?key=2026-{last - 5}", "/story?key=nobody%40example.org", "/story?key=nothing",
        f"/replay?invoice={middle}", "/replay?type=nothing",
    ]  # fmt: skip


async def measure(app: object, paths: list[str]) -> dict[str, list[float]]:
    """Milliseconds of each page, by its path."""
    taken: dict[str, list[float]] = {}
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081") as client:
        for path in paths:
            for turn in range(ROUNDS + 1):
                began = time.perf_counter()
                answer = await client.get(path)
                if answer.status_code >= 500:
                    raise SystemExit(f"{path} answered {answer.status_code}")
                if turn:
                    taken.setdefault(path, []).append(1000 * (time.perf_counter() - began))
    return taken


def plans(database: Database, app: object, path: str) -> list[str]:
    """The plans of every statement a page asks, the steps that go through a table first."""
    asked: list[tuple[str, object]] = []

    def keep(_connection: object, _cursor: object, statement: str, values: object, *_others: object) -> None:
        asked.append((statement, values))

    engine = database._reader  # the bench looks inside
    sa.event.listen(sa.Engine, "before_cursor_execute", keep)
    asyncio.run(measure_once(app, path))
    sa.event.remove(sa.Engine, "before_cursor_execute", keep)
    found = []
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    with engine.connect() as connection:
        for statement, values in asked:
            steps = [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", values)]  # type: ignore[arg-type]
            if any(("SCAN" in step and " INDEX " not in step) or "Seq Scan" in step for step in steps):
                found.append(" | ".join(steps)[:300])
    return list(dict.fromkeys(found))


async def measure_once(app: object, path: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1:8081") as client:  # type: ignore[arg-type]
        await client.get(path)


def show(store: str, url: str, place: Path, deliveries: int) -> int:
    """Print the figures of one database; how many pages are above the aim."""
    (place / "billhook.toml").write_text(TOML.format(url=url, place=place))
    database = Database(url)
    app = console(WorkerSettings(place / "billhook.toml", {}), database, load_folders(()))
    taken = asyncio.run(measure(app, pages(deliveries)))
    print(f"\n{store}: {deliveries} deliveries, {3 * deliveries} journal rows, {ROUNDS} rounds each\n{'median ms':>10} {'worst':>8}  page")
    for path, times in sorted(taken.items(), key=lambda one: -statistics.median(one[1])):
        print(f"{statistics.median(times):>10.1f} {max(times):>8.1f}  {path}")
    slow = [path for path, times in taken.items() if statistics.median(times) > PLANS_ABOVE_MS]
    for path in slow:
        print(f"\nplans with scans of {path}", *plans(database, app, path), sep="\n  ")
    database.close()
    return sum(statistics.median(times) > AIM_MS for times in taken.values())


def main() -> int:
    """Build, measure, print; 1 where a page is above the aim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--stores", default="sqlite,postgresql")
    parser.add_argument("--keep", type=Path, help="keep the SQLite database here, and use it where it is")
    chosen = parser.parse_args()
    print(described())
    above = 0
    with ExitStack() as stack:
        place = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bh-pages-")))
        place.mkdir(exist_ok=True)
        for store in chosen.stores.split(","):
            url = f"sqlite:///{place}/pages.db" if store == "sqlite" else new_database(stack)
            if store != "sqlite" or not (place / "pages.db").exists():
                build(url, place, chosen.deliveries)
            above += show(store, url, place, chosen.deliveries)
    print(f"\n{above} pages above {AIM_MS:.0f} ms")
    return min(1, above)


def new_database(stack: ExitStack) -> str:
    return stack.enter_context(new_postgres(stack.enter_context(postgres_server())))


def build(url: str, place: Path, deliveries: int) -> None:
    """Fill a new database."""
    began, story = time.monotonic(), Business()
    engine = sa.create_engine(sa.engine.make_url(url).set(drivername="postgresql+psycopg") if url.startswith("postgres") else url)
    METADATA.create_all(engine)
    engine.dispose()
    batches = (story.tell(first, min(BATCH, deliveries + 1 - first)) for first in range(1, deliveries + 1, BATCH))
    if url.startswith("sqlite"):
        fill_sqlite(place / "pages.db", batches, lambda: story.head)
    else:
        fill_postgres(url, batches, lambda: story.head)
        with psycopg.connect(url, autocommit=True) as connection:
            for table in ("delivery", "event", "journal", "mirror", "slot"):
                connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
    database = Database(url)
    database.write(lambda c: under_way(c, deliveries))
    database.close()
    print(f"built in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    raise SystemExit(main())
