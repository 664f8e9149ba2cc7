"""Errors of the engine that workflow authors and operators meet."""

from datetime import timedelta

from receiver.errors import BillhookError, Retryable


class EffectCancelled(BillhookError):
    """The effect was not carried out, on purpose. `reason` is the code that `explain` shows."""

    def __init__(self, reason: str, /, **context: object) -> None:
        super().__init__(f"The effect was not carried out: {reason}", **context)
        self.reason = reason


class EffectExpired(EffectCancelled):
    """The effect's request went out of date before it could be carried out: plan it again."""

    def __init__(self, /, **context: object) -> None:
        super().__init__("expired", **context)


OWN_RATE = "own_rate"


class RateHeld(Retryable):
    """We keep to the provider's rate ourselves: nothing was asked, ask again after `wait`."""

    def __init__(self, wait: timedelta, /) -> None:
        super().__init__(retry_after_s=wait.total_seconds(), kind=OWN_RATE)
        self.wait = wait


class NotFound(BillhookError):
    """The provider does not know the object that was asked for."""


class NotHere(BillhookError):
    """Nothing by this id is kept here. The message names the command that lists what there is."""


class NotReady(BillhookError):
    """billhook, or the sandbox, does not answer yet. The message names what to start or to wait for."""


class WorkflowInvalid(BillhookError):
    """A workflow file cannot be used. The message names the file, the name in it and the way out."""


class NotSayable(BillhookError):
    """No event a person may give can be made of this. The message names what is possible instead."""


class Forbidden(BillhookError):
    """The role of who asks does not allow this: the message names the role that does."""


class FilterInvalid(BillhookError):
    """A field of the console's search cannot be understood: the message names it and what to write."""


class FieldInvalid(BillhookError):
    """A field of what a program asks the console for cannot be used: `field` names it, the message says what to write."""

    def __init__(self, message: str, /, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class PanelFailed(BillhookError):
    """A panel's query cannot be shown. The message names the panel and the place in its author's file."""


class StepInvalid(BillhookError):
    """A step is used in a way that could not be replayed. The message names the step and the way out."""


class RecordingInvalid(BillhookError):
    """A file of recorded journals cannot be read. The message names the line and the field."""


class StateConflict(BillhookError):
    """What this act expects is no longer so: look again with `billhook explain`."""


class Unwind(BaseException):
    """Leaves a workflow function without ending its run's promise; authors never catch it."""


class Suspend(Unwind):
    """The run waits: until `wake_at`, or for an event when None. `reason` is the code `explain` shows meanwhile, if there is one."""

    def __init__(self, wake_at: object = None, reason: str | None = None) -> None:
        self.wake_at = wake_at
        self.reason = reason


class Diverged(Unwind):
    """The journal of a live run does not fit today's code: restore the step, or branch on `run.patched`."""

    def __init__(self, *, step: str, was: str, now: str, file: str | None = None) -> None:
        self.context = {name: value for name, value in (("step", step), ("was", was), ("now", now), ("file", file)) if value}
        named = ", ".join(f"{name}={value}" for name, value in self.context.items())
        super().__init__(f"{(self.__doc__ or '').strip()} ({named})")


class NotReplayable(Unwind):
    """Strict mode found a workflow function that a replay would not repeat. The message names the place and the way out."""


class Skip(Unwind):
    """The workflow decided not to act; `reason` is kept."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Cancelled(Unwind):
    """An event the workflow names in cancel_on happened; `reason` is that event's type."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class LostLease(Unwind):
    """Another worker took this run over: stop, write nothing."""
