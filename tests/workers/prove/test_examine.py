"""Whatever billhook did, the proof finds nothing: long stories on both databases, in steps and at their end, and while it works."""

from pathlib import Path

import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.letters import mail, pay
from tests.workers.prove.stories import awaiting, change, found, paid, tell_much
from workers.chain import EffectLog, OutsideHead
from workers.ledger import EffectRow
from workers.prove.examine import examine, examine_ledger
from workers.runs import RunRow
from workers.testing.flow import Flow


def test_a_long_mixed_story_proves_clean_at_every_step(database: Database, tmp_path: Path) -> None:
    with Flow(mail, pay, awaiting, database=database) as flow:
        flow.runtime.head = OutsideHead(tmp_path, "flow")

        def pass_(**span: float) -> None:
            flow.advance(**span)
            assert found(database) == []

        tell_much(flow, pass_)

        report = examine(database, tmp_path)
        states = {row["state"] for row in flow.rows(sa.select(table_of(EffectRow).c.state))}
        statuses = {row["status"] for row in flow.rows(sa.select(table_of(RunRow).c.status))}
        flow.runtime.head.close()
        assert report.kept == []
        assert {"done", "cancelled"} <= states
        assert {"done", "cancelled", "skipped", "waiting"} <= statuses
        assert report.looked_at["log rows"] > 15
        assert report.notes[0].startswith("compared with 1 heads kept outside; ")


def test_a_run_proves_clean_at_every_point_of_its_way(database: Database) -> None:
    with Flow(pay, database=database) as flow:
        flow.sandbox.faults.add("drop", "invoice.setpaid")
        passed: list[tuple[str, list[object]]] = []
        flow.runtime.point = lambda name: passed.append((name, list(found(database))))

        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        assert {name for name, _ in passed} >= {"routed", "claimed", "intended", "calling", "called", "unknown", "looked", "finished"}
        assert [one for one in passed if one[1]] == []


def test_what_is_counted_is_what_is_there(database: Database) -> None:
    with paid(database):
        looked_at = examine(database, None).looked_at

    assert (looked_at["effects"], looked_at["slots"], looked_at["runs"], looked_at["log rows"]) == (1, 1, 1, 3)


def test_two_processes_find_what_one_finds(kept_database: Database) -> None:
    with paid(kept_database):
        change(kept_database, EffectRow, state="unknown")
        change(kept_database, EffectLog, table_of(EffectLog).c.seq == 2, actor="nobody")
        alone, together = examine(kept_database, None), examine(kept_database, None, large=0)

        assert {one.subject for one in alone.kept} > {"row 2"}
        assert sorted(map(repr, together.kept)) == sorted(map(repr, alone.kept))
        assert together.looked_at == alone.looked_at


def test_an_exported_ledger_proves_clean_with_the_head_that_was_kept(database: Database, tmp_path: Path) -> None:
    with Flow(mail, pay, database=database) as flow:
        tell_much(flow, flow.advance)
        exported = examine(database, None, tmp_path / "ledger")

        report = examine_ledger(tmp_path / "ledger", None)

    assert report.kept == []
    assert report.looked_at["log rows"] == exported.looked_at["log rows"]
