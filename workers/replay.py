"""Replaying a journal and nothing else: does it fit today's code?

A Replay is a Run without a runtime: what is not in the journal cannot happen, so nothing is written, called or asked. Used by
`billhook check-replay`, by authors' tests, and by strict mode for its second look.
"""

import traceback
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, cast

import sqlalchemy as sa

from receiver.errors import Rejected
from receiver.event import Event
from workers.claims import Claim
from workers.errors import Diverged, EffectCancelled, Skip, Unwind
from workers.journal import Entry
from workers.recall import Archive, Recall
from workers.recordings import Recording
from workers.registry import Registry, Workflow
from workers.run import Run
from workers.witness import Witness

WAY_OUT = 'branch on run.patched("…") so that runs begun before it keep their way, or restore the step'
Verdict = Literal["fits", "diverges", "unknown workflow", "fails"]


class Reached(Unwind):
    """The replay came to the first thing the journal does not have."""


class Replay(Run):
    """A run as its journal alone tells it."""

    def __init__(
        self,
        archive: Archive,
        claim: Claim,
        workflow: Workflow,
        kept: dict[str, Entry],
        *,
        unsettled: Collection[str] = (),
        witness: Witness | None = None,
    ) -> None:
        Recall.__init__(self, archive, claim, workflow, kept, unsettled, witness)

    @classmethod
    def of(cls, run: Run, witness: Witness) -> "Replay":
        """A second look at a run, from what is in its journal by now."""
        return cls(run._archive, run._claim, run._workflow, dict(run._kept), witness=witness)

    def _entry(self, name: str, kind: str, asked: str = "") -> Entry | None:
        entry = super()._entry(name, kind, asked)
        if entry is None:
            raise Reached
        return entry

    def _mark(self, marker: str, new: bool) -> Entry:
        if new:
            raise Reached
        return Entry(name=marker, kind="patch", result=False, at=self._now)


def perform(run: Run, workflow: Workflow, event: Event) -> None:
    """Run the function to its end, and see that it passed everything its journal has. Raises what it raises, or Diverged."""
    try:
        workflow.fn(run, event)
    except (EffectCancelled, Rejected):
        run.check_replayed()
        raise
    run.check_replayed()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What became of one replay. `where` is the author's line that failed; no value of the run is in it."""

    run: str
    workflow: str
    verdict: Verdict
    step: str = ""
    was: str = ""
    now: str = ""
    file: str = ""
    error: str = ""
    where: str = ""


def check(recording: Recording, registry: Registry) -> Finding:
    """Replay one recording against the workflow of its name."""
    workflow = registry.get(recording.run.workflow)
    about: dict[str, Any] = {"run": recording.run.id, "workflow": recording.run.workflow}
    if workflow is None:
        return Finding(verdict="unknown workflow", **about)
    about["file"] = workflow.file
    claim = Claim(run_id=recording.run.id, fence=0, seen=0, row=cast(sa.RowMapping, recording.run.model_dump()))
    replay = Replay(recording, claim, workflow, recording.kept(), unsettled=recording.effects)
    try:
        perform(replay, workflow, recording.event(recording.run.trigger_id))
    except (Reached, Skip, EffectCancelled, Rejected):
        pass
    except Diverged as diverged:
        return Finding(verdict="diverges", **{**about, **diverged.context})
    except Exception as error:  # an author's bug must not stop the others
        said = {"step": replay.last_step or "", "error": type(error).__name__, "where": _where(error, workflow.file)}
        return Finding(verdict="fails", **said, **about)
    return Finding(verdict="fits", **about)


def _where(error: Exception, file: str) -> str:
    """The last line of the workflow's own file that the error passed, else the last line at all."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == file] or list(frames)
    return f"{own[-1].filename}:{own[-1].lineno} in {own[-1].name}" if own else ""
