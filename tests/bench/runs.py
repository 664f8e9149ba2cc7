"""Runs per second of a workflow of three steps, each step durable before the next starts; with `--effect` also of one effect.

`python -m tests.bench.runs [--runs 600] [--rounds 3] [--stores sqlite,postgresql] [--effect]`. One process, 1 and 8 threads. Three
steps: claim, three journal rows and the end, five commits a run. One effect: claim, read, intent, fresh read, calling with the
ledger's head fsynced outside, the call to a sandbox in this process, settled, the end: six commits a run.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database
from receiver.event import InvoiceCompleted
from receiver.log import configure
from receiver.settings import SourceSettings
from tests.bench.machine import described, new_postgres, postgres_if_there
from workers import control, engine, events
from workers.authoring import Read, Run, Slot, effect, monsum, workflow
from workers.chain import OutsideHead
from workers.clock import DatabaseClock
from workers.providers import bundle
from workers.providers.monsum_docs import InvoiceDoc
from workers.providers.rate import Rate
from workers.registry import REGISTRY, Registry
from workers.runtime import Runtime
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.transport import LocalTransport
from workers.schema import METADATA
from workers.settings import account_of

WARM = 8
STEPS, EFFECT, SOURCE = "bench-three-steps", "bench-one-effect", "bench"
USER, KEY, ZONE, URL = "owner@demo.invalid", "sandbox-key", "Europe/Berlin", "http://127.0.0.1:1/api.php"


def plus_one(number: int) -> int:
    return number + 1


def outgoing(doc: InvoiceDoc, obj: object, **said: object) -> str | None:
    return None if doc.type == "outgoing" else "draft"


mail = effect(
    monsum.send_by_email,
    slot=lambda i, **said: [Slot(i.source, i.id, "send", i.doc_version, exclusive=True)],
    fresh=Read(monsum.invoice, must=outgoing),
)


@workflow(STEPS, on=InvoiceCompleted)
def three_steps(run: Run, event: InvoiceCompleted) -> None:
    """Three journaled steps and nothing else."""
    first = run.step("first", plus_one, 1)
    run.step("third", plus_one, run.step("second", plus_one, first))


@workflow(EFFECT, on=InvoiceCompleted)
def one_effect(run: Run, event: InvoiceCompleted) -> None:
    """One e-mail, once."""
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.effect("mail", mail, invoice, recipient="max@example.com", subject="Ihre Rechnung", message="Anbei.")


def runtime_on(url: str, name: str, sandbox: MonsumSandbox, heads: Path) -> Runtime:
    """A runtime for one workflow on a fresh database."""
    made = sa.create_engine(sa.engine.make_url(url.replace("postgresql://", "postgresql+psycopg://")))
    METADATA.create_all(made)
    made.dispose()
    db, flow = Database(url, read_pool=12), REGISTRY.get(name)
    assert flow is not None
    client = bundle.make_client("monsum", SOURCE, URL, USER, KEY, ZONE, ("EUR",), LocalTransport(sandbox), rate=Rate(10**9))
    account = account_of(SourceSettings(name=SOURCE, kind="monsum"), client)
    runtime = Runtime(
        db=db,
        clock=DatabaseClock(db),
        registry=Registry([flow]),
        accounts={SOURCE: account},
        policies={name: {"mode": "auto"}},
        head=OutsideHead(heads, "bench"),
    )
    now = datetime.now(UTC)
    db.write(lambda c: control.put(c, f"baseline:{SOURCE}", {"at": now.isoformat(), "done": True}, at=now))
    return runtime


def ready_runs(runtime: Runtime, name: str, invoices: Sequence[str]) -> list[str]:
    """Ids of runs waiting to be advanced, one for each invoice."""
    flow, now = runtime.registry.get(name), datetime.now(UTC)
    assert flow is not None

    def act(connection: Connection) -> list[str]:
        made = []
        for id in invoices:
            recorded = events.record(connection, InvoiceCompleted(source=SOURCE, at=now, invoice_id=id), id, delivery_id=0, at=now)
            assert recorded is not None
            run_id, _ = engine.begin(connection, runtime, flow, recorded, at=now)
            assert run_id is not None
            made.append(run_id)
        return made

    return runtime.db.write(act)


def measure(url: str, name: str, place: Path, count: int, threads: int) -> tuple[float, float]:
    """Runs per second, and milliseconds of CPU a run."""
    sandbox = MonsumSandbox("monsum", user=USER, key=KEY, zone=ZONE, clock=lambda: datetime.now(UTC), public_url="http://127.0.0.1:1")
    invoices = (
        [sandbox.trigger("invoice.completed")["invoice_id"] for _ in range(count)] if name == EFFECT else map(str, range(count + WARM))
    )
    runtime = runtime_on(url, name, sandbox, place)
    ids = ready_runs(runtime, name, list(invoices))
    for id in ids[:WARM] if name == STEPS else ():  # statements are compiled once in the life of a process
        assert engine.advance(runtime, id)
    ids = ids[WARM:] if name == STEPS else ids
    count = len(ids)
    started, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(lambda id: engine.advance(runtime, id), ids))
    took, used = time.perf_counter() - started, time.process_time() - used
    if name == EFFECT and len(sandbox.sent) != count:
        raise SystemExit(f"{len(sandbox.sent)} of {count} e-mails were sent")
    runtime.head.close()
    runtime.db.close()
    return count / took, used / count * 1000


def once(url: str, place: str, runs: str, threads: str) -> None:
    """One measurement of the three steps, printed as JSON: for tests/bench/peers.py."""
    rate, cpu_ms = measure(url, STEPS, Path(place) / "heads", int(runs), int(threads))
    print(json.dumps({"rate": rate, "cpu_ms": cpu_ms}))


def main() -> None:
    """Print the medians and their spread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stores", default="sqlite,postgresql")
    parser.add_argument("--effect", action="store_true", help="also a workflow of one effect")
    parser.add_argument("--once", nargs=4, metavar=("URL", "FOLDER", "RUNS", "THREADS"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    configure("error", "console")
    if chosen.once:
        once(*chosen.once)
        return
    print(described())
    names = [STEPS, EFFECT] if chosen.effect else [STEPS]
    cells = [(name, store, threads) for name in names for store in chosen.stores.split(",") for threads in (1, 8)]
    found: dict[tuple[str, str, int], list[tuple[float, float]]] = {cell: [] for cell in cells}
    with ExitStack() as stack:
        server = postgres_if_there(stack) if "postgresql" in chosen.stores else None
        for number in range(chosen.rounds):
            for name, store, threads in cells if number % 2 == 0 else cells[::-1]:
                if store == "postgresql" and server is None:
                    continue
                with tempfile.TemporaryDirectory(dir=Path.cwd()) as place, ExitStack() as one:
                    url = one.enter_context(new_postgres(server)) if store == "postgresql" and server else f"sqlite:///{place}/billhook.db"
                    found[name, store, threads].append(measure(url, name, Path(place) / "heads", chosen.runs, threads))
    print(f"{'workflow':20}{'store':12}{'threads':>7}   runs/s median (range)   CPU ms a run")
    for (name, store, threads), measured in found.items():
        if measured:
            rates, cpu = zip(*measured, strict=True)
            said = f"{statistics.median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})"
            print(f"{name:20}{store:12}{threads:>7}   {said:24}{statistics.median(cpu):>12.1f}")


if __name__ == "__main__":
    main()
