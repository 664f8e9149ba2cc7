"""The next step: which level, on which day, anchored on the last deadline."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.workflows.dunning.cases import DE, GERMANY, L0, L1, L2, L3, SE, SWEDEN, day, notice
from workflows.dunning.ladder import Ladder, StepChange
from workflows.dunning.notice import Notice
from workflows.dunning.planning import NextStep, deadline_of, next_step, resumed_on

DUE = day("2026-03-16")


def planned(*notices: Notice, due: str = "2026-03-16", **said: Any) -> tuple[str, str, date]:
    found = next_step(DE, GERMANY, due_on=day(due), notices=notices, **said)
    return found.kind, found.name, found.send_on


@pytest.mark.parametrize(
    ("notices", "expected"),
    [
        ([], ("notice", "L0", "2026-03-23")),
        ([L0], ("notice", "L1", "2026-04-07")),
        ([L0, L1], ("notice", "L2", "2026-04-21")),
        ([L0, L1, L2], ("notice", "L3", "2026-05-08")),
        ([L0, L1, L2, L3], ("hand_over", "end", "2026-05-22")),
    ],
)
def test_the_german_ladder_runs_over_easter_and_the_first_of_may(notices: list[Notice], expected: tuple[str, str, str]) -> None:
    kind, name, send_on = expected

    assert planned(*notices) == (kind, name, day(send_on))


@pytest.mark.parametrize(
    ("level", "sent", "deadline"),
    [(0, "2026-03-23", "2026-03-30"), (1, "2026-04-07", "2026-04-17"), (2, "2026-04-21", "2026-05-04"), (3, "2026-05-08", "2026-05-18")],
)
def test_a_deadline_runs_from_sending_and_ends_on_a_working_day(level: int, sent: str, deadline: str) -> None:
    assert deadline_of(DE, level, sent_on=day(sent), days=GERMANY) == day(deadline)


def test_the_swedish_ladder_reminds_and_then_demands() -> None:
    first = next_step(SE, SWEDEN, due_on=date(2026, 5, 29))
    sent = Notice(level=0, sent_on=first.send_on, deadline_on=deadline_of(SE, 0, sent_on=first.send_on, days=SWEDEN))
    second = next_step(SE, SWEDEN, due_on=date(2026, 5, 29), notices=[sent])

    assert (first.name, first.send_on, sent.deadline_on) == ("S0", date(2026, 6, 3), date(2026, 6, 11))
    assert (second.name, second.send_on) == ("S1", date(2026, 6, 15))
    assert deadline_of(SE, 1, sent_on=second.send_on, days=SWEDEN) == date(2026, 6, 25)


def test_the_plan_says_from_what_it_reckons() -> None:
    assert next_step(DE, GERMANY, due_on=DUE, notices=[L0]) == NextStep(
        kind="notice", level=1, name="L1", reference_on=date(2026, 3, 30), eligible_on=date(2026, 4, 3), send_on=date(2026, 4, 7)
    )


def test_a_due_date_on_a_day_off_counts_from_the_next_working_day() -> None:
    assert planned(due="2026-03-14") == planned(due="2026-03-16")
    assert planned(due="2026-04-03") == ("notice", "L0", day("2026-04-13"))


def test_after_downtime_the_lowest_open_level_goes_out_and_the_clock_starts_anew() -> None:
    late = notice(1, "2026-06-01", "2026-06-11")

    assert planned(L0, not_before=[date(2026, 6, 1)]) == ("notice", "L1", date(2026, 6, 1))
    assert planned(L0, late) == ("notice", "L2", date(2026, 6, 15))


def test_a_notice_sent_by_hand_is_its_level_and_anchors_the_next() -> None:
    by_hand = notice(0, "2026-03-18", "2026-03-25", way="other")

    assert planned(by_hand) == ("notice", "L1", date(2026, 3, 30))


def test_a_dispute_that_was_released_leaves_the_level_and_waits_its_grace() -> None:
    assert planned(L0, L1, not_before=[resumed_on(date(2026, 4, 24))]) == ("notice", "L2", date(2026, 4, 28))
    assert planned(L0, L1, not_before=[resumed_on(date(2026, 4, 12))]) == ("notice", "L2", date(2026, 4, 21))


def test_no_invoice_gets_two_notices_within_six_days() -> None:
    hasty = DE.changed({"L1": StepChange(grace_days=0)})
    short = notice(0, "2026-03-23", "2026-03-24")

    found = next_step(hasty, GERMANY, due_on=DUE, notices=[short])

    assert found.eligible_on == date(2026, 3, 25)
    assert found.send_on == date(2026, 3, 30)
    assert next_step(hasty, GERMANY, due_on=DUE, notices=[short], min_days_between=1).send_on == date(2026, 3, 25)


def test_a_notice_that_came_back_is_due_again_at_its_level_and_keeps_no_distance() -> None:
    bounced = replace(L1, delivered=False)

    assert planned(L0, bounced) == ("notice", "L1", date(2026, 4, 7))


def test_a_due_date_moved_later_plans_what_was_not_sent_anew() -> None:
    assert planned(L0, due="2026-04-30") == ("notice", "L1", date(2026, 5, 4))
    assert planned(L0, due="2026-03-20") == planned(L0)


def test_an_advance_request_is_reminded_once_and_then_a_task() -> None:
    assert planned(last_level=0) == ("notice", "L0", date(2026, 3, 23))
    assert planned(L0, last_level=0) == ("task", "L1", date(2026, 4, 7))


def test_a_hand_over_waits_the_grace_at_the_end() -> None:
    patient = DE.model_copy(update={"end_grace_days": 10})

    assert next_step(patient, GERMANY, due_on=DUE, notices=[L3]).send_on == date(2026, 5, 29)


def test_a_plan_survives_the_journal() -> None:
    kept = TypeAdapter(NextStep)
    found = next_step(DE, GERMANY, due_on=DUE, notices=[L0])

    assert kept.validate_json(kept.dump_json(found)) == found


@given(
    st.dates(date(2025, 1, 1), date(2027, 12, 31)), st.sampled_from([(DE, GERMANY), (SE, SWEDEN)]), st.lists(st.integers(0, 40), max_size=5)
)
def test_levels_rise_by_one_with_every_notice_on_a_working_day_after_the_last_deadline(due: date, place: Any, delays: list[int]) -> None:
    ladder: Ladder = place[0]
    days, sent, delays = place[1], list[Notice](), [*delays, 0, 0, 0, 0, 0]

    while (step := next_step(ladder, days, due_on=due, notices=sent)).kind == "notice":
        on = days.sending_day(step.send_on + timedelta(days=delays[len(sent)]))
        assert step.level == len(sent)
        assert days.is_working(on)
        assert on > (sent[-1].deadline_on if sent else due)
        assert not sent or on >= sent[-1].sent_on + timedelta(days=6)
        sent.append(Notice(level=step.level, sent_on=on, deadline_on=deadline_of(ladder, step.level, sent_on=on, days=days)))

    assert [one.level for one in sent] == list(range(len(ladder.steps)))
    assert step.kind == "hand_over"
