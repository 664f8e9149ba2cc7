"""What it means that a provider shows an object no more: nothing for an hour, and never that a finished invoice was deleted."""

from datetime import timedelta
from typing import Any

import pytest

from workers import absence
from workers.fold import Folded
from workers.mirror import Held
from workers.testing.flow import START

HOUR = timedelta(hours=1)


def held(kind: str, type: str | None = None, **said: Any) -> Held:
    state = Folded(**{"seen": True, "fields": {"type": type}} | said)
    return Held(id=1, source="shop", kind=kind, object_id="7", state=state, revision=1, touches={}, tail=None, untold=False)


@pytest.mark.parametrize(
    ("known", "after", "is_deletion"),
    [
        (held("customer"), HOUR - timedelta(seconds=1), False),
        (held("customer"), HOUR, True),
        (held("invoice", "draft"), timedelta(0), False),
        (held("invoice", "draft"), HOUR, True),
        (held("invoice", "outgoing"), 1000 * HOUR, False),
        (held("invoice", "received"), 1000 * HOUR, False),
        (held("invoice"), 1000 * HOUR, False),
        (None, timedelta(0), True),
        (held("invoice", seen=False), timedelta(0), True),
        (held("invoice", "outgoing", deleted=True), timedelta(0), True),
    ],
)
def test_what_is_missing_counts_as_deleted_after_an_hour_and_a_finished_invoice_never(
    known: Held | None, after: timedelta, is_deletion: bool
) -> None:
    assert absence.is_deletion(known, missing_at=START, read_at=START + after) is is_deletion


@pytest.mark.parametrize(("after", "again"), [(timedelta(0), HOUR), (timedelta(minutes=15), HOUR), (HOUR, 2 * HOUR), (5 * HOUR, 6 * HOUR)])
def test_it_is_asked_for_again_at_the_end_of_the_hour_then_every_hour(after: timedelta, again: timedelta) -> None:
    assert absence.look_again_at(START, START + after) == START + again
