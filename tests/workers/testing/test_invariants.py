"""Each rule is broken once, by hand, and then named; on a flow that nobody touched all of them hold."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from receiver.db import Database
from tests.workers.letters import mail
from workers.sandbox.core import Call
from workers.testing import invariants
from workers.testing.flow import START, Flow

COLUMNS = "source, origin, native_type, body_hash, received_at, headers, body, repeats, tries, routed_at"
BROKEN = {
    "2:": [f"INSERT INTO delivery ({COLUMNS}, native_id) SELECT {COLUMNS}, 'other' FROM delivery WHERE id = 1"],
    "3: a delivery": ["UPDATE delivery SET routed_at = NULL"],
    "3: a trigger": ["UPDATE run SET successor_trigger_id = 99"],
    "5:": ["DROP INDEX run_live_key", "UPDATE run SET ended_at = NULL, status = 'waiting', wake_at = NULL, key = 'k'"],
    "7: one slot": ["DROP INDEX slot_live", "UPDATE slot SET object_id = 'o', version = 'v'"],
    "7: an effect": ["UPDATE slot SET live = NOT live"],
    "8: an effect's": ["UPDATE effect SET state = 'unknown'"],
    "8: an effect was": ["UPDATE effect SET calls = 7"],
    "9:": ["UPDATE effect_log SET after = 'calling' WHERE seq IN (1, 2)"],
    "10: a run that ended still": ["UPDATE run SET owner = 'somebody'"],
    "10: a run that ended left": ["UPDATE effect SET state = 'calling'"],
    "11: a run is": ["UPDATE run SET status = 'ready'"],
    "11: a waiting": ["UPDATE run SET status = 'waiting', wake_at = started_at"],
    "11: a parked": ["UPDATE run SET status = 'parked'"],
    "11: an unknown": ["UPDATE effect SET state = 'unknown'"],
    "a bug": ["INSERT INTO parked (kind, source, subject, reason, opened_at) SELECT 'failed', 'shop', id, 'bug', started_at FROM run"],
}  # fmt: skip


@pytest.fixture
def flow(database: Database) -> Iterator[Flow]:
    """Two invoices that were mailed."""
    with Flow(mail, database=database) as made:
        made.trigger("invoice.completed")
        made.trigger("invoice.completed")
        made.advance(minutes=6)
        yield made


def found(flow: Flow) -> list[str]:
    with flow.db.read() as connection:
        return invariants.violations(connection, now=flow.clock.now)


def test_all_hold_where_nobody_broke_one(flow: Flow) -> None:
    assert found(flow) == []


class Undone(Exception):
    """What was broken is whole again."""


def found_without(flow: Flow, statements: list[str]) -> list[str]:
    """What is found after these statements, which are undone."""
    said: list[str] = []

    def act(connection: sa.Connection) -> None:
        for statement in statements:
            connection.execute(sa.text(statement))
        said.extend(invariants.violations(connection, now=flow.clock.now))
        raise Undone

    with pytest.raises(Undone):
        flow.db.write(act)
    return said


def test_what_is_broken_is_named(flow: Flow) -> None:
    for rule, statements in BROKEN.items():
        said = found_without(flow, statements)

        assert any(one.startswith(rule) for one in said), (rule, said)


def test_every_rule_is_broken_here_once() -> None:
    assert all(any(said.startswith(rule) for rule in BROKEN) for said, _ in invariants.RULES)


def test_what_the_provider_did_is_counted_from_its_own_log() -> None:
    sent = [
        Call(at=START, service="invoice.sendbyemail", data={"INVOICE_ID": id}, acted=acted, status=200)
        for id, acted in (("1", True), ("1", True), ("2", True), ("2", False))
    ]
    read = Call(at=START, service="invoice.get", data={}, acted=True, status=200)

    acts = invariants.acts_of([*sent, read])

    assert acts == {("invoice.sendbyemail", "1"): 2, ("invoice.sendbyemail", "2"): 1}
    assert invariants.too_many(acts, {}) == ["1: invoice.sendbyemail of 1 was done 2 times"]
    assert invariants.too_many(acts, acts) == []
