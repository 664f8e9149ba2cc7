"""Replay: a recorded journal against today's code, with nothing but the journal."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database
from tests.workers.letters import mail
from tests.workers.test_recall import MADE, added, deploy, fewer_rounds, mailed, recalled, renamed, skipping, swallowing, swapped
from workers import recordings
from workers.authoring import InvoiceChanged, InvoiceCompleted, Run, workflow
from workers.recordings import Recording
from workers.registry import Registry
from workers.replay import check
from workers.testing.flow import Flow

ZONES = {"shop": "Europe/Berlin"}
WAYS: list[str] = []


def recorded(flow: Flow) -> list[Recording]:
    return list(recordings.from_database(flow.db, ZONES))


def everything(flow: Flow) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    with flow.db.read() as connection:
        names = sa.inspect(connection).get_table_names()
        return {name: [dict(row) for row in connection.execute(sa.text(f'SELECT * FROM "{name}"')).mappings()] for name in sorted(names)}


def test_every_place_a_run_may_be_at_fits_the_code_that_wrote_it_on_either_database(database: Database) -> None:
    with Flow(mail, recalled, mailed, database=database) as flow:
        flow.sandbox.faults.add("unavailable", "invoice.sendbyemail")
        flow.trigger("invoice.completed")
        flow.trigger("invoice.completed")
        before, calls = everything(flow), len(flow.sandbox.calls)

        found = [check(one, flow.runtime.registry) for one in recorded(flow)]

        assert [one.verdict for one in found] == ["fits"] * 5  # one was mailed and is done
        assert everything(flow) == before
        assert len(flow.sandbox.calls) == calls


@pytest.mark.parametrize(
    ("fn", "step", "now"),
    [
        (renamed, "b", 'step "b2"'),
        (added, "b", 'step "new"'),
        (swapped, "a", 'step "b"'),
        (fewer_rounds, "round 1", 'wait "stop"'),
        (skipping, "b", "skip"),
        (swallowing, "a", 'step "new"'),
    ],
)
def test_it_says_what_the_engine_would_find(fn: Callable[..., None], step: str, now: str) -> None:
    with Flow(recalled) as flow:
        flow.trigger("invoice.completed")
        deploy(flow, fn)
        MADE.clear()

        (found,) = [check(one, flow.runtime.registry) for one in recorded(flow)]

        assert (found.verdict, found.step, found.was, found.now) == ("diverges", step, "step", now)
        assert MADE == []


def test_an_effect_under_way_counts_as_journaled() -> None:
    def gone(run: Run, event: InvoiceCompleted) -> None:
        """Nothing is left."""

    with Flow(mailed) as flow:
        flow.sandbox.faults.add("unavailable", "invoice.sendbyemail")
        flow.trigger("invoice.completed")
        (recording,) = recorded(flow)
        deploy(flow, gone)

        assert recording.effects == ["mail"]
        assert check(recording.model_copy(update={"journal": []}), flow.runtime.registry).step == "mail"


def test_a_patched_line_fits_both_old_runs_and_new_ones() -> None:
    def patched(run: Run, event: InvoiceCompleted) -> None:
        WAYS.append("new" if run.patched("newer") else "old")
        if WAYS[-1] == "new":
            run.step("new", str)
        run.step("a", str)
        run.step("b", str)

    with Flow(recalled) as flow:
        flow.trigger("invoice.completed")
        old = recorded(flow)[0]
        old = old.model_copy(update={"journal": old.journal[:2]})
        deploy(flow, patched)

        assert check(old, flow.runtime.registry).verdict == "fits"
        assert check(old.model_copy(update={"journal": []}), flow.runtime.registry).verdict == "fits"
        assert WAYS == ["old"]


def test_code_that_raises_says_where_and_nothing_of_the_run() -> None:
    def failing(run: Run, event: InvoiceCompleted) -> None:
        run.step("a", str)
        raise LookupError(event.invoice_id)

    with Flow(recalled) as flow:
        flow.trigger("invoice.completed")
        deploy(flow, failing)
        (recording,) = recorded(flow)

        found = check(recording, flow.runtime.registry)

        assert (found.verdict, found.error, found.step) == ("fails", "LookupError", "a")
        assert found.where.startswith(f"{__file__}:") and found.where.endswith(" in failing")
        assert str(recording.run.invoice_id) not in str(found)


def test_a_workflow_nobody_registered_is_named() -> None:
    with Flow(recalled) as flow:
        flow.trigger("invoice.completed")

        (found,) = [check(one, Registry()) for one in recorded(flow)]

        assert (found.verdict, found.workflow) == ("unknown workflow", "t-recall")


def test_an_event_type_that_is_gone_fails_its_run_alone() -> None:
    with Flow(recalled) as flow:
        flow.trigger("invoice.completed")
        (recording,) = recorded(flow)
        old = recording.events[0].model_copy(update={"type": "invoice.vanished"})

        found = check(recording.model_copy(update={"events": [old]}), flow.runtime.registry)

        assert (found.verdict, found.error) == ("fails", "KeyError")


def test_a_file_replays_as_the_database_does(tmp_path: Path) -> None:
    with Flow(recalled, mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        direct = list(recordings.from_database(flow.db, ZONES, finished_too=True))

        assert flow.record(tmp_path / "journals.jsonl") == 2
        assert list(recordings.read(tmp_path / "journals.jsonl")) == direct
        assert {check(one, flow.runtime.registry).verdict for one in direct} == {"fits"}


@workflow("t-replay-wait", on=InvoiceCompleted)
def waited(run: Run, event: InvoiceCompleted) -> None:
    change = run.wait_for(InvoiceChanged, until=event.at + timedelta(days=1), name="change")
    if change is None or change.invoice_id != event.invoice_id:
        run.skip("nothing")
    run.sleep_until(run.now() + timedelta(days=1), name=run.policy("today").model_dump_json())


def test_what_a_wait_found_and_the_policies_it_took_are_part_of_the_recording() -> None:
    with Flow(waited) as flow:
        ids = flow.trigger("invoice.completed")
        flow.trigger("invoice.changed", invoice_id=ids["invoice_id"], due_date="2026-12-24")

        (recording,) = recorded(flow)

        assert [told.type for told in recording.events] == ["invoice.completed", "invoice.changed"]
        assert len(recording.policies) == 1
        assert check(recording, flow.runtime.registry).verdict == "fits"
