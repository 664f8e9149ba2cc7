"""The pulse: a row a minute, one whoever writes it, and none older than a fortnight."""

from datetime import timedelta

import sqlalchemy as sa

from receiver.db import table_of
from tests.workers.lines import delivered, started
from workers import pulse
from workers.pulse import EVERY, KEPT, Pulse
from workers.testing.flow import START, Flow


def kept(flow: Flow) -> list[sa.RowMapping]:
    return flow.rows(sa.select(table_of(Pulse)).order_by(table_of(Pulse).c.at))


def test_a_minute_has_one_row_that_says_how_it_was() -> None:
    with Flow() as flow:
        delivered(flow.db, "1", START - timedelta(seconds=30), routed_at=START - timedelta(seconds=29))
        started(flow.db, "a", START - timedelta(seconds=90))

        beats = [pulse.beat(flow.runtime) for _ in range(2)]

        row = kept(flow)[0]
        assert beats == [True, False]
        assert (row["arrived"], row["routed"], row["routing_ms"], row["call_ms"]) == (1, 1, 1000, None)
        assert (row["waiting_s"], row["backlog"]) == (90, 1)


def test_the_next_minute_has_its_own_and_old_ones_go() -> None:
    with Flow() as flow:
        pulse.beat(flow.runtime)
        flow.clock.now = START + KEPT
        pulse.beat(flow.runtime)
        flow.clock.now = START + KEPT + EVERY
        pulse.beat(flow.runtime)

        assert [row["at"] for row in kept(flow)] == [START + KEPT, START + KEPT + EVERY]


def test_a_minute_two_processes_meet_in_has_one_row() -> None:
    with Flow() as flow:
        flow.db.write(lambda c: pulse._keep(c, START))

        assert flow.db.write(lambda c: pulse._keep(c, START + timedelta(seconds=1))) is False
        assert len(kept(flow)) == 1


def test_what_is_asked_for_since_an_instant_begins_there() -> None:
    with Flow() as flow:
        flow.db.write(lambda c: pulse._keep(c, START))
        flow.db.write(lambda c: pulse._keep(c, START + EVERY))

        with flow.db.read() as connection:
            assert [row["at"] for row in pulse.since(connection, START + EVERY)] == [START + EVERY]
