"""A run that kills every worker it meets, under real processes: it is put before a person, and the others go on meanwhile."""

from pathlib import Path

import httpx
import pytest

from tests.bench.demo import JSON, Demo, started_up
from tests.processes import eventually

WORKFLOW = '''"""Ends the process that runs it."""
import os

from workers.authoring import InvoiceCompleted, Run, workflow


@workflow("killer", on=InvoiceCompleted, key=lambda event: "one for all")
def killer(run: Run, event: InvoiceCompleted) -> None:
    run.step("die", os._exit, 9)
'''
TAKEOVERS, LEASE_S = 5, 30


def killer(demo: Demo) -> tuple[str, int]:
    """(status, takeovers) of the run that kills."""
    return next(iter(demo.query("SELECT status, takeovers FROM run WHERE workflow = 'killer'")), ("", 0))  # type: ignore[return-value]


def state(demo: Demo) -> str:
    """What is not done yet, for a failure."""
    effects = demo.query("SELECT state, reason, wake_at, count(*) FROM effect GROUP BY 1, 2, 3")
    runs = demo.query("SELECT workflow, status, reason, takeovers, wake_at, lease_until FROM run WHERE status <> 'done'")
    return f"{effects}\n{runs}\n{demo.query('SELECT name, value FROM control')}"


@pytest.mark.slow
def test_after_five_lost_workers_the_run_is_parked_with_what_is_known_and_no_other_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "killer.py").write_text(WORKFLOW)
    with started_up(tmp_path, {"BILLHOOK_WORKFLOWS": str(folder)}) as demo, httpx.Client(timeout=10) as client:
        for number in range(9_000_000, 9_000_010):
            client.post(demo.url, content=demo.notification(client, number), headers=JSON).raise_for_status()
        eventually(lambda: killer(demo)[0] == "parked", within_s=(TAKEOVERS + 2) * (LEASE_S + 10), why=lambda: str(killer(demo)))
        ended = "SELECT count(*) FROM effect WHERE state IN ('done', 'unknown') AND service = 'invoice.sendbyemail'"
        eventually(lambda: demo.query(ended)[0][0] == 10, within_s=240, why=lambda: state(demo))
        parked = demo.query(
            "SELECT p.kind, p.reason FROM parked p JOIN run r ON r.id = p.run_id WHERE r.workflow = 'killer' AND p.closed_at IS NULL"
        )
        unknown = {row[0] for row in demo.query("SELECT object_id FROM effect WHERE state = 'unknown'")}  # the call died with its worker
        asked = {
            row[0] for row in demo.query("SELECT x.object_id FROM parked p JOIN effect x ON x.id = p.effect_id WHERE p.closed_at IS NULL")
        }
        letters = httpx.get(f"{demo.sandbox}/_sandbox/sent").json()["sent"]

    assert killer(demo) == ("parked", TAKEOVERS)
    assert parked == [("failed", f"{TAKEOVERS} workers were lost in a row without a new journal row")]
    sent = [letter["invoice_id"] for letter in letters]
    assert len(sent) == len(set(sent))
    assert unknown == asked
    assert len(set(sent) | unknown) == 10
