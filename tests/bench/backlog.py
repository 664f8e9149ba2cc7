"""Two hundred thousand ready runs while no worker is there: what Redis holds meanwhile, and how long the workers need afterwards.

`python -m tests.bench.backlog [--runs 200000] [--minutes 10]`. Receiver, sweeper and a Redis run on SQLite with a workflow of one step;
the runs are written in bulk. Exits 1 where Redis grew by more than a tenth, or a run did its step never or twice.
"""

import argparse
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import redis

from tests.bench.demo import Demo, started_roles, started_up
from tests.bench.machine import described
from tests.servers import redis_server

GROWTH = 1.1
WORKFLOW = '''"""One step."""
from workers.authoring import InvoiceChanged, Run, workflow


@workflow("bench-backlog", on=InvoiceChanged)
def backlog(run: Run, event: InvoiceChanged) -> None:
    run.step("one", int, "1")
'''
EVENTS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO event (delivery_id, source, type, kind, identity, invoice_id, data, at, recorded_at, proof, late, historical, echo, outcome)
SELECT 0, 'sandbox', 'invoice.changed', 'signal', 'backlog:' || i, i,
  json_object('source', 'sandbox', 'at', '2026-01-01T00:00:00+00:00', 'invoice_id', CAST(i AS TEXT), 'fields', json_array('total')),
  '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000', 'claimed', 0, 0, 0, 'started' FROM n
"""
RUNS = """
INSERT INTO run (id, source, workflow, key, invoice_id, trigger_id, status, mode, policy_id, started_at, ready_at, fence, pending_seq,
  seen_seq, hints, takeovers, failures, retries, progress, doubted)
SELECT printf('backlog%012d', e.id), e.source, 'bench-backlog', e.invoice_id, e.invoice_id, e.id, 'ready', 'auto', NULL, e.at, e.at,
  0, 0, 0, 0, 0, 0, 0, 0, 0 FROM event e WHERE e.identity LIKE 'backlog:%'
"""
LEFT = "SELECT count(*) FROM run WHERE workflow = 'bench-backlog' AND status <> 'done'"
STEPS = "SELECT count(*), count(DISTINCT run_id) FROM journal WHERE run_id LIKE 'backlog%'"


def fill(demo: Demo, count: int) -> None:
    """Write the runs, all ready."""
    connection = sqlite3.connect(demo.database, timeout=60)
    with connection:
        connection.execute(EVENTS, {"count": count})
        connection.execute(RUNS)
    connection.close()


def watched(url: str, minutes: float) -> list[int]:
    """Bytes that Redis used, once a second."""
    found, until = [], time.monotonic() + 60 * minutes
    with redis.Redis.from_url(url) as client:
        while time.monotonic() < until:
            found.append(int(client.info("memory")["used_memory"]))
            time.sleep(1)
    return found


def measure(place: Path, url: str, count: int, minutes: float) -> bool:
    """Fill, watch, let the workers come, count."""
    with started_up(place, {"BILLHOOK_REDIS": url, "BILLHOOK_WORKFLOWS": str(place / "workflows")}) as demo:
        pass  # its folder, its ports and its baseline are kept for the roles below
    sandbox = ("sandbox", "--port", demo.sandbox.rpartition(":")[2])
    with started_roles(demo, sandbox, ("receiver",), ("sweeper",), redis=url):
        empty = watched(url, 1 / 60)[0]
        fill(demo, count)
        used = watched(url, minutes)
        print(
            f"Redis: {empty / 1e6:.2f} MB before, then {min(used) / 1e6:.2f} to {max(used) / 1e6:.2f} MB in {minutes:g} minutes", flush=True
        )
        started = time.monotonic()
        with started_roles(demo, ("worker",), redis=url):
            while left := demo.query(LEFT)[0][0]:
                time.sleep(1)
                if time.monotonic() - started > 3600:
                    raise SystemExit(f"{left} runs are left after an hour")
        took = time.monotonic() - started
    steps, runs = demo.query(STEPS)[0]
    print(f"{count} runs done {took:.0f} s after a worker came, {count / took:.0f} a second; steps {steps}, of {runs} runs")
    return steps == runs == count and max(used) < GROWTH * max(empty, 2_000_000)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200_000)
    parser.add_argument("--minutes", type=float, default=10)
    chosen = parser.parse_args()
    print(described())
    with tempfile.TemporaryDirectory(prefix="billhook-backlog-") as name, redis_server() as url:
        folder = Path(name) / "workflows"
        folder.mkdir()
        (folder / "backlog.py").write_text(WORKFLOW)
        return int(not measure(Path(name), url, chosen.runs, chosen.minutes))


if __name__ == "__main__":
    sys.exit(main())
