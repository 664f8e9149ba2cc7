"""Ids are in the order they were made, and never meet."""

from datetime import UTC, datetime

import pytest

from workers import ids


def test_an_id_made_later_sorts_later_and_all_have_the_same_length(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for at in (datetime(1970, 1, 2, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC), datetime(2527, 1, 1, tzinfo=UTC)):
        monkeypatch.setattr(ids.time, "time_ns", lambda at=at: int(at.timestamp() * 1_000_000_000))
        made.append(ids.new_id())

    assert made == sorted(made)
    assert {len(id) for id in made} == {20}


def test_ids_of_the_same_millisecond_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_790_000_000_000_000_000)

    assert len({ids.new_id() for _ in range(1_000)}) == 1_000
