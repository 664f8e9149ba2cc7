"""The stage: what the clock stops for, what a lost worker leaves, and what happens while a call is under way."""

import pytest

from tests.workers.simulate.conftest import HEAD, OBJECTS, Play, Read
from workers.gates import BankChecked
from workers.overview import events_of_source, synced_at
from workers.registry import REGISTRY
from workers.simulate.account import fill
from workers.simulate.play import play
from workers.simulate.stage import Stage, looks, taking_part

QUIET = HEAD.replace("2026-11-20T18", "2026-12-20T18")
CRASH = '[[happens]]\nat = 2026-11-20T08:05:00\nwhat = "crash"\npoint = "{}"\n'
SLOW = '[[happens]]\nat = 2026-11-20T08:05:00\nwhat = "provider"\nmode = "slow"\nservice = "invoice.sendbyemail"\nseconds = 25\n'
DOWN = """[[happens]]
at = 2026-11-20T08:30:00
what = "worker_down"
until = 2026-11-20T12:00:00
[[happens]]
at = 2026-11-20T09:00:00
what = "payment"
invoice = "A"
"""
TWICE = '[[happens]]\nat = 2026-11-20T08:05:00\nwhat = "webhook"\ninvoice = "A"\nrepeat = 2\n'


def test_helpers_take_part_with_the_workflow_of_their_folder(read: Read) -> None:
    names = {workflow.name for workflow in taking_part(read(HEAD).policy, REGISTRY)}

    assert names == {"auto-send", "auto-send-sweep", "auto-send-changes", "auto-send-bounces"}


def test_a_schedule_within_the_hour_is_a_look_and_no_due_instant(read: Read) -> None:
    assert looks("shop", taking_part(read(HEAD).policy, REGISTRY)) == ["tick:shop:auto-send-sweep:15m"]


def test_a_quiet_month_is_looked_at_once_a_day(read: Read) -> None:
    with Stage(read(QUIET), REGISTRY) as stage:
        stage.perform()

        assert 30 <= len([run for run in stage.flow.runs if run[0] == "auto-send-sweep"]) <= 36


@pytest.mark.parametrize("point", ["calling", "called"])
def test_a_worker_lost_at_any_point_sends_no_second_mail(read: Read, point: str) -> None:
    with Stage(read(HEAD + OBJECTS), REGISTRY) as stage:
        fill(stage)
        stage.crash_at = point
        stage.perform()

        assert len(stage.flow.calls) == (0 if point == "calling" else 1)
        assert stage.flow.runtime.owner == "worker-2"


def test_a_call_nobody_waits_for_any_longer_is_unknown(played: Play) -> None:
    rows = played(SLOW)

    assert [(row.at, row.state) for row in rows if row.kind == "effect"] == [("2026-11-20T08:15:20", "unknown")]


def test_what_arrives_while_the_worker_is_down_is_learned_when_it_is_back(played: Play) -> None:
    rows = played(DOWN)

    assert [row.at for row in rows if row.name == "invoice.paid"] == ["2026-11-20T12:00:00"]


def test_what_happens_while_a_read_is_under_way_is_routed_before_the_call(read: Read) -> None:
    slow = '[[happens]]\nat = 2026-11-20T08:05:00\nwhat = "provider"\nmode = "slow"\nservice = "invoice.get"\nseconds = 6\ntimes = 9\n'
    stop = '[[happens]]\nat = 2026-11-20T08:15:05\nwhat = "dispute"\ninvoice = "A"\n'

    rows = play(read(HEAD + OBJECTS + slow + stop))

    assert [row.at for row in rows if row.name == "block.dispute"] == ["2026-11-20T08:15:05"]


def test_what_is_known_of_the_bank_and_the_provider_is_as_of_now_on_every_day(read: Read) -> None:
    with Stage(read(QUIET), REGISTRY) as stage:
        stage.perform()

        with stage.flow.db.read() as connection:
            [checked] = events_of_source(connection, "shop", (BankChecked,))
            assert (str(checked.through), synced_at(connection, "shop")) == ("2026-12-20", stage.now)


def test_a_notification_that_comes_again_changes_nothing(read: Read) -> None:
    once, thrice = play(read(HEAD + OBJECTS)), play(read(HEAD + OBJECTS + TWICE))

    assert once == thrice
