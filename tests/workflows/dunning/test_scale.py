"""A ladder of many invoices reads, for each of them, what is about it and its customer: no table and no source as a whole."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from tests.bench.ladders import START, story
from workers.registry import REGISTRY
from workers.simulate import account
from workers.simulate.stage import Stage

INVOICES, DAYS = 40, 9
ROUNDS = 5 * DAYS  # what a duty reads once a day, and the sweeper at every stop
WHOLE = re.compile(r"^SCAN (?!CONSTANT)|\(source=\?\)$")


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """How often each statement is executed inside, and by `plans` what it reads."""
    seen: Counter[str] = Counter()

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen[statement] += 1

    sa.event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(Engine, "before_cursor_execute", note)


def plan(connection: sa.Connection, statement: str) -> list[str]:
    cursor = connection.connection.cursor()
    return [row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?")).fetchall()]


def test_nothing_that_is_done_for_each_invoice_reads_a_whole_table_or_source() -> None:
    said = story(INVOICES)
    with Stage(said.model_copy(update={"until": START.replace(day=START.day + DAYS)}), REGISTRY) as stage, counted() as seen:
        account.fill(stage)
        stage.perform()
        often = [statement for statement, times in seen.items() if times > ROUNDS and not statement.startswith("INSERT")]
        with stage.flow.db.read() as connection:
            whole = {statement: found for statement in often for found in plan(connection, statement) if WHOLE.search(found)}

    assert len(often) > 30
    assert whole == {}
