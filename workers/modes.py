"""What may act where: the workflows that can be switched on a source, and the mode in force for each.

Used by `billhook mode` and `billhook doctor`. A workflow is known by its file, by its policy, or by what an operator set: one whose
file does not import now must still be seen, and stopped. Reads only; workers/control.py keeps the modes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from workers import control
from workers.registry import Registry, Workflow

STOPS = ("off", "observe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One workflow on one source. `said` is what was asked for, `mode` what is in force, `note` why they differ.

    `fileless`: why no file registers it now; empty for one that can run.
    """

    source: str
    workflow: str
    mode: str
    said: str
    note: str
    fileless: str = ""


def in_force(connection: Connection, source: str, workflow: Workflow, first: str) -> str:
    """The mode a workflow acts in; `first` is billhook.toml's. What a person orders is held by none."""
    return "auto" if workflow.by_hand else control.mode_of(connection, source, workflow.name, first)


def switches(connection: Connection, source: str, kind: str, registry: Registry, policies: Mapping[str, Mapping[str, Any]]) -> list[Switch]:
    """Every workflow for this `kind` of source that has a file, a policy or a mode somebody set, by name."""
    others = {workflow.name for workflow in registry.all() if workflow.by_hand or not workflow.is_for(kind)}
    names = ({workflow.name for workflow in registry.all()} | set(policies) | set_here(connection, source)) - others
    return [_switch(connection, source, name, registry, policies) for name in sorted(names)]


def set_here(connection: Connection, source: str) -> set[str]:
    """The workflows an operator ever gave a mode on `source`."""
    prefix = control.mode_name(source, "")
    return {name.removeprefix(prefix) for name in control.named(connection, prefix)}


def first_mode(policies: Mapping[str, Mapping[str, Any]], workflow: str) -> str:
    """The mode billhook.toml gives a workflow until somebody sets one."""
    return str(policies.get(workflow, {}).get("mode", "observe"))


def objection(connection: Connection, source: str, kind: str, workflow: str, mode: str, registry: Registry) -> str | None:
    """Why `mode` cannot be set for a workflow of this name, or None. What may still be at work can always be stopped."""
    found = registry.get(workflow)
    if found is not None and found.by_hand:
        return f"{workflow} carries out what a person orders, and no mode holds it: `billhook pause --workflow {workflow}` does"
    if found is not None:
        return None if found.is_for(kind) or mode in STOPS else f"{workflow} is not for sources of kind {kind}, and starts on nothing there"
    if not registry.broken and workflow not in set_here(connection, source):
        return f"there is no workflow {workflow}: known are {known(registry)}"
    return None if mode in STOPS else f"{_fileless(workflow, registry)}: it can only be set to {' or '.join(STOPS)}"


def known(registry: Registry) -> str:
    """The names of all workflows that have a file, for a sentence."""
    return ", ".join(sorted(workflow.name for workflow in registry.all() if not workflow.by_hand)) or "none"


def _switch(connection: Connection, source: str, workflow: str, registry: Registry, policies: Mapping[str, Mapping[str, Any]]) -> Switch:
    first = first_mode(policies, workflow)
    value = control.get(connection, control.mode_name(source, workflow))
    said, mode = (value["mode"] if value else first), control.mode_of(connection, source, workflow, first)
    frozen, fileless = control.frozen(connection), "" if registry.get(workflow) else _fileless(workflow, registry)
    waits = "" if said == mode else f"{said} begins once `billhook connect {source}` has read what is there"
    note = "; ".join(part for part in (f"frozen: {frozen}" if frozen else "", fileless or waits) if part)
    return Switch(source=source, workflow=workflow, mode=mode, said=str(said), note=note, fileless=fileless)


def _fileless(workflow: str, registry: Registry) -> str:
    """Why nobody runs a workflow of this name now."""
    if registry.broken:
        files = ", ".join(why.partition(" ")[0] for why in registry.broken.values())
        return f"no file that imports registers {workflow}; {files} does not import"
    return f"no file registers {workflow}"
