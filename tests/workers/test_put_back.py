"""A database that is put back below a running worker is noticed before the worker's next call."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.backups import Restored
from tests.workers.letters import act, effect_row, keyed, times
from workers import control
from workers.chain import Head

SEND, PAID = "invoice.sendbyemail", "invoice.setpaid"


@pytest.fixture
def lost(tmp_path: Path) -> Iterator[Restored]:
    with Restored(tmp_path) as made:
        yield made


def test_a_database_put_back_below_a_running_worker_is_noticed_before_its_next_call(lost: Restored) -> None:
    flow = lost.flow
    backup = lost.back_up()
    flow.trigger("invoice.completed")
    flow.advance(minutes=6)
    for _ in range(3):  # the log grows past the lost row before anything is called
        lost.put_back(backup)
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)

    with flow.db.read() as connection:
        assert control.frozen(connection) == "restored"
    assert times(flow, SEND) == 1
    assert ("alert", "restored") in flow.told

    lost.release()
    flow.advance(minutes=6)
    flow.order("approve", effect_row(flow)["id"])
    assert times(flow, SEND) == 2


def test_a_second_time_is_noticed_as_the_first(lost: Restored) -> None:
    flow = lost.flow
    backup = lost.back_up()
    for _ in range(4):
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
    lost.restore(backup)
    lost.release()
    flow.advance(minutes=6)
    backup = lost.back_up()
    flow.order("approve", flow.ids("proposed")[0])
    called = times(flow, SEND)

    lost.put_back(backup)
    for effect in flow.ids("proposed"):
        flow.order("approve", effect)

    assert (called, times(flow, SEND)) == (5, 5)
    with flow.db.read() as connection:
        assert control.frozen(connection) == "restored"


def test_a_repeat_under_the_providers_key_is_not_made_on_a_database_that_was_put_back(tmp_path: Path) -> None:
    with Restored(tmp_path, chosen=keyed) as lost:
        flow = lost.flow
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("error-before", PAID)
        flow.advance(minutes=5)
        backup = lost.back_up()
        flow.runtime.head.keep(Head(999, "f" * 64))  # another of the worker's threads called since

        lost.put_back(backup)
        flow.advance(minutes=30)

        assert act(flow)[0] == "unknown"
        assert sum(call.service == PAID for call in flow.sandbox.calls) == 1
