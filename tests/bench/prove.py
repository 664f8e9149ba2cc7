"""How long `billhook prove` takes over a million effects, and over the ledger exported from them.

`python -m tests.bench.prove [--effects 1000000] [--stores sqlite,postgresql]`. Each effect has its delivery (1 KB), event, run, two
journal entries, slot and three log rows, written in bulk with a valid chain; then everything is read as the command reads it.
"""

import argparse
import hashlib
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import sqlalchemy as sa

from receiver.db import Database, canonical_json
from tests.bench.machine import described, new_postgres
from tests.servers import postgres_server
from workers.chain import GENESIS, Content, Head, OutsideHead, row_hash
from workers.facts import Called, hash_of, of_plan, plans
from workers.prove.examine import examine, examine_ledger
from workers.prove.report import Report
from workers.schema import METADATA

Rows = dict[str, list[dict[str, Any]]]
START, BATCH = datetime(2026, 1, 1, tzinfo=UTC), 10_000
NOTE = "x" * 900
LIFE = (("", "intended"), ("intended", "calling"), ("calling", "done"))


class Story:
    """Invents effects and everything around them, `BATCH` at a time, with one chain through all of them."""

    steps: tuple[str, ...] = ("invoice", "send")

    def __init__(self, seed: int = 1) -> None:
        self.head = Head(0, GENESIS)
        self._ids = random.Random(seed)

    def tell(self, first: int, count: int) -> Rows:
        """The rows of effects `first` to `first + count - 1`, by table."""
        rows: Rows = {name: [] for name in ("delivery", "event", "run", "journal", "effect", "slot", "effect_log")}
        for number in range(first, first + count):
            self._one(rows, number)
        return rows

    def _one(self, rows: Rows, number: int) -> None:
        at = (START + timedelta(seconds=number)).strftime("%Y-%m-%d %H:%M:%S.%f")
        run_id, effect_id = (f"{number:011x}{self._ids.getrandbits(36):09x}" for _ in range(2))  # in the order of time, as workers/ids.py
        invoice, customer, body = str(number), str(number // 10), f'{{"id": {number}, "note": "{NOTE}"}}'.encode()
        request = canonical_json({"INVOICE_ID": invoice, "RECIPIENT": "max@example.com", "SUBJECT": "Ihre Rechnung", "MESSAGE": "Anbei."})
        request_hash = hashlib.sha256(f"invoice.sendbyemail\n{request}".encode()).hexdigest()
        rows["delivery"].append(
            {
                "id": number, "source": "shop", "origin": "push", "native_type": "invoice.created", "native_id": invoice,
                "body_hash": hashlib.sha256(body).hexdigest(), "received_at": at, "headers": "{}", "body": body, "repeats": 0, "tries": 0,
                "routed_at": at, "outcome": "events", "reason": "1 events",
            }
        )  # fmt: skip
        rows["event"].append(
            {
                "id": number, "delivery_id": number, "source": "shop", "type": "invoice.completed", "kind": "fact",
                "identity": f"invoice.completed:{invoice}", "customer_id": customer, "invoice_id": invoice,
                "data": canonical_json({"at": f"{at}Z", "customer_id": customer, "invoice_id": invoice, "source": "shop"}), "at": at,
                "recorded_at": at, "proof": "claimed", "late": False, "historical": False, "echo": False, "outcome": "auto-send: started",
            }
        )  # fmt: skip
        rows["run"].append(
            {
                "id": run_id, "source": "shop", "workflow": "auto-send", "key": invoice, "customer_id": customer, "invoice_id": invoice,
                "trigger_id": number, "status": "done", "outcome": "done", "mode": "auto", "started_at": at, "ended_at": at, "ready_at": at,
                "fence": 1, "pending_seq": 0, "seen_seq": 0, "hints": 0, "takeovers": 0, "failures": 0, "retries": 0, "progress": 2,
                "doubted": False,
            }
        )  # fmt: skip
        for place, name in enumerate(self.steps):
            result = canonical_json({"effect": effect_id, "state": "done", "note": NOTE[:300]})
            rows["journal"].append(
                {"id": len(self.steps) * number + place, "run_id": run_id, "name": name, "kind": "read", "result": result, "at": at}
            )
        rows["effect"].append(
            {
                "id": effect_id, "run_id": run_id, "step": "send", "workflow": "auto-send", "source": "shop",
                "service": "invoice.sendbyemail", "object_kind": "invoice", "object_id": invoice, "customer_id": customer,
                "purpose": "send", "state": "done", "request": request, "request_hash": request_hash, "amount": "119.00 EUR",
                "reply": canonical_json({"STATUS": "success"}), "before": canonical_json({"INVOICE": NOTE[:400]}), "fresh_hash": GENESIS,
                "attempts": 0, "calls": 1, "retired": False, "intended_at": at, "calling_at": at, "settled_at": at,
            }
        )  # fmt: skip
        slot = {"source": "shop", "object_id": invoice, "purpose": "send", "version": "1", "generation": 0}
        rows["slot"].append({"id": number, **slot, "effect_id": effect_id, "live": True})
        for before, after in LIFE:
            vouched = facts_of(rows["effect"][-1], slot, before, after)
            rows["effect_log"].append(self._link(effect_id, before, after, at, request_hash, vouched))

    def _link(self, effect_id: str, before: str, after: str, at: str, request_hash: str, facts: str) -> dict[str, Any]:
        content = Content("billhook", after, at, before, effect_id, facts, "", request_hash, self.head.seq + 1)
        previous, self.head = self.head.hash, Head(content.seq, row_hash(self.head.hash, content))
        return msgspec.structs.asdict(content) | {"previous": previous, "hash": self.head.hash}


def facts_of(effect: dict[str, Any], slot: dict[str, Any], before: str, after: str) -> str:
    """What a row of the log vouches for."""
    if plans(before, after):
        return of_plan(effect, [tuple(slot.values())])
    answer = ("reply", "reference", "settled_at") if after == "calling" else ()
    return hash_of(Called(**{name: None if name in answer else effect.get(name) for name in Called.__struct_fields__}))


def fill_sqlite(path: Path, batches: Iterator[Rows], head: Callable[[], Head]) -> None:
    """Write every batch into an SQLite file with billhook's tables."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-400000"):
        connection.execute(f"PRAGMA {pragma}")
    for batch in batches:
        connection.execute("BEGIN")
        for table, rows in batch.items():
            names = list(rows[0])
            slots = ", ".join("?" * len(names))
            connection.executemany(f"INSERT INTO {table} ({quoted(names)}) VALUES ({slots})", [tuple(row.values()) for row in rows])
        connection.execute("COMMIT")
    connection.execute("INSERT INTO chain VALUES (1, ?, ?)", (head().seq, head().hash))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def fill_postgres(url: str, batches: Iterator[Rows], head: Callable[[], Head]) -> None:
    """Write every batch into a PostgreSQL database with billhook's tables."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET timezone TO 'UTC'")
        for batch in batches:
            for table, rows in batch.items():
                with connection.cursor().copy(f"COPY {table} ({quoted(list(rows[0]))}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(tuple(row.values()))
        connection.execute("INSERT INTO chain VALUES (1, %s, %s)", (head().seq, head().hash))
        connection.execute("ANALYZE")


def quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def timed(what: str, do: Callable[[], Report]) -> None:
    """Print how long it took, and refuse a report that is not clean: what is measured must be a proof."""
    started, used = time.perf_counter(), time.process_time()
    report = do()
    took, cpu = time.perf_counter() - started, time.process_time() - used
    if not report.clean:
        raise SystemExit(f"{what}: {report.kept[:3]}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<28} {took:6.1f} s   ({cpu:5.1f} s of CPU, {memory:.0f} MB at most)   {dict(report.looked_at)}", flush=True)


def measure(store: str, url: str, place: Path, effects: int) -> None:
    """Fill one database, prove it, export it, verify the export."""
    made = sa.create_engine(sa.engine.make_url(url.replace("postgresql://", "postgresql+psycopg://")))
    METADATA.create_all(made)
    made.dispose()
    story, started = Story(), time.perf_counter()
    batches = (story.tell(first, min(BATCH, effects + 1 - first)) for first in range(1, effects + 1, BATCH))
    if store == "sqlite":
        fill_sqlite(place / "prove.db", batches, lambda: story.head)
    else:
        fill_postgres(url, batches, lambda: story.head)
    outside = OutsideHead(place / "heads", "bench")
    outside.keep(story.head)
    outside.close()
    print(f"{store}: {effects} effects written in {time.perf_counter() - started:.0f} s", flush=True)
    database, ledger = Database(url), place / "ledger.jsonl"
    timed(f"{store} prove", lambda: examine(database, place / "heads"))
    timed(f"{store} prove --export", lambda: examine(database, place / "heads", ledger))
    timed("prove --ledger --head", lambda: examine_ledger(ledger, [story.head]))
    print(f"{ledger.stat().st_size / 2**20:.0f} MB exported", flush=True)
    database.close()


def main() -> None:
    """Measure on each store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--effects", type=int, default=1_000_000)
    parser.add_argument("--stores", default="sqlite")
    chosen = parser.parse_args()
    print(described())
    for store in chosen.stores.split(","):
        with ExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="billhook-prove-")))
            url = f"sqlite:///{place}/prove.db"
            if store == "postgresql":
                url = stack.enter_context(new_postgres(stack.enter_context(postgres_server(durable=True))))
            measure(store, url, place, chosen.effects)


if __name__ == "__main__":
    main()
