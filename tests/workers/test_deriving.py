"""News: what was told before is not told again, whoever told it; history stays history unless a push outweighs it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from workers.deriving import News, Told, news
from workers.fold import Entry, arranged, changes

T = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
OUT: dict[str, Any] = {"type": "outgoing", "total": "100", "outstanding": "100"}
PAID: dict[str, Any] = OUT | {"outstanding": "0"}


def push(number: int, fields: dict[str, Any]) -> Entry:
    at = T + timedelta(minutes=number)
    return Entry(delivery_id=number, fields=fields, sequence=number, created_at=at, received_at=at)


def read(number: int, fields: dict[str, Any], *, baseline: bool = False) -> Entry:
    at = T + timedelta(minutes=number)
    return Entry(delivery_id=number, fields=fields, received_at=at, read_at=at, baseline=baseline)


class Story:
    """Entries arriving one by one, with the events they made."""

    def __init__(self, since: datetime | None = None) -> None:
        self.entries: list[Entry] = []
        self.told: list[Told] = []
        self.since = since

    def arrives(self, entry: Entry, *, echo: bool = False) -> list[News]:
        self.entries.append(entry)
        entries = arranged(self.entries)
        state, found = changes("invoice", entries)
        made = news(
            "shop", "invoice", "9", found, self.told, entry=entry, state=state, first=entries[0],
            baseline=any(e.baseline for e in entries), since=self.since, zone=ZoneInfo("Europe/Berlin"), echo=echo,
        )  # fmt: skip
        fresh = [item for item in made if item.corrects is None]
        self.told += [
            Told(type=n.event.type, identity=n.identity, delivery_id=entry.delivery_id, historical=n.historical, id=len(self.told) + i)
            for i, n in enumerate(fresh, start=1)
        ]
        return made


def types(found: list[News]) -> list[str]:
    return [item.event.type for item in found]


def test_what_was_told_is_not_told_again() -> None:
    story = Story()

    assert types(story.arrives(push(1, OUT))) == ["invoice.created", "invoice.completed"]
    assert story.arrives(push(2, OUT)) == []


def test_an_epoch_revealed_by_a_later_delivery_is_told_once_though_its_opener_changes() -> None:
    story = Story()
    for entry in (push(1, OUT), push(2, PAID), push(6, PAID)):
        story.arrives(entry)

    assert types(story.arrives(push(4, OUT))) == ["invoice.reopened", "invoice.paid"]
    assert story.arrives(push(5, PAID)) == []
    assert story.arrives(push(7, PAID)) == []


def test_a_late_fact_that_no_longer_holds_starts_nothing() -> None:
    story = Story()
    story.arrives(push(1, OUT))
    story.arrives(push(3, OUT))

    (paid, reopened) = story.arrives(push(2, PAID))

    assert (paid.event.type, paid.late, paid.starts) == ("invoice.paid", True, False)
    assert (reopened.event.type, reopened.late) == ("invoice.reopened", False)


def test_an_echo_is_recorded_and_starts_nothing() -> None:
    story = Story()
    story.arrives(push(1, OUT))

    (paid,) = story.arrives(push(2, PAID), echo=True)

    assert not paid.starts


def test_what_the_baseline_shows_is_history() -> None:
    assert {(n.historical, n.starts) for n in Story(since=T).arrives(read(5, PAID, baseline=True))} == {(True, False)}


def test_a_transition_after_the_baseline_is_news() -> None:
    story = Story(since=T)
    story.arrives(read(1, {"type": "draft"}, baseline=True))

    (completed,) = story.arrives(push(5, OUT))

    assert (completed.historical, completed.starts) == (False, True)


def test_a_push_from_between_the_baselines_start_and_its_read_corrects_it() -> None:
    story = Story(since=T)
    story.arrives(read(5, OUT, baseline=True))

    found = story.arrives(push(2, OUT))

    assert [(n.event.type, n.corrects is not None) for n in found] == [("invoice.created", True), ("invoice.completed", True)]
    assert all(n.starts for n in found)


def test_a_push_from_before_the_baseline_corrects_nothing() -> None:
    story = Story(since=T + timedelta(minutes=4))
    story.arrives(read(5, OUT, baseline=True))

    assert story.arrives(push(2, OUT)) == []


@pytest.mark.parametrize(("day", "historical"), [("2026-11-19", True), ("2026-11-20", False), ("2026-11-21", False), ("", False)])
def test_an_object_never_seen_by_push_is_judged_by_its_printed_day(day: str, historical: bool) -> None:
    found = Story(since=T).arrives(read(5, OUT | {"invoice_date": day}))

    assert {n.historical for n in found} == {historical}


def test_a_change_that_a_read_showed_first_is_not_told_again_by_its_late_push() -> None:
    story = Story()
    story.arrives(push(1, OUT))
    assert types(story.arrives(read(5, OUT | {"due_date": "2026-12-24", "total": "120"}))) == ["invoice.changed"]

    assert story.arrives(push(3, OUT | {"due_date": "2026-12-24", "total": "120"})) == []


def test_a_late_push_with_a_change_of_its_own_is_told() -> None:
    story = Story()
    story.arrives(push(1, OUT))
    story.arrives(read(5, OUT | {"total": "120"}))

    late = story.arrives(push(3, OUT | {"total": "110"}))
    assert [(item.event.type, item.late) for item in late] == [("invoice.changed", True)]
