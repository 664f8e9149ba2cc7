"""Loading: the shipped workflows and those of further folders, into the registry.

A file that will not import is named and left out; it cannot stop the others, nor intake.
"""

import importlib
import importlib.util
import pkgutil
import sys
import traceback
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from receiver.log import get_logger
from workers import ordered
from workers.registry import REGISTRY, Registry

log = get_logger(__name__)


def load_folders(folders: Sequence[Path] = ()) -> Registry:
    """Import the shipped workflows and every file and package of each further folder; what will not import stands in `broken`.

    A further folder's files are loaded by their path, so no other module's name stands in their way. Tests are left out.
    """
    REGISTRY.add(ordered.BY_HAND)
    shipped = importlib.import_module("workflows")
    for module in pkgutil.walk_packages(list(shipped.__path__), "workflows.", onerror=_broken):
        _guarded(module.name, lambda name=module.name: importlib.import_module(name))  # type: ignore[misc]
    for folder in folders:
        if not folder.is_dir():
            REGISTRY.broken[_prefix(folder)] = (
                f"{folder}: there is no such folder: correct `workflows` in billhook.toml or BILLHOOK_WORKFLOWS"
            )
            continue
        REGISTRY.broken.pop(_prefix(folder), None)
        if str(folder) not in sys.path:
            sys.path.append(str(folder))  # for what a workflow imports from beside itself
        for path in sorted(folder.iterdir()):
            if is_workflow(path):
                _load(path)
    return REGISTRY


def is_workflow(path: Path) -> bool:
    """Whether a file or folder beside others holds a workflow: no test, nothing that begins with an underscore or a dot."""
    whole = path.suffix == ".py" if path.is_file() else (path / "__init__.py").is_file()
    return whole and path.stem != "conftest" and not path.name.startswith(("test_", "_", "."))


def _load(path: Path) -> None:
    """Import an author's file, or a package with all its modules, under a name that says where it is."""
    name = f"{_prefix(path.parent)}_{path.stem}"
    source = path / "__init__.py" if path.is_dir() else path

    def act() -> None:
        spec = importlib.util.spec_from_file_location(name, source, submodule_search_locations=[str(path)] if path.is_dir() else None)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)

    if name in sys.modules:
        return
    if not _guarded(name, act, str(path)):
        sys.modules.pop(name, None)
    elif path.is_dir():
        for module in pkgutil.walk_packages([str(path)], f"{name}.", onerror=_broken):
            if not module.name.rpartition(".")[2].startswith(("test_", "_")):
                _guarded(module.name, lambda name=module.name: importlib.import_module(name), str(path))  # type: ignore[misc]


def _prefix(folder: Path) -> str:
    return f"author_{zlib.crc32(str(folder.resolve()).encode()):08x}"


def _guarded(name: str, load: Callable[[], object], path: str = "") -> bool:
    try:
        load()
    except Exception as error:  # an author's file must not stop the others
        REGISTRY.drop(name)
        REGISTRY.broken[name] = f"{path or name} does not import: {_told(error)}"
        log.error("workflow file does not import", file=path or name, error_type=type(error).__name__)
        return False
    REGISTRY.broken.pop(name, None)
    return True


def _told(error: Exception) -> str:
    """The error with its line; the author sees it in `billhook doctor`."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{error.filename}:{error.lineno}" if isinstance(error, SyntaxError) else f"{frames[-1].filename}:{frames[-1].lineno}"
    return f"{type(error).__name__}: {error} ({where})"


def _broken(name: str) -> None:
    REGISTRY.broken.setdefault(name, f"{name} does not import: the package does not import")
