"""The whole proof of a database or of an exported ledger, as a Report.

Called by `billhook prove` and by tests. Reads only; a running billhook is not disturbed, and its work in progress is no finding. A large
database is read by as many processes as there are processors, one of which follows the chain.
"""

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from receiver.db import Database
from workers.chain import Head, inside_head
from workers.prove import audit, budgets, chain, deliveries, effects, events, indexes, journal, ledgerfile, runs
from workers.prove.report import LEDGER, Report

LARGE = 100_000  # log rows from which a second process is worth its start
PARTS = 24  # of the effects, more than half of all the work, and done last: whichever process is free takes the next
SELDOM = 500_000  # rows are no cycles: the collector's usual looks at millions of them are a fifth of the time
CHECKS: tuple[Callable[[Database, Report], None], ...] = (
    deliveries.check,
    events.check,
    journal.check,
    runs.check,
    budgets.check,
    audit.check,
    indexes.check,
    *(partial(effects.check, part=part, of=PARTS) for part in range(PARTS)),
)


def examine(database: Database, heads_in: Path | None, export: Path | None = None, *, large: int = LARGE) -> Report:
    """Look at everything in a database. `heads_in` is a directory of heads kept outside, or None; `export` a new file for the ledger.

    Raises FileExistsError where `export` is there already.
    """
    report = Report()
    with ExitStack() as stack:
        stack.enter_context(_seldom_collecting())
        file = stack.enter_context(ledgerfile.exporting(export)) if export else None
        with database.read() as connection:
            rows = inside_head(connection).seq
        beside = stack.enter_context(_beside(database.url)) if rows > large else [None] * len(CHECKS)
        last = chain.check(database, report, heads_in, file.keep if file else lambda link: None)
        if file:
            file.end(last)
        for check, future in reversed(list(zip(CHECKS, beside, strict=True))):
            if future is None or future.cancel():
                check(database, report)
            else:
                report.join(future.result())
    return report


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Let the garbage collector look seldom meanwhile."""
    usual = gc.get_threshold()
    gc.set_threshold(SELDOM, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@contextmanager
def _beside(url: str) -> Iterator[list[Future[Report] | None]]:
    """As many processes as there are further processors, which carry out the checks in order; one not begun can be done here."""
    beside = max(1, (os.cpu_count() or 2) - 1)
    with ProcessPoolExecutor(beside, multiprocessing.get_context("spawn")) as pool:
        yield [pool.submit(_apart, url, check) for check in CHECKS]


def _apart(url: str, check: Callable[[Database, Report], None]) -> Report:
    """One check in a process of its own."""
    database, report = Database(url, read_pool=2), Report()
    try:
        with _seldom_collecting():
            check(database, report)
    finally:
        database.close()
    return report


def examine_ledger(ledger: Path, heads: list[Head] | None) -> Report:
    """Look at an exported ledger, and at whether it holds these heads; None where none were given. Raises OSError."""
    report = Report()
    with ledger.open("rb") as file:
        last = ledgerfile.verify(file, report, chain.expected(heads or []))
    if heads:
        report.notes[LEDGER] = f"compared with {len(heads)} heads kept outside; {chain.said_behind(heads, last)}"
    return report
