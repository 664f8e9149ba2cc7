"""The watch sees what no state at rest shows: who wrote the journal, and what was so when a call was committed."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from tests.flow.guards import block_check, cancel_check, freeze_check
from tests.flow.tale import begun, freeze, pause, stop, tale, told
from workers.testing.crashes import quietly
from workers.testing.flow import Flow
from workers.testing.watch import Watch


@pytest.fixture
def flow() -> Iterator[Flow]:
    """A flow that is watched."""
    with begun(Flow(told)) as made, made.explored(), quietly():
        made.put_back(made.copied())
        yield made


def broken(flow: Flow) -> list[str]:
    assert isinstance(flow.watch, Watch)
    return flow.watch.broken


def at(flow: Flow, point: str, statement: str) -> None:
    """Have the database say otherwise, behind everybody's back, once a point is reached."""

    def strike(name: str) -> None:
        if name == point:
            flow.point = lambda name: None
            flow.inner().write(lambda c: c.execute(sa.text(statement)))

    flow.point = strike


def test_nothing_is_wrong_with_a_flow_nobody_disturbs(flow: Flow) -> None:
    tale(flow)

    assert broken(flow) == []


def test_a_journal_row_of_one_that_does_not_have_the_run_is_seen(flow: Flow) -> None:
    at(flow, "intended", "UPDATE run SET owner = 'somebody else'")

    tale(flow)

    assert any("was journaled by flow, while somebody else had the run" in one for one in broken(flow))


def test_a_call_without_calling_is_seen(flow: Flow) -> None:
    at(flow, "calling", "UPDATE effect SET state = 'intended'")

    tale(flow)

    assert "invoice.sendbyemail was asked with no committed `calling`" in broken(flow)


def test_a_call_whose_head_was_not_kept_is_seen(flow: Flow) -> None:
    def strike(name: str) -> None:
        if name == "asking":
            for path in flow.heads.glob("*.head"):
                path.unlink()

    flow.point = strike

    tale(flow)

    assert "invoice.sendbyemail was asked before the ledger's head was kept outside" in broken(flow)


@pytest.mark.parametrize(
    ("act", "remove", "said"),
    [
        (freeze, freeze_check, "in spite of freeze"),
        (pause, block_check, "in spite of a pause"),
        (stop, cancel_check, "although send.stopped was known"),
    ],
)
def test_a_call_that_was_forbidden_is_seen(
    flow: Flow, act: Callable[[Flow], None], remove: Callable[[pytest.MonkeyPatch], None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strike(name: str) -> None:
        if name == "read":
            flow.point = lambda name: None
            act(flow)

    remove(monkeypatch)
    flow.point = strike

    tale(flow)

    assert any(said in one for one in broken(flow)), broken(flow)
