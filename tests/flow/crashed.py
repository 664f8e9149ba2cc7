"""Which workflows have a crash scenario: those of tests/flow/scenarios.py, and what a test module says of its own in `CRASHED`."""

import ast
from collections.abc import Iterable
from pathlib import Path

from tests.flow.scenarios import SCENARIOS, Scenario

TESTS = Path(__file__).parent.parent


def crashed(scenarios: Iterable[Scenario] = SCENARIOS, modules: Iterable[str] | None = None) -> set[str]:
    """The names of workflows that some test crashes everywhere. `modules`: the code of test modules, else of all there are."""
    code = (path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("test_*.py"))) if modules is None else modules
    return {one.name for one in scenarios}.union(*map(said_by, code))


def said_by(code: str) -> set[str]:
    """What `CRASHED = ("...",)` of a module names, where the module does crash something; its own tests show that these run."""
    if "CRASHED" not in code:
        return set()
    tree = ast.parse(code)
    if not any(isinstance(node, ast.Attribute) and node.attr == "crash_everywhere" for node in ast.walk(tree)):
        return set()
    said = [node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CRASHED"]
    return {str(name) for value in said for name in ast.literal_eval(value)}
