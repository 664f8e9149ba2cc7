"""Replaying many events: chosen by what came of them, shown before, spread over time, called off; nothing done is done again."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from decimal import Decimal

import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from tests.workers.asked import listening
from tests.workers.letters import mail, times
from workers import events, previews, replays
from workers.authoring import InvoiceCompleted, Run, workflow
from workers.control import Audit
from workers.replays import Wanted
from workers.testing.flow import Flow
from workflows.auto_send.workflow import auto_send

SEND = "invoice.sendbyemail"
AUTO = {"channel_map": {"mail": "none", "post": "none"}, "placeholder_domains": [], "hold_minutes": 0, "email_window": "00:00-24:00"}


class Odd:
    """A value that cannot be compared."""

    def __eq__(self, other: object) -> bool:
        raise TypeError

    __hash__ = None  # type: ignore[assignment]


ODD = Odd()


@workflow("t-only-new", on=InvoiceCompleted, only_new=True)
def only_new(run: Run, event: InvoiceCompleted) -> None:
    """Refuses what is older than its switch, as `auto-send` does."""


def found(flow: Flow, **wanted: str) -> list[int]:
    with flow.db.read() as connection:
        return replays.find(connection, Wanted(**wanted))  # type: ignore[arg-type]


def shown(flow: Flow, ids: list[int], only: str | None = None) -> list[previews.Preview]:
    with flow.db.read() as connection:
        return previews.preview(connection, flow.runtime.registry, {"t-mail": "auto", "auto-send": "auto"}, ids, only)


def ordered(flow: Flow, ids: list[int], *, replay_id: str = "r1", per_minute: int = 60) -> int:
    return flow.db.write(
        lambda c: replays.order(
            c, ids, replay_id=replay_id, workflow=None, actor="ada", reason="policy", at=flow.clock.now, per_minute=per_minute
        )
    )  # fmt: skip


def test_events_are_found_by_what_came_of_their_runs() -> None:
    with Flow(auto_send, policy=AUTO) as flow:
        skipped = flow.trigger("invoice.completed")["invoice_id"]
        flow.advance(minutes=1)

        (event,) = found(flow, workflow="auto-send", status="skipped", reason="channel_none")
        assert found(flow, invoice=skipped, type="invoice.completed") == [event]
        assert found(flow, workflow="auto-send", reason="no_such_reason") == []


def test_events_of_which_several_workflows_made_runs_are_all_found_and_no_more_than_wanted() -> None:
    with Flow(mail, only_new) as flow:
        for _ in range(3):
            flow.trigger("invoice.completed")
        flow.advance(minutes=10)
        every = found(flow, type="invoice.completed")
        with flow.db.read() as connection:
            of_runs = {at_most: replays.find(connection, Wanted(source="shop", status="done"), at_most=at_most) for at_most in (1, 2, 3)}
            both = replays.find(connection, Wanted(type="invoice.completed", reason="x"), at_most=1)
            ended = {many: replays.find(connection, Wanted(source="shop", type="invoice.completed", status="done"), at_most=many)
                     for many in (1, 3)}  # fmt: skip

        assert len(every) == 3
        assert [len(ids) for ids in of_runs.values()] == [2, 3, 3] and of_runs[3] == every
        assert both == [] and ended == {1: every[:2], 3: every}


def test_events_of_several_sources_are_found_in_their_order_each_source_by_its_index() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        other = InvoiceCompleted(source="other", at=flow.clock.now, invoice_id="7")
        flow.db.write(lambda c: events.record(c, other, "7", delivery_id=1, at=flow.clock.now))
        flow.trigger("invoice.completed")
        with flow.db.read() as connection, listening(connection) as asked:
            ids = replays.find(connection, Wanted(type="invoice.completed"))
            few = replays.find(connection, Wanted(type="invoice.completed"), at_most=1)

        assert ids == sorted(ids) and len(ids) == 3 and few == ids[:2]
        assert [sql for sql, _ in asked if "event.source IN" in sql] == []


def test_events_of_a_time_are_found_by_their_ids() -> None:
    with Flow(mail) as flow:
        began = flow.clock.now
        for _ in range(3):
            flow.trigger("invoice.completed")
            flow.advance(minutes=90)
        every = found(flow, type="invoice.completed")
        wanted = Wanted(type="invoice.completed", since=began + timedelta(minutes=90), until=began + timedelta(minutes=180))
        with flow.db.read() as connection, listening(connection) as asked:
            ids = replays.find(connection, wanted)
        with flow.db.read() as connection:
            steps = [step for sql, values in asked[-1:] for *_, step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]

        assert ids == every[1:2]
        assert steps and all("rowid>? AND rowid<?" in step for step in steps), steps


def test_what_a_wrong_policy_skipped_goes_out_once_when_it_is_put_right() -> None:
    with Flow(auto_send, policy=AUTO) as flow:
        for _ in range(2):
            flow.trigger("invoice.completed")
        flow.advance(minutes=1)
        assert times(flow, SEND) == 0
        flow.runtime.policies["auto-send"] |= {"channel_map": {"mail": "email", "post": "email"}}  # type: ignore[index]

        ids = found(flow, workflow="auto-send", reason="channel_none")
        ordered(flow, ids)
        flow.settle()
        assert times(flow, SEND) == 2

        ordered(flow, ids, replay_id="r2")
        flow.settle()
        assert times(flow, SEND) == 2


def test_a_preview_tells_what_starts_what_is_live_what_is_done_and_the_money() -> None:
    with Flow(mail) as flow:
        for _ in range(2):
            flow.trigger("invoice.completed")
        flow.advance(minutes=10)
        live = flow.trigger("invoice.completed")
        flow.set_mode("t-mail", "off")
        unsent = flow.trigger("invoice.completed")["invoice_id"]
        flow.set_mode("t-mail", "auto")

        (one,) = shown(flow, found(flow, type="invoice.completed"))

        assert (one.workflow, one.mode, one.start, one.live, one.done) == ("t-mail", "auto", 3, 1, 2)
        total = flow.sandbox.account.invoices[unsent]["TOTAL"]
        assert one.totals == {"EUR": Decimal(str(total))}
        assert live["invoice_id"] != unsent


def test_a_preview_of_many_events_asks_no_more_than_one_of_a_few() -> None:
    with Flow(mail) as flow:

        def asked() -> int:
            ids = found(flow, type="invoice.completed")
            with flow.db.read() as connection, listening(connection) as statements:
                (one,) = previews.preview(connection, flow.runtime.registry, {"t-mail": "auto"}, ids, None)
            assert one.start + one.live == len(ids)
            return len(statements)

        flow.trigger("invoice.completed")
        few = asked()
        for _ in range(4):
            flow.trigger("invoice.completed")

        assert asked() == few


def test_a_preview_counts_what_is_older_than_the_switch_as_skipped_only_where_the_workflow_declares_it() -> None:
    with Flow(only_new, mail) as flow:
        flow.set_mode("t-only-new", "off")
        flow.set_mode("t-mail", "off")
        flow.trigger("invoice.completed")
        flow.advance(minutes=1)
        flow.set_mode("t-only-new", "auto")
        flow.set_mode("t-mail", "auto")

        shown_of = {one.workflow: one for one in shown(flow, found(flow, type="invoice.completed"))}

        assert {name: (one.start, one.skip) for name, one in shown_of.items()} == {"t-only-new": (0, 1), "t-mail": (1, 0)}
        assert "completed before the switch" in shown_of["t-only-new"].why


def test_a_preview_writes_nothing() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        before = len(flow.rows(sa.select(table_of(Delivery))))
        shown(flow, found(flow, type="invoice.completed"))

        assert len(flow.rows(sa.select(table_of(Delivery)))) == before


def test_orders_begin_at_the_chosen_pace_and_those_that_wait_can_be_called_off() -> None:
    with Flow(mail) as flow:
        flow.set_mode("t-mail", "off")
        for _ in range(5):
            flow.trigger("invoice.completed")
        flow.set_mode("t-mail", "auto")
        assert ordered(flow, found(flow, type="invoice.completed"), per_minute=2) == 5
        flow.settle()
        assert len(flow.runs) == 2

        flow.advance(minutes=1)
        assert len(flow.runs) == 4

        assert flow.db.write(lambda c: replays.call_off(c, "r1", actor="ada", at=flow.clock.now)) == 1
        flow.advance(minutes=5)
        assert len(flow.runs) == 4


def test_calling_off_one_replay_leaves_others_alone() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        ids = found(flow, type="invoice.completed")
        for name in ("r1", "r10"):
            ordered(flow, ids * 1, replay_id=name)

        assert flow.db.write(lambda c: replays.call_off(c, "r1", actor="ada", at=flow.clock.now)) == 1


def test_one_replay_ordered_twice_is_one_and_people_are_kept() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        ids = found(flow, type="invoice.completed")

        assert [ordered(flow, ids), ordered(flow, ids)] == [1, 0]
        audits = flow.rows(sa.select(table_of(Audit)).where(table_of(Audit).c.act == "replay-many"))
        assert [(row["actor"], row["reason"], row["detail"]) for row in audits] == [
            ("ada", "policy", {"events": events, "per_minute": 60}) for events in (1, 0)
        ]


def test_time_narrows_what_is_replayed() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(days=1)
        later = flow.clock.now - timedelta(hours=1)
        flow.trigger("invoice.completed")

        with flow.db.read() as connection:
            after = replays.find(connection, Wanted(type="invoice.completed", since=later))
            before = replays.find(connection, Wanted(type="invoice.completed", until=later))
            every = replays.find(connection, Wanted(type="invoice.completed"))
        assert before + after == every
        assert (len(before), len(after)) == (1, 1)


@workflow("t-no-key", on=InvoiceCompleted, key=lambda event: event.no_such_field)
def keyless(run: Run, event: InvoiceCompleted) -> None:
    run.skip("never")


def test_a_workflow_whose_key_fails_is_shown_to_start_nothing() -> None:
    with Flow(keyless) as flow:
        flow.trigger("invoice.completed")

        assert shown(flow, found(flow, type="invoice.completed")) == []


def test_an_order_that_is_carried_out_meanwhile_is_not_called_off(postgres_database: Database) -> None:
    with Flow(mail, database=postgres_database) as flow:
        flow.trigger("invoice.completed")
        ordered(flow, found(flow, type="invoice.completed"))
        table = table_of(Delivery)
        of_it = table.c.native_type == "operator.replay"

        with ThreadPoolExecutor(1) as beside:

            def carry_out(connection: sa.Connection) -> Future[int]:
                connection.execute(sa.update(table).where(of_it).values(routed_at=flow.clock.now, outcome="events"))
                off = beside.submit(flow.db.write, lambda c: replays.call_off(c, "r1", actor="ada", at=flow.clock.now))
                wait([off], timeout=0.3)  # it is held up by this transaction
                return off

            called_off = flow.db.write(carry_out).result()

        assert called_off == 0
        assert [row["outcome"] for row in flow.rows(sa.select(table.c.outcome).where(of_it))] == ["events"]
