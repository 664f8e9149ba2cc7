"""Strict mode: every activation is gone through twice, the second time from the journal alone, and must come out the same.

For tests (workers.testing turns it on): it costs a second pass, and stops at what a running billhook could not know to be harmless.
A difference, or a clock or chance outside a step, raises NotReplayable, which nothing in the engine catches.
"""

from receiver.event import Event
from workers.errors import Cancelled, Diverged, EffectCancelled, NotReplayable, Skip, Suspend
from workers.registry import Workflow
from workers.replay import Reached, Replay
from workers.replay import perform as go_through
from workers.run import Run
from workers.witness import Asked, Witness


def perform(run: Run, workflow: Workflow, event: Event) -> None:
    """One activation and its replay. Raises what the activation raises, or NotReplayable."""
    first, second = run.witness or Witness(), Witness()
    left = _ended(run, workflow, event, first)
    if left is None or isinstance(left, Suspend | Skip | Cancelled | EffectCancelled):
        again = _ended(Replay.of(run, second), workflow, event, second)
        _compare(workflow, first.seen, left, second.seen, again)
    if left is not None:
        raise left


def _ended(run: Run, workflow: Workflow, event: Event, witness: Witness) -> BaseException | None:
    """How the function was left: by what it raised, or None."""
    left: BaseException | None = None
    try:
        with witness.looking():
            go_through(run, workflow, event)
    except BaseException as raised:
        left = raised
    if witness.caught is not None:  # even where the author's code caught it
        raise witness.caught
    return left


def _compare(workflow: Workflow, first: list[Asked], left: BaseException | None, second: list[Asked], again: BaseException | None) -> None:
    """Raise NotReplayable at the first difference."""
    for one, other in zip(first, second, strict=False):
        if one[:2] != other[:2]:
            _refuse(workflow, f"{_named(one)} became {_named(other)} when it was replayed: decide by what the journal has")
        if one[2] != other[2]:
            _refuse(workflow, f"{_named(one)} asks for something else when it is replayed: build its request from what the journal has")
    if len(second) < len(first) and second and _missed(again, second[-1]):
        _refuse(workflow, f"{_named(second[-1])} is not in the journal, and the run went on: catch its error inside the step")
    if len(first) != len(second):
        longer = max(first, second, key=len)[min(len(first), len(second))]
        _refuse(workflow, f"{_named(longer)} is reached in one of two passes only: decide by what the journal has")
    if not isinstance(again, Reached) and _outcome(left) != _outcome(again):
        _refuse(workflow, f"it ends as {_outcome(left)}, and as {_outcome(again)} when it is replayed: decide by what the journal has")


def _missed(again: BaseException | None, last: Asked) -> bool:
    """Whether the replay ended because the journal does not have what it came to last."""
    return isinstance(again, Reached) or (isinstance(again, Diverged) and again.context["now"] == _named(last))


def _outcome(left: BaseException | None) -> str:
    if left is None:
        return "done"
    reason = getattr(left, "reason", None)
    return f"{type(left).__name__}({reason})" if reason else type(left).__name__


def _named(asked: Asked) -> str:
    return f'{asked[1]} "{asked[0]}"'


def _refuse(workflow: Workflow, why: str) -> None:
    raise NotReplayable(f"Workflow {workflow.name}: {why} ({workflow.file})")
