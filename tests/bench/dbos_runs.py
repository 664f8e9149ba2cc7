"""DBOS doing the three steps of tests/bench/runs.py in a process of its own; prints one JSON object. Called by tests/bench/peers.py.

`python -m tests.bench.dbos_runs URL RUNS THREADS`. Each workflow is called by one of THREADS threads, so its status and every step's
row are written before the next step starts: five commits a run, as billhook makes.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dbos import DBOS


@DBOS.step()
def plus_one(number: int) -> int:
    return number + 1


@DBOS.workflow()
def three_steps(number: int) -> int:
    """Three journaled steps and nothing else."""
    return plus_one(plus_one(plus_one(number)))


def rows(url: str, table: str) -> int:
    """How many rows DBOS wrote."""
    import sqlalchemy as sa  # noqa: PLC0415  after DBOS has ended: it is only counted

    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    name = table if url.startswith("sqlite") else f"dbos.{table}"
    with engine.connect() as connection:
        return int(connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one())


def main() -> None:
    """Launch, run, count."""
    url, count, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    said: Any = {"name": "bench", "system_database_url": url, "log_level": "ERROR", "sys_db_pool_size": 12}
    DBOS(config=said)
    DBOS.launch()
    three_steps(0)
    started, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        assert all(result == 4 for result in pool.map(three_steps, [1] * count))
    took, used = time.perf_counter() - started, time.process_time() - used
    DBOS.destroy()
    kept = rows(url, "operation_outputs")
    if kept != 3 * (count + 1):
        raise SystemExit(f"{kept} steps are kept of {3 * (count + 1)}")
    print(json.dumps({"rate": count / took, "cpu_ms": used / count * 1000}))


if __name__ == "__main__":
    main()
