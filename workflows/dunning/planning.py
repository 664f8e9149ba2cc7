"""What comes next for one invoice, and when: the lowest level it has not had, anchored on the previous notice's deadline.

Pure, and the one place that counts days between notices. No level is ever skipped, whatever the backlog: after a pause or downtime the
caller sends what is next on the first open day, and the clock starts anew from there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from workflows.dunning.calendar import WorkingDays
from workflows.dunning.ladder import Ladder
from workflows.dunning.notice import Notice, delivered, last_delivered

MIN_DAYS_BETWEEN = 6
RELEASE_GRACE_DAYS = 3
END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The next act: a `notice` of `level`, a `hand_over` to propose, or a `task` for a person where no further level may be sent.

    `reference_on`: the effective due date, or the previous notice's deadline. `eligible_on`: reference + grace + 1 day.
    `send_on`: the first day on which it may leave, a day on which the sender works.
    """

    kind: Literal["notice", "hand_over", "task"]
    level: int
    name: str
    reference_on: date
    eligible_on: date
    send_on: date


def next_step(
    ladder: Ladder, days: WorkingDays, *, due_on: date, notices: Sequence[Notice] = (), not_before: Iterable[date] = (),
    last_level: int | None = None, min_days_between: int = MIN_DAYS_BETWEEN,
) -> NextStep:  # fmt: skip
    """The next step of an invoice that is still to be dunned.

    `notices`:    all that went out, also by hand; those that came back give no level and no distance, so the same level is next.
    `not_before`: days before which nothing goes out, from `resumed_on`.
    `last_level`: the highest level this invoice may get (0 for an advance payment); past it the next step is a task.
    A due date that was moved past the last deadline becomes the reference again: what was sent stays, what was not is planned anew.
    """
    reached = last_delivered(notices)
    level = 0 if reached is None else reached.level + 1
    due = days.deadline(due_on)
    reference = due if reached is None else max(due, reached.deadline_on)
    over = level > ladder.last_level
    grace = ladder.end_grace_days if over else ladder.steps[level].grace_days
    eligible = reference + timedelta(days=grace + 1)
    spaced = [one.sent_on + timedelta(days=min_days_between) for one in delivered(notices)]
    stopped = last_level is not None and level > last_level
    return NextStep(
        kind="task" if stopped else "hand_over" if over else "notice", level=level, name=END if over else ladder.steps[level].name,
        reference_on=reference, eligible_on=eligible, send_on=days.sending_day(max([eligible, *spaced, *not_before])),
    )  # fmt: skip


def deadline_of(ladder: Ladder, level: int, *, sent_on: date, days: WorkingDays) -> date:
    """By when a notice of `level` asks for the money: its days from sending, moved to a working day."""
    return days.deadline(sent_on + timedelta(days=ladder.steps[level].deadline_days))


def resumed_on(ended_on: date, *, grace_days: int = RELEASE_GRACE_DAYS) -> date:
    """The day before which nothing goes out after a dispute was released, a promise missed or a payment returned on `ended_on`."""
    return ended_on + timedelta(days=grace_days + 1)
