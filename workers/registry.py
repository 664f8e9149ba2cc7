"""The registry: every workflow and panel this process knows, by name, and workflows by trigger.

Owns `Workflow` and `EffectDef`. workers/loading.py fills it; a file that did not import stands in `broken`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel

from receiver.event import Event
from workers.errors import WorkflowInvalid
from workers.ledger import Slot
from workers.panels import Panel, make_panel
from workers.places import file_of
from workers.providers.service import Query, Service
from workers.schedule import Daily, Every
from workers.terms import Approval, Budget

Trigger = type[Event] | Every | Daily


class NoPolicy(BaseModel, extra="forbid"):
    """A workflow without settings of its own."""


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One registered function. `policy` validates [policy.<name>] of billhook.toml; the next six fields are as in `@workflow`.

    `by_hand`: it carries out what a person orders, so no mode holds it; a freeze, a pause, blocks, the breaker and limits do.
    """

    name: str
    fn: Callable[..., None]
    on: tuple[Trigger, ...]
    key: Callable[[Any], str]
    cancel_on: tuple[type[Event], ...]
    policy: type[BaseModel]
    file: str
    about: str = "object"
    start: str = "follow"
    debounce: timedelta | None = None
    kinds: frozenset[str] | None = None
    only_new: bool = False
    by_hand: bool = False

    def is_for(self, kind: str) -> bool:
        """Whether this workflow is for sources of a kind."""
        return self.kinds is None or kind in self.kinds

    def starts_on(self, event: Event) -> bool:
        """Whether `event` is one of this workflow's triggers."""
        return any(isinstance(trigger, type) and type(event) is trigger for trigger in self.on)


@dataclass(frozen=True)
class Read:
    """The fresh read before an effect. `must(doc, obj, **kwargs)` gives the reason why not, or None.

    `each(obj, **kwargs)`: the ids of all objects to be read, where there are several; `must` is asked of each.
    """

    query: Query[Any]
    must: Callable[..., str | None]
    each: Callable[..., Sequence[str]] | None = None


@dataclass(frozen=True, kw_only=True)
class EffectDef:
    """A service as one workflow uses it: the slots it takes, the read that decides, the States that forbid it."""

    service: Service
    slot: Callable[..., Sequence[Slot]]
    fresh: Read
    unless: tuple[type[Event], ...] = ()
    still: Callable[..., str | None] | None = None
    touches: tuple[str, ...] = ()
    budgets: tuple[Budget, ...] = ()
    approval: Approval | None = None
    spike_floor: Callable[[Any], int] | None = None


class Registry:
    """Workflows by name. Names are kept in the journal: files may be renamed, names may not."""

    def __init__(self, workflows: Iterable[Workflow] = ()) -> None:
        self._named: dict[str, Workflow] = {}
        self._panels: dict[str, Panel] = {}
        self.broken: dict[str, str] = {}
        for workflow in workflows:
            self.add(workflow)

    def add(self, workflow: Workflow) -> None:
        known = self._named.get(workflow.name)
        if known is not None and known.file != workflow.file:
            raise WorkflowInvalid(f'Two files register the workflow "{workflow.name}": rename one', file=workflow.file, other=known.file)
        if known is not None and known.fn.__qualname__ != workflow.fn.__qualname__:
            names = f"{known.fn.__name__} and {workflow.fn.__name__}"
            raise WorkflowInvalid(f'Two functions register the workflow "{workflow.name}", {names}: rename one', file=workflow.file)
        self._named[workflow.name] = workflow

    def drop(self, module: str) -> None:
        """Forget the workflows and panels of a module that did not import to its end."""
        self._named = {name: workflow for name, workflow in self._named.items() if workflow.fn.__module__ != module}
        self._panels = {name: panel for name, panel in self._panels.items() if panel.fn.__module__ != module}

    def add_panel(self, panel: Panel) -> None:
        known = self._panels.get(panel.name)
        if known is not None and (known.file, known.fn.__qualname__) != (panel.file, panel.fn.__qualname__):
            raise WorkflowInvalid(f'Two functions make the panel "{panel.name}": rename one', file=panel.file, other=known.file)
        self._panels[panel.name] = panel

    def panel(self, name: str) -> Panel | None:
        return self._panels.get(name)

    def panels(self) -> list[Panel]:
        """Every panel, by name."""
        return sorted(self._panels.values(), key=lambda panel: panel.name)

    def get(self, name: str) -> Workflow | None:
        return self._named.get(name)

    def all(self) -> list[Workflow]:
        return list(self._named.values())

    def started_by(self, event: Event) -> list[Workflow]:
        """The workflows that start on `event`."""
        return [workflow for workflow in self._named.values() if workflow.starts_on(event)]


REGISTRY = Registry()
P = TypeVar("P", bound=Callable[..., Any])


def concerns(event: Event) -> tuple[str | None, str | None]:
    """(customer id, invoice id) an event is about."""
    return getattr(event, "customer_id", None), getattr(event, "invoice_id", None)


def default_key(event: Event) -> str:
    """The invoice, else the subscription, else the customer, else the instant."""
    for name in ("invoice_id", "subscription_id", "customer_id"):
        value = getattr(event, name, None)
        if value:
            return f"{name.removesuffix('_id')}:{value}"
    return event.at.isoformat()


def panel(name: str) -> Callable[[P], P]:
    """Register a query (connection, source) -> list[Row] as a table for operators; Row is a dataclass or a pydantic model."""

    if callable(name):
        raise WorkflowInvalid('A panel has a name: write @panel("late payers")', file=file_of(name))

    def register(fn: P) -> P:
        REGISTRY.add_panel(make_panel(name, fn))
        return fn

    return register
