"""A workflow file that does not import loses no event: once it does, what it missed starts."""

import sqlalchemy as sa

from receiver.db import table_of
from tests.workers.routed import events, noting
from workers import baseline
from workers.authoring import InvoiceCompleted, Run, workflow
from workers.desk import Alert
from workers.registry import REGISTRY, Registry
from workers.testing.flow import Flow


@workflow("t-mended", on=InvoiceCompleted)
def mended(run: Run, event: InvoiceCompleted) -> None:
    """Starts, and ends at once."""


MODULE = mended.__module__


def break_file(flow: Flow) -> None:
    flow.runtime.registry = Registry([w for w in REGISTRY.all() if w.fn is noting])
    flow.runtime.registry.broken[MODULE] = "SyntaxError: invalid syntax"


def mend_file(flow: Flow) -> None:
    flow.runtime.registry = Registry([w for w in REGISTRY.all() if w.fn in (noting, mended)])
    flow.sweeper.sweep()
    flow.settle()


def runs_of(flow: Flow, workflow: str) -> list[tuple[str, str]]:
    return [(key, status) for name, key, status, _ in flow.runs if name == workflow]


def open_alerts(flow: Flow) -> list[tuple[str, str]]:
    table = table_of(Alert)
    return [(row["subject"], row["reason"]) for row in flow.rows(sa.select(table).where(table.c.closed_at.is_(None)))]


def test_events_routed_while_a_file_was_broken_start_its_workflow_once_it_is_mended() -> None:
    with Flow(noting, mended) as flow:
        first = flow.trigger("invoice.completed")["invoice_id"]
        break_file(flow)
        missed = [flow.trigger("invoice.completed")["invoice_id"] for _ in range(2)]
        assert open_alerts(flow) == [(f"workflow-file:{MODULE}", "workflow_file_broken")]

        mend_file(flow)

        assert sorted(runs_of(flow, "t-mended")) == sorted((f"invoice:{id}", "done") for id in (first, *missed))
        assert len(runs_of(flow, "t-noting")) == 3
        assert [row["outcome"].endswith("(caught up)") for row in events(flow, "invoice.completed")] == [False, True, True]
        assert open_alerts(flow) == []


def test_what_was_caught_up_is_not_started_again() -> None:
    with Flow(noting, mended) as flow:
        break_file(flow)
        flow.trigger("invoice.completed")
        mend_file(flow)
        flow.sweeper.sweep()
        break_file(flow)
        flow.trigger("customer.updated")
        mend_file(flow)

        assert len(runs_of(flow, "t-mended")) == 1


def test_more_than_one_transaction_holds_is_caught_up_whole() -> None:
    with Flow(mended) as flow:
        break_file(flow)
        for _ in range(40):
            flow.trigger("invoice.completed")
        assert len(events(flow)) > 100
        flow.runtime.registry = Registry([w for w in REGISTRY.all() if w.fn is mended])
        flow.sweeper.sweep()

        assert len(runs_of(flow, "t-mended")) == 40


def test_history_is_not_caught_up() -> None:
    with Flow(noting, mended, connect=False) as flow:
        break_file(flow)
        flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        baseline.read(flow.runtime, flow.source)
        flow.settle()
        assert [row["historical"] for row in events(flow, "invoice.completed")] == [True]

        mend_file(flow)

        assert runs_of(flow, "t-mended") == []
