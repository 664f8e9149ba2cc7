"""A worker that stood still past its lease: what it does when it goes on harms no call of the worker that took over."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from tests.workers.letters import act, pay, times
from workers import engine
from workers.runs import RunRow
from workers.testing.actors import Actor
from workers.testing.flow import Flow

PAID = "invoice.setpaid"


@pytest.fixture
def flow() -> Iterator[Flow]:
    """An invoice whose payment was asked for and answered with a 500, though nothing was done; a look counts two minutes later."""
    with Flow(pay) as made:
        made.sandbox.faults.add("error-before", PAID)
        made.trigger("invoice.completed")
        made.advance(minutes=6)
        assert act(made) == ("unknown", "unclear_answer: status 500")
        made.clock.pass_(timedelta(minutes=2))
        yield made


@pytest.fixture
def hire(flow: Flow) -> Iterator[Callable[[str], Actor]]:
    """Begin to work on the one run, as a worker of this name."""
    (run,) = flow.rows(sa.select(table_of(RunRow).c.id))
    with ExitStack() as stack:

        def hired(name: str) -> Actor:
            actor = Actor(name)
            stack.callback(actor.close)
            actor.begin(lambda: engine.advance(replace(flow.runtime, owner=name, point=actor.stand), run["id"]))
            return actor

        yield hired


def until(actor: Actor, point: str) -> None:
    while actor.at != point:
        assert actor.go_on() != "done", point


def to_its_end(actor: Actor) -> None:
    while actor.at is not None:
        actor.go_on()
    assert actor.error is None


def lease_over(flow: Flow) -> None:
    flow.clock.pass_(timedelta(seconds=31))


def test_a_look_from_before_the_take_over_says_nothing_of_the_call_after_it(flow: Flow, hire: Callable[[str], Actor]) -> None:
    one = hire("one")
    until(one, "looked")
    lease_over(flow)
    flow.sandbox.faults.add("drop", PAID)
    to_its_end(hire("two"))
    assert act(flow) == ("unknown", "no_answer")

    to_its_end(one)
    flow.advance(minutes=10)

    assert act(flow) == ("done", "found")
    assert times(flow, PAID) == 1


def test_a_call_that_never_left_takes_back_no_other_call(flow: Flow, hire: Callable[[str], Actor]) -> None:
    one = hire("one")
    until(one, "asking")
    flow.clock.pass_(timedelta(minutes=3))
    two = hire("two")
    until(two, "called")

    to_its_end(one)
    to_its_end(two)
    flow.advance(minutes=10)

    assert act(flow) == ("done", None)
    assert times(flow, PAID) == 1


def test_an_answer_that_was_lost_long_ago_makes_no_other_call_unknown(flow: Flow, hire: Callable[[str], Actor]) -> None:
    flow.sandbox.faults.add("error-before", PAID)
    one = hire("one")
    until(one, "called")
    flow.clock.pass_(timedelta(minutes=3))
    two = hire("two")
    until(two, "called")

    to_its_end(one)

    assert act(flow)[0] == "calling"
    to_its_end(two)
    assert act(flow) == ("done", None)


def test_the_call_of_the_worker_that_took_over_is_not_taken_for_lost(flow: Flow, hire: Callable[[str], Actor]) -> None:
    one = hire("one")
    until(one, "said-no")
    lease_over(flow)
    two = hire("two")
    until(two, "asking")

    to_its_end(one)

    assert act(flow)[0] == "calling"
    to_its_end(two)
    assert act(flow) == ("done", None)
