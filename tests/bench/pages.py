"""How long every page of the console takes with a million deliveries and three million journal rows.

`python -m tests.bench.pages [--deliveries 1000000] [--stores sqlite,postgresql] [--keep DIR] [--only TEXT]`. Each page is asked in
process, without a network, ROUNDS times after one warm-up. Printed are the median and the worst, the CPU time of this process (on SQLite
the database is in it), how many statements were asked, and for the slowest pages the plans of statements that go through a table. The
aim is 300 ms for every page. With --keep the databases stay: SQLite's in DIR, PostgreSQL's on the server of BILLHOOK_TEST_POSTGRES.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.bench.around import BIG_CUSTOMER
from tests.bench.business import add_around, build
from tests.bench.machine import described, new_postgres
from tests.bench.prove import START
from tests.servers import postgres_server
from workers import desk, ledger, runs
from workers.console.navigation import NAVIGATION
from workers.console.pages.replays import PREVIEW_MAX
from workers.console.pages.saying import GATES
from workers.console.timebox import box
from workers.console.web.app import console
from workers.loading import load_folders
from workers.registry import Registry
from workers.settings import WorkerSettings
from workers.views import VIEWS

ROUNDS, AIM_MS, PLANS_ABOVE_MS = 7, 300.0, 150.0
KEPT = "billhook_pages"
TOML = '[billhook]\ndatabase = "{url}"\nsecrets_dir = "{place}"\ndata_dir = "{place}"\n[source.shop]\nkind = "monsum"\n'
PAGE, DATA = "text/html", "application/json"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One address, as a page or as JSON."""

    path: str
    accept: str = PAGE

    def __str__(self) -> str:
        return self.path + (" (json)" if self.accept == DATA else "")


@dataclass
class Taken:
    """What each round took, in milliseconds, and how many statements one of them asked."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    statements: int = 0
    status: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.wall)


def asks(database: Database, registry: Registry, deliveries: int) -> list[Ask]:
    """Every kind of page, with what is old, what is new, and what is nowhere."""
    middle, last = deliveries // 2, deliveries
    found = [*_plain(registry), *_lists(database, middle), *_rows(database, middle), *_stories(middle, last), *_replays(middle)]
    data = [f"/{name}" for name in VIEWS]
    data += [
        "/runs?state=waiting", "/runs?workflow=nothing", f"/runs?since={_day(middle)}", f"/runs?customer={middle // 10}", "/runs?reason=no",
        "/effects?state=proposed", "/effects?state=approved", f"/effects?invoice={middle}", f"/events?customer={middle // 10}",
        "/events?type=nothing", "/deliveries?state=parked", "/deliveries?type=nothing", "/audit?type=nothing", "/runs?limit=1000",
        "/deliveries?limit=1000", "/effects?limit=1000", "/alerts?state=open", f"/deliveries/{middle}", f"/story?key=invoice:{middle}",
    ]  # fmt: skip
    return [Ask(path=path) for path in found] + [Ask(path=path, accept=DATA) for path in data]


def _plain(registry: Registry) -> list[str]:
    """The menu, its boards, and the pages of acts."""
    held = ["/hold/freeze", "/hold/pause", "/hold/mode?source=shop&workflow=auto-send", *(f"/say/{gate.type}" for gate in GATES)]
    boards = [f"/boards/{panel.name}" for panel in registry.panels()]
    timers = ["/timers?source=shop", "/timers?kind=run", "/timers?workflow=nothing", "/timers?from=2026-11-23T00:00:00~3~x"]
    needs = ["/needs?source=shop", "/needs?kind=approvals", "/needs?source=nowhere"]
    now = ["/?span=day", "/now/charts?span=hour", "/now/charts?span=day", "/metrics"]
    return [*(place.path for place in NAVIGATION), *boards, *timers, *needs, *now, *held]


def _day(number: int) -> str:
    return (START + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M")


def _lists(database: Database, middle: int) -> list[str]:
    """The lists: whole, deep, narrowed by what an index has and by what none has."""
    day, deep = _day(middle), {}
    with database.read() as connection:
        for name in ("runs", "effects"):
            table = table_of(VIEWS[name].model)
            deep[name] = connection.execute(sa.select(table.c.id).order_by(table.c.id).offset(min(20_000, middle)).limit(1)).scalar_one()
    narrowed = ("", f"?until={day}", f"?since={day}", "?text=nowhere", f"?text=nowhere&until={day}", "?error=nowhere", "?source=nowhere")
    lists = [f"/{name}{query}" for name in ("deliveries", "events", "runs", "effects") for query in narrowed]
    cursors = [f"/{name}?older={deep.get(name, min(20_000, middle))}" for name in ("deliveries", "events", "runs", "effects")]
    return [
        *lists, *cursors, f"/deliveries?text=nowhere&older={middle}", f"/runs?text=nowhere&older={deep['runs']}", "/deliveries?limit=200",
        "/deliveries?state=parked", "/deliveries?origin=operator", "/deliveries?type=nothing", f"/deliveries?id={middle}",
        f"/events?type=nothing&until={day}", f"/events?customer={BIG_CUSTOMER}", f"/events?customer={BIG_CUSTOMER}&text=nowhere",
        f"/runs?customer={middle // 10}", f"/runs?customer={BIG_CUSTOMER}&state=parked", "/runs?state=waiting", "/runs?state=parked",
        "/runs?workflow=nothing", f"/effects?object={middle}", "/effects?state=proposed", "/effects?state=unknown", "/effects?least=100000",
        "/effects?currency=SEK", f"/effects?least=100&until={day}", "/audit?actor=nobody", "/audit?act=pause", "/audit?text=nowhere",
        f"/audit?until={day}", "/refusals?cause=nothing", "/refusals?text=nowhere",
    ]  # fmt: skip


def _rows(database: Database, middle: int) -> list[str]:
    """One of each row, whole; a run and an effect that wait for a person, and the acts on them."""
    effect, run, parked = table_of(ledger.EffectRow), table_of(runs.RunRow), table_of(desk.Parked)
    wanted = {
        "old run": sa.select(run.c.id).where(run.c.source == "shop", run.c.invoice_id == str(middle)),
        "parked run": sa.select(run.c.id).where(run.c.status == "parked"),
        "old effect": sa.select(effect.c.id).where(effect.c.source == "shop", effect.c.object_id == str(middle)),
        "proposed": sa.select(effect.c.id).where(effect.c.state == "proposed"),
        "unknown": sa.select(effect.c.id).where(effect.c.state == "unknown"),
        "item": sa.select(parked.c.id).where(parked.c.closed_at.is_(None), parked.c.kind == "failed"),
        "proposals": sa.select(effect.c.id).where(effect.c.state == "proposed"),
    }
    with database.read() as connection:
        found = {name: connection.execute(query.limit(200)).scalars().all() for name, query in wanted.items()}
    old, stuck, done, asked, lost, item = (found[name][0] for name in list(wanted)[:6])
    many = "&".join(f"subject={id}" for id in found["proposals"])
    return [
        f"/deliveries/{middle}", f"/events/{middle}", f"/runs/{old}", f"/runs/{stuck}", f"/effects/{done}", f"/effects/{asked}",
        f"/effects/{lost}", "/refusals/20", "/audit/20", f"/act/approve?subject={asked}", f"/act/did?subject={lost}",
        f"/act/retry?subject={stuck}", f"/act/close?subject={item}", f"/act/approve?{many}", "/deliveries/999999999",
    ]  # fmt: skip


def _stories(middle: int, last: int) -> list[str]:
    keys = [
        f"invoice:{middle}", f"customer:{middle // 10}", f"customer:{BIG_CUSTOMER}", f"2026-{last - 5}", "nobody%40example.org", "nothing",
        f"c{middle // 10}%40example.org", str(middle), f"delivery:{middle}",
    ]  # fmt: skip
    return [f"/story?key={key}" for key in keys]


def _replays(middle: int) -> list[str]:
    """A replay of one thing, of as many as are shown, of too many, and of nothing."""
    begin, end = _day(middle), _day(middle + PREVIEW_MAX // 2)
    return [
        f"/replay?invoice={middle}", "/replay?type=nothing", f"/replay?since={begin}&until={end}", f"/replay?customer={BIG_CUSTOMER}",
        "/replay?type=invoice.completed", "/replay?status=parked", "/replay?workflow=auto-send", "/replay?workflow=nothing",
        "/replay?reason_of_run=nothing", f"/replay?since={begin}",
    ]  # fmt: skip


async def measure(app: object, wanted: list[Ask], rounds: int = ROUNDS) -> dict[Ask, Taken]:
    """What each page took."""
    taken = {ask: Taken() for ask in wanted}
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081") as client:
        for ask, one in taken.items():
            asked = _counting()
            one.status = (await client.get(ask.path, headers={"accept": ask.accept})).status_code  # warm
            one.statements = asked()
            for _ in range(rounds):
                began, used = time.perf_counter(), time.process_time()
                await client.get(ask.path, headers={"accept": ask.accept})
                one.cpu.append(1000 * (time.process_time() - used))
                one.wall.append(1000 * (time.perf_counter() - began))
    return taken


class _Asked(list[tuple[str, object]]):
    """Every statement that was asked while it listens, with its values. Called: stop, and say how many."""

    def keep(self, _connection: object, _cursor: object, statement: str, values: object, *_others: object) -> None:
        self.append((statement, values))

    def __call__(self) -> int:
        sa.event.remove(sa.Engine, "before_cursor_execute", self.keep)
        return len(self)


def _counting() -> _Asked:
    asked = _Asked()
    sa.event.listen(sa.Engine, "before_cursor_execute", asked.keep)
    return asked


def plans(database: Database, app: object, ask: Ask) -> list[str]:
    """The plans of a page's statements that go through a table."""
    asked = _counting()
    asyncio.run(measure(app, [ask], rounds=0))
    asked()
    found = []
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    with database.read() as connection:
        for statement, values in {statement: values for statement, values in asked if statement.startswith("SELECT")}.items():
            steps = [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", values)]  # type: ignore[arg-type]
            if any(("SCAN" in step and " INDEX " not in step) or "Seq Scan" in step for step in steps):
                found.append(" | ".join(steps)[:300])
    return found


def show(store: str, url: str, place: Path, deliveries: int, only: str) -> int:
    """Print the figures of one database; how many pages are above the aim."""
    (place / "billhook.toml").write_text(TOML.format(url=url, place=place))
    database = Database(url)
    database.on_readers(lambda engine: box(engine, database.dialect))
    chosen = WorkerSettings(place / "billhook.toml", {})
    registry = load_folders(chosen.settings.workflows)
    app = console(chosen, database, registry)
    wanted = [ask for ask in asks(database, registry, deliveries) if only in str(ask)]
    before = os.getloadavg()[0]
    taken = asyncio.run(measure(app, wanted))
    load = f"load {before:.1f} to {os.getloadavg()[0]:.1f}"
    print(f"\n{store}: {deliveries} deliveries, {3 * deliveries} journal rows, {ROUNDS} rounds each, {load}")
    print(f"{'median ms':>10} {'worst':>8} {'CPU ms':>8} {'asked':>6}  page")
    for ask, one in sorted(taken.items(), key=lambda found: -found[1].median):
        odd = "" if one.status == 200 else f"  [{one.status}]"
        print(f"{one.median:>10.1f} {max(one.wall):>8.1f} {statistics.median(one.cpu):>8.1f} {one.statements:>6}  {str(ask)[:100]}{odd}")
    for ask in (ask for ask, one in taken.items() if one.median > PLANS_ABOVE_MS):
        print(f"\nplans with scans of {str(ask)[:100]}", *plans(database, app, ask), sep="\n  ")
    database.close()
    return sum(one.median > AIM_MS or one.status >= 500 for one in taken.values())


def main() -> int:
    """Build, measure, print; 1 where a page is above the aim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--stores", default="sqlite,postgresql")
    parser.add_argument("--keep", type=Path, help="keep the databases, and use them where they are")
    parser.add_argument("--only", default="", help="only addresses with this text in them")
    chosen = parser.parse_args()
    print(described())
    above = 0
    with ExitStack() as stack:
        place = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bh-pages-")))
        place.mkdir(exist_ok=True)
        for store in chosen.stores.split(","):
            url, new = sqlite_at(place) if store == "sqlite" else postgres_at(stack, kept=chosen.keep is not None)
            (build if new else add_around)(url, chosen.deliveries)
            above += show(store, url, place, chosen.deliveries, chosen.only)
    print(f"\n{above} pages above {AIM_MS:.0f} ms")
    return min(1, above)


def sqlite_at(place: Path) -> tuple[str, bool]:
    """The URL of the database in a folder, and whether it is to be filled."""
    return f"sqlite:///{place}/pages.db", not (place / "pages.db").exists()


def postgres_at(stack: ExitStack, *, kept: bool) -> tuple[str, bool]:
    """The URL of a new database; or of the one that is kept on the server, and whether it is to be filled."""
    server = stack.enter_context(postgres_server())
    if not kept:
        return stack.enter_context(new_postgres(server)), True
    with psycopg.connect(server, autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (KEPT,)).fetchone() is not None
        if not there:
            connection.execute(f"CREATE DATABASE {KEPT}")
    return sa.engine.make_url(server).set(database=KEPT).render_as_string(hide_password=False), not there


if __name__ == "__main__":
    raise SystemExit(main())
