"""Take a guard away, and the exploration must notice: otherwise its silence would prove nothing."""

import pytest

from tests.flow.guards import GUARDS, Guard
from workers.testing.crashes import Broken

BY_NAME = pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)


@BY_NAME
def test_an_engine_without_this_guard_is_found_out(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Broken, match=r"play it again with flow\.replay"):
        guard.explored(monkeypatch, seeds=range(guard.first_seed, 400), go_on=False)


@pytest.mark.slow
@BY_NAME
def test_how_many_schedules_find_it_out(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    explored = guard.explored(monkeypatch, seeds=range(400), go_on=True)

    print(f"without: {guard.name}: {len(explored.caught)} of {len(explored.schedules)} schedules")
    assert len(explored.caught) >= 2
