"""An effect's life in the log: what is legal passes, and each thing that is not is named with its invariant."""

import pytest

from workers.prove.history import History

ONE, OTHER = "a" * 64, "b" * 64
CALLED = [("", "intended", ""), ("intended", "calling", "")]
LEGAL = [
    [*CALLED, ("calling", "done", "")],
    [("", "proposed", ""), ("proposed", "approved", ""), ("approved", "calling", ""), ("calling", "rejected", "no")],
    [*CALLED, ("calling", "intended", "not_asked"), ("intended", "calling", ""), ("calling", "done", "")],
    [*CALLED, ("calling", "unknown", "no_answer"), ("unknown", "intended", "look_says_no"), ("intended", "calling", "")],
    [*CALLED, ("calling", "unknown", "no_answer"), ("unknown", "calling", "same_key"), ("calling", "unknown", "not_asked")],
    [*CALLED, ("calling", "intended", "not_asked"), ("intended", "proposed", "mode_changed"), ("proposed", "approved", ""),
     ("approved", "calling", "")],
]  # fmt: skip
ILLEGAL = [
    (0, [("", "intended", ""), ("approved", "calling", "")]),
    (0, [("", "calling", "")]),
    (0, [*CALLED, ("calling", "done", ""), ("done", "calling", "")]),
    (8, [("", "intended", ""), ("intended", "done", "")]),
    (8, [("", "intended", ""), ("unknown", "rejected", "")]),
    (9, [*CALLED, ("calling", "intended", "because"), ("intended", "calling", "")]),
    (9, [*CALLED, ("calling", "unknown", "no_answer"), ("unknown", "calling", "")]),
    (9, [*CALLED, ("calling", "unknown", "no_answer"), ("unknown", "intended", "not_asked"), ("intended", "calling", "")]),
    (9, [*CALLED, ("calling", "intended", "not_asked"), ("intended", "calling", ""), ("calling", "unknown", "no_answer"),
         ("unknown", "calling", "")]),
]  # fmt: skip


def faults(rows: list[tuple[str, str, str]]) -> set[int]:
    life = History()
    return {invariant for before, after, reason in rows for invariant, _ in life.take(before, after, reason, ONE)}


@pytest.mark.parametrize("rows", LEGAL)
def test_a_legal_life_has_no_fault(rows: list[tuple[str, str, str]]) -> None:
    assert faults(rows) == set()


@pytest.mark.parametrize(("invariant", "rows"), ILLEGAL)
def test_what_may_not_happen_is_named(invariant: int, rows: list[tuple[str, str, str]]) -> None:
    assert invariant in faults(rows)


def test_a_request_that_changes_on_the_way_is_named() -> None:
    life = History()

    assert life.take("", "intended", "", ONE) == []
    assert life.take("intended", "calling", "", OTHER) == [(7, "the effect's request is not the one it began with")]
