"""The rules of the house, checked: who may import whom, how long a file may be, and that everything a user meets is documented."""

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import typer
from pydantic import BaseModel

import receiver.errors
import workers.errors
from receiver.event import event_types
from receiver.settings import ReceiverSettings, Settings, SourceSettings
from receiver.settings import WorkerSettings as WorkerTable
from workers import schema
from workers.cli.main import app
from workers.console.settings import ConsoleSettings
from workers.loading import load_folders
from workers.notify import NotifySettings
from workers.registry import REGISTRY
from workers.settings import ApiSettings

ROOT = Path(__file__).parent.parent
ROOMS = ("receiver", "workers", "workflows")
MAY_IMPORT = {"receiver": {"receiver"}, "workers": {"receiver", "workers"}, "workflows": {"workers", "workflows"}}
GROUND = {
    "event",
    "inbox",
    "sources",
    "dispatch",
    "db",
    "signing",
    "settings",
    "metrics",
    "log",
    "errors",
    "money",
    "environment",
    "turnstile",
    "mistakes",
    "repeats",
}
ASYNC = (
    "receiver/app.py",
    "receiver/routes.py",
    "receiver/commit.py",
    "receiver/door.py",
    "receiver/server.py",
    "workers/sandbox/",
    "workers/console/web/",
)
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "core_utils"}
EDGES = (
    "receiver/app.py", "receiver/door.py", "receiver/commit.py", "receiver/routes.py", "workers/engine.py", "workers/loading.py",
    "workers/routing.py",
    "workers/edge.py", "workers/panels.py", "workers/replay.py", "workers/sandbox/sender.py", "workers/rereads.py",
    "workers/sweeper.py", "workers/attempts.py",
)  # fmt: skip
OPTIONAL = set() if importlib.util.find_spec("opentelemetry") else {"workers.traces"}  # of which the libraries are an extra
LINES_MAX = 400
MIGRATIONS = "workers/migrations/versions"

PRODUCT = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


@cache
def tree_of(path: Path) -> ast.Module:
    """A file, parsed where a test asks for it: whoever only collects need not."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Every import statement below `tree`, with each module it names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, node.module or ""
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def modules() -> dict[str, Path]:
    found = {}
    for path in PRODUCT:
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def test_a_file_imports_only_what_its_room_may() -> None:
    foreign = [
        (name_of(path), module)
        for path in PRODUCT
        for _, module in imports(tree_of(path))
        if (room := module.split(".")[0]) in ROOMS and room not in MAY_IMPORT[path.relative_to(ROOT).parts[0]]
    ]

    assert foreign == []


def test_workers_use_only_the_ground_of_the_receiver() -> None:
    used = [
        (name_of(path), module)
        for path in PRODUCT
        if name_of(path).startswith("workers/")
        for _, module in imports(tree_of(path))
        if module.startswith("receiver.")
    ]

    assert used
    assert [(name, module) for name, module in used if module.split(".")[1] not in GROUND] == []


def test_a_workflow_uses_only_the_authors_interface() -> None:
    for path in (path for path in PRODUCT if name_of(path).startswith("workflows/")):
        own = ".".join(path.relative_to(ROOT).parts[:2]).removesuffix(".py")

        used = {module for node, module in imports(tree_of(path)) if isinstance(node, ast.ImportFrom) and module == (node.module or "")}
        ours = {module for module in used if module.split(".")[0] in ROOMS}

        assert {module for module in ours if module != "workers.authoring" and not module.startswith(own)} == set(), name_of(path)


def test_no_import_hides_inside_a_function() -> None:
    functions = (
        (path, node) for path in PRODUCT for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )

    hidden = [(name_of(path), module) for path, function in functions for _, module in imports(function)]

    assert hidden == []


def test_no_module_imports_itself_in_a_circle() -> None:
    known = modules()
    edges = {name: {m for _, m in imports(tree_of(path)) if m in known and m != name} for name, path in known.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join((*trail, name))
        if name not in done:
            for other in sorted(edges[name]):
                visit(other, (*trail, name))
            done.add(name)

    for name in edges:
        visit(name, ())


def test_a_file_is_not_too_long() -> None:
    long = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in PRODUCT if MIGRATIONS not in name_of(path)}

    assert {name: lines for name, lines in long.items() if lines > LINES_MAX} == {}


def test_a_module_says_what_it_owns() -> None:
    assert [name_of(path) for path in PRODUCT if not ast.get_docstring(tree_of(path))] == []


def test_a_package_file_holds_a_docstring_and_no_code() -> None:
    packages = [path for path in PRODUCT if path.name == "__init__.py"]

    assert packages
    assert [name_of(path) for path in packages if len(tree_of(path).body) != 1] == []


def test_no_file_has_a_name_that_fits_anything() -> None:
    assert [name_of(path) for path in PRODUCT if FORBIDDEN_NAMES & set(path.relative_to(ROOT).with_suffix("").parts)] == []


def test_only_the_named_rooms_are_async() -> None:
    uses = {name_of(path) for path in PRODUCT for node in ast.walk(tree_of(path)) if isinstance(node, ast.AsyncFunctionDef)}

    assert {name for name in uses if not name.startswith(ASYNC)} == set()


def test_everything_is_caught_only_at_the_named_edges() -> None:
    handlers = ((path, node) for path in PRODUCT for node in ast.walk(tree_of(path)) if isinstance(node, ast.ExceptHandler))

    wide = [
        (name_of(path), node.lineno)
        for path, node in handlers
        if node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
    ]

    assert wide
    assert [(name, line) for name, line in wide if name not in EDGES] == []


def test_every_module_with_a_table_is_part_of_the_schema() -> None:
    with_tables = {
        name for name, path in modules().items() if re.search(r"^class \w+\(SQLModel, table=True", path.read_text(), re.MULTILINE)
    }

    listed = {module.__name__ for module in schema.TABLE_MODULES}

    assert {name for name in with_tables if not name.startswith("workflows")} == listed


def documented(page: str) -> set[str]:
    """Every name in back quotes on a page of docs/, fenced examples left out."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


SETTINGS: list[tuple[str, type[BaseModel]]] = [
    ("billhook", Settings), ("billhook.receiver", ReceiverSettings), ("billhook.worker", WorkerTable),
    ("billhook.console", ConsoleSettings),
    ("billhook.notify", NotifySettings),
    ("source.NAME", SourceSettings),
    ("source.NAME.api", ApiSettings),
]  # fmt: skip
NOT_WRITTEN = {"billhook.receiver", "billhook.worker", "billhook.sources", "billhook.config", "source.NAME.name"}


def test_every_setting_is_documented() -> None:
    settings = {f"{table}.{field}" for table, model in SETTINGS for field in model.model_fields} - NOT_WRITTEN

    assert settings - documented("settings.md") == set()


def test_every_environment_variable_is_documented() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in PRODUCT)
    variables = set(re.findall(r'"(BILLHOOK_[A-Z_]*[A-Z])"', text))
    variables = {name for name in variables if "_SANDBOX_" not in name}

    assert variables - documented("settings.md") == set()


def test_every_policy_setting_is_documented() -> None:
    load_folders()
    fields = {
        f"policy.{workflow.name}.{field}"
        for workflow in REGISTRY.all()
        if Path(workflow.file).is_relative_to(ROOT / "workflows")
        for field in workflow.policy.model_fields
    }

    assert fields
    assert fields - documented("settings.md") == set()


def test_every_event_type_is_documented() -> None:
    shipped = {name for name, cls in event_types().items() if cls.__module__.split(".")[0] in ROOMS}

    assert shipped - documented("events.md") == set()


def test_every_error_is_documented() -> None:
    classes = {
        name
        for module in (receiver.errors, workers.errors)
        for name, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, BaseException) and cls.__module__ == module.__name__
    }

    assert classes - documented("errors.md") == set()


def test_every_error_is_declared_in_an_errors_file() -> None:
    for room in ROOMS:
        for info in pkgutil.walk_packages([str(ROOT / room)], f"{room}."):
            if info.name.endswith("__main__") or "migrations" in info.name or info.name in OPTIONAL:
                continue
            module = importlib.import_module(info.name)
            own = [cls for _, cls in inspect.getmembers(module, inspect.isclass) if cls.__module__ == info.name]
            stray = [cls.__name__ for cls in own if issubclass(cls, receiver.errors.BillhookError) and not info.name.endswith(".errors")]
            assert not stray, info.name


def test_every_command_is_documented() -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]

    assert {f"billhook {name}" for name in commands} - {" ".join(text.split()[:2]) for text in documented("cli.md")} == set()
