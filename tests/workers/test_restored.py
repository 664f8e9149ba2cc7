"""After a restored backup nothing that may have been done in the time that was lost is done again unasked."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from tests.workers.backups import Restored
from tests.workers.letters import MAIL_UNCAPPED, act, effect_row, letter, times
from workers import chain, control, restored
from workers.authoring import InvoiceCompleted, Run, workflow
from workers.chain import Head, OutsideHead
from workers.cli.release import _differ
from workers.errors import StateConflict
from workers.runs import RunRow
from workers.runtime import no_point
from workers.testing.flow import Flow
from workers.worker import guard_restored

SEND, PAID = "invoice.sendbyemail", "invoice.setpaid"
Write = Callable[[sa.Connection], None]


def pause(flow: Flow) -> None:
    """As `billhook pause shop`: what is planned waits."""
    flow.db.write(lambda c: control.put(c, "pause:shop:*", {"reason": "x"}, at=flow.clock.now))


def resume(flow: Flow) -> None:
    """As `billhook resume shop`; a restored backup is paused as it was."""
    flow.db.write(lambda c: control.put(c, "pause:shop:*", None, at=flow.clock.now))


def lose_the_call(lost: Restored, backup: Path) -> None:
    """What was paused in the backup is called, the backup is put back, and everything is let go again."""
    resume(lost.flow)
    lost.flow.advance(minutes=6)
    assert times(lost.flow, SEND) == 1
    lost.restore(backup)
    resume(lost.flow)
    lost.release()
    lost.flow.advance(minutes=6)


def release(flow: Flow, heads: Path) -> Write:
    """The end of the freeze, in one transaction."""

    def act(connection: sa.Connection) -> None:
        chain.accept(connection, heads, at=flow.clock.now, actor="operator")
        control.put(connection, "freeze", {"reason": "restored"}, at=flow.clock.now)
        restored.release(connection, at=flow.clock.now, actor="operator")
        control.put(connection, "freeze", None, at=flow.clock.now)

    return act


def during(flow: Flow, point: str, write: Write) -> None:
    """Let `write` happen the first time the engine passes `point`."""

    def passed(name: str) -> None:
        if name == point:
            flow.runtime.point = no_point
            flow.db.write(write)

    flow.runtime.point = passed


@workflow("t-restored-quiet", on=InvoiceCompleted, key=lambda event: "all", debounce="10m")
def quiet(run: Run, event: InvoiceCompleted) -> None:
    letter(run, event, MAIL_UNCAPPED, recipient="max@example.com", subject="Ihre Rechnung", message="Anbei.")


@workflow("t-restored-single", on=InvoiceCompleted, key=lambda event: "all", start="one-per-key")
def single(run: Run, event: InvoiceCompleted) -> None:
    run.sleep_until(event.at + timedelta(minutes=10))
    letter(run, event, MAIL_UNCAPPED, recipient="max@example.com", subject="Ihre Rechnung", message="Anbei.")


@pytest.fixture
def lost(tmp_path: Path) -> Iterator[Restored]:
    with Restored(tmp_path) as made:
        yield made


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Restored]:
    """As `lost`, in mode propose."""
    with Restored(tmp_path, mode="propose") as made:
        yield made


def test_ten_effects_done_after_the_backup_are_proposed_and_not_called_again(lost: Restored) -> None:
    flow = lost.flow
    flow.trigger("invoice.completed")
    flow.advance(minutes=6)
    backup = lost.back_up()
    for _ in range(10):
        flow.trigger("invoice.completed")
    flow.advance(minutes=6)
    assert times(flow, SEND) == 11

    why = lost.restore(backup)
    flow.advance(minutes=30)
    frozen = times(flow, SEND)
    lost.release()
    flow.advance(minutes=30)

    assert why is not None and "lacks row" in why
    assert frozen == times(flow, SEND) == 11
    assert [(state, reason) for _, _, state, reason in flow.effects][1:] == [("proposed", "restored")] * 10


def test_what_the_backup_had_under_way_is_doubted_too(lost: Restored) -> None:
    flow = lost.flow
    flow.trigger("invoice.completed")
    backup = lost.back_up()
    flow.advance(minutes=6)
    assert times(flow, SEND) == 1

    lost.restore(backup)
    flow.advance(minutes=6)
    doubted = lost.release()
    flow.advance(minutes=30)

    assert doubted == 1
    assert act(flow) == ("proposed", "restored")
    assert times(flow, SEND) == 1


def test_a_person_says_which_of_them_are_called(lost: Restored) -> None:
    flow = lost.flow
    flow.trigger("invoice.completed")
    backup = lost.back_up()
    flow.advance(minutes=6)
    lost.restore(backup)
    lost.release()
    flow.advance(minutes=6)

    flow.order("approve", effect_row(flow)["id"])

    assert act(flow) == ("done", None)
    assert times(flow, SEND) == 2


def test_an_effect_that_was_intended_in_the_backup_is_asked_about_at_its_call(lost: Restored) -> None:
    flow = lost.flow
    flow.trigger("invoice.completed")
    pause(flow)
    flow.advance(minutes=6)
    backup = lost.back_up()
    lose_the_call(lost, backup)

    assert act(flow) == ("proposed", "restored")
    assert times(flow, SEND) == 1


def test_what_waits_beyond_the_release_and_what_happens_after_it_need_no_word(lost: Restored) -> None:
    flow = lost.flow
    flow.trigger("invoice.completed")
    flow.advance(minutes=3)
    flow.trigger("invoice.completed")  # its hold of five minutes ends after the release
    backup = lost.back_up()
    flow.advance(minutes=3)
    assert times(flow, SEND) == 1

    lost.restore(backup)
    lost.release()
    flow.advance(minutes=1)
    flow.trigger("invoice.completed")
    flow.advance(minutes=10)

    states = sorted((state, reason or "") for _, _, state, reason in flow.effects)
    assert states == [("done", ""), ("done", ""), ("proposed", "restored")]
    assert times(flow, SEND) == 3


def test_a_wait_that_is_counted_from_when_it_was_learned_of_again_frees_nothing(lost: Restored) -> None:
    flow = lost.flow
    backup = lost.back_up()
    flow.trigger("invoice.completed")
    flow.advance(minutes=6)
    lost.restore(backup)
    lost.release()  # the look finds the invoice: its event is as old as the look, and the hold begins anew
    flow.advance(minutes=30)

    assert act(flow) == ("proposed", "restored")
    assert times(flow, SEND) == 1


def test_a_database_that_lacks_nothing_doubts_nothing(lost: Restored) -> None:
    flow = lost.flow
    flow.trigger("invoice.completed")
    flow.advance(minutes=6)

    assert guard_restored(flow.runtime, lost.heads) is None
    with flow.db.read() as connection:
        assert restored.lost(connection, lost.heads).rows == 0
        assert not restored.doubts(connection, flow.clock.now)
    assert flow.rows(sa.select(table_of(RunRow).c.id).where(table_of(RunRow).c.doubted)) == []


def test_the_rows_that_are_missing_are_counted(lost: Restored) -> None:
    lost.flow.trigger("invoice.completed")
    lost.flow.advance(minutes=6)
    head = OutsideHead(lost.heads, "gone")
    head.keep(Head(45, "f" * 64))
    head.close()

    with lost.flow.db.read() as connection:
        assert restored.lost(connection, lost.heads).rows == 42


def test_a_yes_that_the_backup_has_does_not_allow_the_call_that_it_may_have_led_to(asking: Restored) -> None:
    lost, flow = asking, asking.flow
    flow.trigger("invoice.completed")
    flow.advance(minutes=6)
    pause(flow)
    flow.order("approve", effect_row(flow)["id"])
    backup = lost.back_up()
    lose_the_call(lost, backup)
    before = (act(flow), times(flow, SEND))
    flow.order("approve", effect_row(flow)["id"])

    assert before == (("proposed", "restored"), 1)
    assert (act(flow)[0], times(flow, SEND)) == ("done", 2)


def test_a_run_at_work_during_the_release_is_doubted_at_its_call(lost: Restored) -> None:
    flow = lost.flow
    flow.trigger("invoice.completed")
    backup = lost.back_up()
    flow.advance(minutes=6)
    lost.restore(backup)
    flow.db.write(lambda c: control.put(c, "freeze", None, at=flow.clock.now))
    during(flow, "intended", release(flow, lost.heads))
    flow.advance(minutes=6)

    assert (act(flow), times(flow, SEND)) == (("proposed", "restored"), 1)


def test_a_yes_read_before_the_release_does_not_allow_a_call_after_it(asking: Restored) -> None:
    lost, flow = asking, asking.flow
    flow.trigger("invoice.completed")
    flow.advance(minutes=6)
    backup = lost.back_up()
    flow.order("approve", effect_row(flow)["id"])
    assert times(flow, SEND) == 1
    lost.restore(backup)
    flow.db.write(lambda c: control.put(c, "freeze", None, at=flow.clock.now))
    during(flow, "read", release(flow, lost.heads))
    flow.order("approve", effect_row(flow)["id"])

    assert (act(flow), times(flow, SEND)) == (("proposed", "restored"), 1)


def test_an_operators_freeze_in_the_backup_hides_no_loss(lost: Restored) -> None:
    flow = lost.flow
    flow.trigger("invoice.completed")
    flow.db.write(lambda c: control.put(c, "freeze", {"reason": "stock take"}, at=flow.clock.now))
    backup = lost.back_up()
    flow.db.write(lambda c: control.put(c, "freeze", None, at=flow.clock.now))
    flow.advance(minutes=6)
    assert times(flow, SEND) == 1

    lost.restore(backup)

    with flow.db.read() as connection:
        assert control.frozen(connection) == restored.FREEZE


@pytest.mark.parametrize("chosen", [quiet, single])
def test_what_happened_before_the_release_doubts_the_run_that_it_joins(chosen: Callable[..., None]) -> None:
    with Flow(chosen) as flow:
        flow.sandbox.trigger("invoice.completed", {})
        late = flow.sandbox.drain()
        flow.advance(minutes=1)
        flow.db.write(release(flow, flow.heads))
        flow.advance(minutes=1)
        flow.trigger("invoice.completed")
        flow.advance(minutes=1)
        for one in late:
            flow.deliver(one.body)
        flow.advance(hours=1)

        assert [(state, reason) for _, _, state, reason in flow.effects] == [("proposed", "restored")]


def test_an_account_that_refuses_us_holds_up_no_release_without_a_look(lost: Restored) -> None:
    flow, missing = lost.flow, restored.Lost(rows=1, since=None)
    flow.sandbox.faults.add("login", times=99)

    with pytest.raises(StateConflict, match="without-look"):
        _differ(flow.runtime, "shop", missing, False)
    assert _differ(flow.runtime, "shop", missing, True) is None
