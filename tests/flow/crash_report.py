"""The figures: `python -m tests.flow.crash_report [SEEDS] [--postgres]` plays what the tests play and prints what was covered and caught.

SEEDS is how many orders of things are played, 2,000 where nothing is said; on PostgreSQL, those and the crashes alone.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import pytest
import sqlalchemy as sa

from receiver.db import Database
from tests.conftest import create_schema, new_postgres
from tests.flow.guards import GUARDS
from tests.flow.scenarios import SCENARIOS
from tests.flow.tale import MEANWHILE, begun, loosen, tale, told, waiting
from tests.servers import postgres_server
from workers.testing.crashes import Explored
from workers.testing.flow import Flow

Fresh = Callable[[], AbstractContextManager[Database | None]]


def crashes(fresh: Fresh) -> Explored:
    """Every point of every scenario, and one to three points later."""
    found = Explored()
    for scenario in SCENARIOS:
        with fresh() as database, scenario.make(database=database) as flow:
            explored = flow.crash_everywhere(scenario.play)
        print(f"{scenario.name:20} {explored}", flush=True)
        found += explored
    return found


def interleavings(fresh: Fresh, seeds: int) -> Explored:
    """Seeded orders of two workers, a router and a sweeper."""
    found = Explored()
    for workflow, share in ((told, 0.25), (waiting, 0.75)):
        with fresh() as database, Flow(workflow, database=database) as flow:
            begun(flow)
            explored = flow.interleave(tale, seeds=range(int(seeds * share)), meanwhile=MEANWHILE, afterwards=loosen)
        print(f"{'interleaved':20} {explored}", flush=True)
        found += explored
    return found


def guards(seeds: int) -> None:
    """Each guard removed, and how many schedules caught it."""
    for guard in GUARDS:
        with pytest.MonkeyPatch.context() as patch:
            explored = guard.explored(patch, seeds=range(seeds), go_on=True)
        print(f"without: {guard.name:50} {len(explored.caught):4} of {len(explored.schedules)} schedules caught it", flush=True)


def on_sqlite() -> AbstractContextManager[None]:
    """A database in memory, which the flow makes itself."""
    return nullcontext()


@contextmanager
def on_postgres(server: str) -> Iterator[Database]:
    """A new database with billhook's tables."""
    with new_postgres(server, None) as url:
        create_schema(sa.create_engine(sa.engine.make_url(url).set(drivername="postgresql+psycopg")))
        database = Database(url)
        yield database
        database.close()


def played(fresh: Fresh, seeds: int) -> None:
    """All of it on one kind of database."""
    started, cpu = time.perf_counter(), time.process_time()
    whole = crashes(fresh) + interleavings(fresh, seeds)
    print(f"in all: {whole}; {time.perf_counter() - started:.0f} s, {time.process_time() - cpu:.0f} s of CPU", flush=True)


def main() -> None:
    numbers = [int(one) for one in sys.argv[1:] if one.isdigit()]
    seeds = numbers[0] if numbers else 2000
    if "--postgres" in sys.argv:
        with postgres_server() as server:
            played(lambda: on_postgres(server), seeds)
    else:
        played(on_sqlite, seeds)
        guards(max(100, min(400, seeds // 10)))


if __name__ == "__main__":
    main()
