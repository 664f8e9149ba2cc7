"""A fifth of all deliveries is lost: one sweep finds every fact an API shows, and the lost ones, come after all, start nothing twice."""

import pytest

from tests.bench.gaps import played


@pytest.mark.parametrize(("kind", "count"), [("monsum", 30), ("fastbill", 30), ("qvickly", 50), ("autodns", 16)])
def test_one_sweep_finds_what_was_lost_and_nothing_runs_twice(kind: str, count: int) -> None:
    found = played(kind, count, lost=0.2)

    assert len(found.facts) > 0.9 * count and len(found.untold) >= 3
    assert len(found.between) <= 1
    assert (found.missing, found.twice, found.proof) == (set(), [], [])
    assert set(found.per_hour) >= {"customers"} and found.requests < count + 20
