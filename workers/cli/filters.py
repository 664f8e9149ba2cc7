"""What the filters of the lists may say: a value nobody knows is wrong usage, not an empty list.

Sources, states, and those types that are a closed set: event types, workflows, services. A value that stands in the database is known too.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
import typer
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.event import event_types
from receiver.inbox import NO_SOURCE
from receiver.settings import Settings
from workers import ledger, runs
from workers.loading import load_folders
from workers.providers.bundle import KINDS
from workers.views import View

STATES = {
    "deliveries": ("events", "nothing", "parked", "refused"),
    "runs": (*runs.UNFINISHED, "done", "skipped", "cancelled", "closed", "superseded"),
    "effects": (*ledger.OPEN, "done", *ledger.FREED),
    "alerts": ("open", "acknowledged", "ignored"),
}
WORDS = {"events": "event type", "runs": "workflow", "effects": "service", "approvals": "service"}
SERVICES = sorted({name for kind in KINDS.values() for name in kind.services})


def require_known(connection: Connection, view: View, wanted: Mapping[str, Any], settings: Settings, *, above: Any = None) -> None:
    """Nothing was found: raise BadParameter for a value that cannot be there, naming what can, so that this is why.

    `above`: the id down to which was looked, None where through all.
    """
    for option, value in wanted.items():
        known = _known(view, option, settings)
        if known is None or value in known:
            continue
        table = table_of(view.model)
        column, looked = table.c[view.filters[option]], [table.c.id > above] if above is not None else []
        if connection.execute(sa.select(column).where(column == value, *looked).limit(1)).first() is None:
            there = {str(one) for one in connection.execute(sa.select(column).where(*looked).distinct()).scalars() if one is not None}
            word = WORDS[view.name] if option == "type" else option
            raise typer.BadParameter(f"there is no {word} {value}: known are {', '.join(sorted({*known, *there}))}")


def _known(view: View, option: str, settings: Settings) -> set[str] | None:
    """Every value the option can have, or None where anything may stand there."""
    if option == "source":
        return {*settings.sources, NO_SOURCE} if view.name == "refusals" else set(settings.sources)
    if option == "state":
        return set(STATES[view.name])
    if option not in ("type", "workflow") or view.name not in WORDS:
        return None
    if view.name in ("effects", "approvals"):
        return set(SERVICES)
    registry = load_folders(settings.workflows)
    if registry.broken:
        return None  # what its files would have named is not known
    return {workflow.name for workflow in registry.all()} if view.name == "runs" else set(event_types())
