"""An actor goes on only when told to, and stands still at each of its points."""

from collections.abc import Iterator

import pytest

from workers.testing.actors import BEGUN, Actor, WorkerLost


@pytest.fixture
def actor() -> Iterator[Actor]:
    made = Actor("one")
    yield made
    made.close()


def test_it_stands_before_its_work_and_at_each_point(actor: Actor) -> None:
    done: list[str] = []

    def work() -> None:
        done.append("a")
        actor.stand("between")
        done.append("b")

    actor.begin(work)
    assert (actor.at, done) == (BEGUN, [])
    assert (actor.go_on(), done) == ("between", ["a"])
    assert (actor.go_on(), actor.at, done) == ("done", None, ["a", "b"])


def test_one_that_is_lost_does_nothing_more(actor: Actor) -> None:
    done: list[str] = []

    def work() -> None:
        try:
            actor.stand("between")
            done.append("b")
        finally:
            with pytest.raises(WorkerLost):
                actor.stand("on the way out")

    actor.begin(work)
    actor.go_on()
    actor.lose()

    assert (actor.at, actor.error, done) == (None, None, [])


def test_one_that_is_lost_before_it_began_never_begins(actor: Actor) -> None:
    done: list[str] = []
    actor.begin(lambda: done.append("a"))

    actor.lose()

    assert (actor.at, done) == (None, [])


def test_what_it_died_of_is_kept(actor: Actor) -> None:
    actor.begin(lambda: 1 // 0)

    assert actor.go_on() == "done"
    assert isinstance(actor.error, ZeroDivisionError)
