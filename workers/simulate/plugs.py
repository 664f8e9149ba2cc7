"""What workflows add to a simulation: rows of the timeline and skips that are none, happenings of their own, tables a scenario may give.

Owns the four registers. Workflow files fill them at import, through workers/authoring.py; workers/simulate/ reads them. Nothing of
this runs in a running billhook.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

from sqlalchemy.engine import Connection

from receiver.event import Event
from workers.errors import WorkflowInvalid
from workers.places import file_of, takes

Kind = Literal["effect", "skip", "parked", "proposal", "alert", "claim", "state"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row that a workflow adds to the timeline.

    `effect`: the id of an effect: then the line stands in place of that effect's own rows, one for each change of its state, and
    takes instant, kind, state and reason from them. Several lines may name one effect, as when one letter carries three notices.
    Else `at` is an aware instant. `figures`: Decimals, dates and texts.
    """

    key: str
    name: str
    kind: Kind = "effect"
    at: datetime | None = None
    state: str = ""
    reason: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    effect: str | None = None


Lines = Callable[[Connection, str], Iterable[Line]]
Tells = Callable[[Mapping[str, Any], str, datetime], Event | Sequence[Event]]
Gives = Callable[[Mapping[str, Any]], Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Told:
    """A happening of a workflow's own: `tells` (fields, source, instant) makes the events an operator gives."""

    tells: Tells
    needs: tuple[str, ...]
    may: tuple[str, ...]


LINES: dict[str, Lines] = {}
HAPPENINGS: dict[str, Told] = {}
TABLES: dict[str, Gives] = {}
NO_ROWS: dict[str, frozenset[str]] = {}
L = TypeVar("L", bound=Lines)
H = TypeVar("H", bound=Tells)
G = TypeVar("G", bound=Gives)


def timeline(workflow: str) -> Callable[[L], L]:
    """Register a query (connection, source) -> lines that `billhook simulate` shows for `workflow`."""

    def register(fn: L) -> L:
        _keep(LINES, workflow, fn, fn, "timeline", 2)
        return fn

    return register


def happening(what: str, *, needs: Sequence[str] = (), may: Sequence[str] = ()) -> Callable[[H], H]:
    """Register a `what` of `[[happens]]`: (fields, source, instant) -> the Event, or Events, that an operator gives then.

    `needs` and `may` name the fields it must and may have; `customer` is filled in where an invoice is named.
    """

    def register(fn: H) -> H:
        _keep(HAPPENINGS, what, Told(tells=fn, needs=tuple(needs), may=tuple(may)), fn, "happening", 3)
        return fn

    return register


def scenario_table(name: str) -> Callable[[G], G]:
    """Register what a scenario's table `[name.…]` means: (table) -> the settings it stands for, {workflow: {setting: value}}."""

    def register(fn: G) -> G:
        _keep(TABLES, name, fn, fn, "scenario_table", 1)
        return fn

    return register


def untold(workflow: str, *reasons: str) -> None:
    """Show no row for a run of `workflow` that was skipped for one of these reasons: what it looked at was none of its business.

    For helpers that look at every invoice for the few that concern them. `billhook runs` goes on showing them.
    """
    NO_ROWS[workflow] = NO_ROWS.get(workflow, frozenset()) | set(reasons)


def _keep(register: dict[str, Any], name: str, value: Any, fn: Callable[..., Any], what: str, count: int) -> None:
    """Raises WorkflowInvalid where two functions take one name, or where it does not take its arguments."""
    if not takes(fn, count):
        raise WorkflowInvalid(f'@{what}("{name}"): the function takes {count} arguments', file=file_of(fn))
    known = getattr(register.get(name), "tells", register.get(name))
    if known is not None and (file_of(known), known.__qualname__) != (file_of(fn), fn.__qualname__):
        raise WorkflowInvalid(f'Two functions register @{what}("{name}"): rename one', file=file_of(fn))
    register[name] = value
