"""Draining: after a freeze the backlog leaves at the chosen rate, what is planned later does not wait, and it ends by itself."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.letters import mail, times
from workers import control, drain, holds
from workers.ledger import EffectRow
from workers.testing.flow import START, Flow

SEND = "invoice.sendbyemail"


def freeze(flow: Flow) -> None:
    flow.db.write(lambda c: control.put(c, "freeze", {"reason": "operator"}, at=flow.clock.now))


def release(flow: Flow, per_minute: int) -> drain.Backlog:
    def act(connection) -> drain.Backlog:  # type: ignore[no-untyped-def]
        held = drain.backlog(connection, before=flow.clock.now, per_minute=per_minute)
        drain.begin(connection, per_minute=per_minute, at=flow.clock.now)
        holds.end_freeze(connection, at=flow.clock.now, actor="ada")
        return held

    return flow.db.write(act)


def sent(flow: Flow) -> list[datetime]:
    return [at for service, at in flow.calls if service == SEND]


def reads(flow: Flow) -> int:
    return sum(call.service == "invoice.get" for call in flow.sandbox.calls)


def hold_back(flow: Flow, count: int) -> None:
    """So many effects are planned, and none is called: billhook is frozen."""
    freeze(flow)
    for _ in range(count):
        flow.trigger("invoice.completed")
    flow.advance(minutes=20)


def test_a_backlog_leaves_at_the_chosen_rate_and_the_estimate_holds() -> None:
    with Flow(mail) as flow:
        hold_back(flow, 12)
        assert sent(flow) == []

        held = release(flow, 6)
        released = flow.clock.now
        flow.advance(minutes=6)

        assert (held.effects, held.minutes) == (12, 2.0)
        assert len(sent(flow)) == 12
        assert max(sum(at <= other < at + timedelta(minutes=1) for other in sent(flow)) for at in sent(flow)) <= 6
        assert max(sent(flow)) - released >= timedelta(minutes=1)


def test_a_backlog_begins_to_leave_at_once_in_the_order_it_was_planned() -> None:
    with Flow(mail) as flow:
        freeze(flow)
        planned = []
        for _ in range(4):
            planned.append(flow.trigger("invoice.completed")["invoice_id"])
            flow.advance(minutes=1)
        flow.advance(minutes=20, seconds=11)
        release(flow, 2)
        flow.advance(seconds=1)
        assert times(flow, SEND) >= 1

        flow.advance(minutes=5)
        table = table_of(EffectRow)
        assert [row["object_id"] for row in flow.rows(sa.select(table).order_by(table.c.settled_at))] == planned


def test_what_is_planned_after_the_release_does_not_wait_behind_the_backlog() -> None:
    with Flow(mail) as flow:
        hold_back(flow, 30)
        release(flow, 1)
        flow.advance(minutes=1)
        new = flow.trigger("invoice.completed")["invoice_id"]
        flow.advance(minutes=6)

        assert times(flow, SEND) < 15
        assert [state for _, id, state, _ in flow.effects if id == new] == ["done"]


def test_what_waits_for_its_turn_is_read_at_its_turn_and_not_again_and_again() -> None:
    with Flow(mail) as flow:
        hold_back(flow, 12)
        before = reads(flow)
        release(flow, 3)
        flow.advance(minutes=6)

        assert times(flow, SEND) == 12
        assert reads(flow) - before <= 14


def test_the_rate_is_forgotten_once_the_backlog_is_gone() -> None:
    with Flow(mail) as flow:
        freeze(flow)
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        release(flow, 60)
        flow.advance(minutes=3)
        flow.sweeper.sweep()

        with flow.db.read() as connection:
            assert control.get(connection, drain.NAME) is None


def test_without_a_rate_there_is_no_estimate(database: Database) -> None:
    with database.read() as connection:
        assert drain.backlog(connection, before=START, per_minute=None) == drain.Backlog(effects=0, minutes=None)
