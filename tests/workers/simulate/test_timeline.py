"""The timeline: what is a row and what is none."""

from tests.workers.simulate.conftest import HEAD, OBJECTS, Read
from workers.operator import Order
from workers.registry import REGISTRY
from workers.simulate.account import fill
from workers.simulate.play import play
from workers.simulate.stage import Stage
from workers.simulate.timeline import rows

OLD = """[[invoice]]
id = "OLD"
customer = "501"
total = "70.00"
date = 2026-10-01
"""


def test_what_was_only_observed_is_told_as_observed(read: Read) -> None:
    told = play(read(HEAD.replace('"auto"', '"observe"') + OBJECTS))

    assert [(row.name, row.state) for row in told if row.kind == "effect"] == [("invoice.sendbyemail", "observed")]


def test_what_was_there_before_the_start_and_looks_that_find_nothing_are_no_rows(read: Read) -> None:
    told = play(read(HEAD + OBJECTS + OLD))

    assert {row.key for row in told} == {"A"}
    assert {row.workflow for row in told} == {"", "auto-send"}


def test_an_order_that_is_refused_is_a_row(read: Read) -> None:
    said = read(HEAD + OBJECTS)

    with Stage(said, REGISTRY) as stage:
        fill(stage)
        stage.at(said.instant(said.start), lambda: stage.order(Order(act="approve", subject="no-such-effect")))
        stage.perform()
        with stage.flow.db.read() as connection:
            told = rows(connection, "shop", said.tz)

    assert [(row.name, row.state) for row in told if row.kind == "alert"] == [("operator.approve", "refused")]
    assert "There is no effect no-such-effect" in next(row.reason for row in told if row.kind == "alert")
