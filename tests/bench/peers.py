"""Runs per second of three durable steps beside DBOS, on the same PostgreSQL and on SQLite, interleaved.

`python -m tests.bench.peers [--runs 300] [--rounds 5] [--stores sqlite,postgresql]`. The baseline is DBOS (PyPI, the version in
constraints.txt) calling the same three steps; on SQLite once as it comes and once on a file in WAL mode, synchronous=FULL as ours. Both
sides commit five times a run, each step's row before the next step starts. Each measurement has a process and a database of its own.
"""

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from tests.bench.machine import described, new_postgres, postgres_if_there

OURS, THEIRS, THEIRS_WAL = "billhook", "dbos", "dbos, WAL"


def once(side: str, url: str, place: Path, runs: int, threads: int) -> float:
    """Runs per second of one side in a new process."""
    if side == THEIRS_WAL:
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
    module = "tests.bench.runs" if side == OURS else "tests.bench.dbos_runs"
    words = ["--once", url, str(place), str(runs), str(threads)] if side == OURS else [url, str(runs), str(threads)]
    done = subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side} failed: {done.stderr[-1500:]}{done.stdout[-500:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["rate"])


def main() -> None:
    """Print the medians, their spread and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stores", default="sqlite,postgresql")
    chosen = parser.parse_args()
    print(f"{described()}, dbos {version('dbos')}")
    found: dict[tuple[str, int, str], list[float]] = {}
    with ExitStack() as stack:
        stores = {store: postgres_if_there(stack) if store == "postgresql" else "" for store in chosen.stores.split(",")}
        for number in range(chosen.rounds):
            cells = [
                (store, threads, side)
                for store, server in stores.items()
                if server is not None
                for threads in (1, 8)
                for side in ((OURS, THEIRS, THEIRS_WAL) if store == "sqlite" else (OURS, THEIRS))
            ]
            for store, threads, side in cells if number % 2 == 0 else cells[::-1]:
                with tempfile.TemporaryDirectory(dir=Path.cwd()) as place, ExitStack() as one:
                    server = stores[store]
                    url = one.enter_context(new_postgres(server)) if server else f"sqlite:///{place}/bench.db"
                    found.setdefault((store, threads, side), []).append(once(side, url, Path(place), chosen.runs, threads))
    show(found)


def show(found: dict[tuple[str, int, str], list[float]]) -> None:
    print(f"{'store':12}{'threads':>7}  {'side':12}   runs/s median (range)      billhook is so many times as fast")
    for (store, threads, side), rates in sorted(found.items()):
        ratios = [ours / rate for ours, rate in zip(found[store, threads, OURS], rates, strict=True)]
        ratio = "" if side == OURS else f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        said = f"{statistics.median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})"
        print(f"{store:12}{threads:>7}  {side:12}   {said:26}{ratio}")


if __name__ == "__main__":
    main()
