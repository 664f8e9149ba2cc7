"""What a shipped workflow does about its past is what it declares."""

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

from workers.loading import load_folders
from workers.registry import REGISTRY

FOLDER = Path(__file__).parent.parent.parent / "workflows"


def asking(sources: Iterable[tuple[str, str]]) -> set[str]:
    """The places whose code calls `switched_at`."""
    return {place for place, code in sources if any(_asks(node) for node in ast.walk(ast.parse(code)))}


def _asks(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    return name == "switched_at"


def shipped() -> Iterable[tuple[str, str]]:
    """(the workflow's folder, code) of every file."""
    for path in sorted(FOLDER.rglob("*.py")):
        yield path.relative_to(FOLDER).parts[0], path.read_text(encoding="utf-8")


def test_a_workflow_that_asks_when_it_was_switched_on_declares_only_new_and_no_other_does() -> None:
    load_folders()
    of_here = [one for one in REGISTRY.all() if one.fn.__module__.startswith("workflows.")]

    declared = {one.fn.__module__.split(".")[1] for one in of_here if one.only_new}

    assert declared == asking(shipped()) == {"auto_send"}


@pytest.mark.parametrize("code", ["switched_at(connection, 'shop', 'w')", "f = lambda c: lookups.switched_at(c, 'shop', 'w')"])
def test_a_call_is_found_however_it_is_written(code: str) -> None:
    assert asking([("mine", code), ("other", "switched_at = 3")]) == {"mine"}
