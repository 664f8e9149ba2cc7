"""Loading: an author's file is found by its path, a broken one is named with its line and stops nobody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.loading import load_folders
from workers.registry import REGISTRY

WORKING = """
from workers.authoring import InvoiceCompleted, workflow

@workflow("{name}", on=InvoiceCompleted)
def act(run, event):
    \"\"\"Acts.\"\"\"
"""


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    known, broken = dict(REGISTRY._named), dict(REGISTRY.broken)
    yield
    REGISTRY._named, REGISTRY.broken = known, broken


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_file_that_does_not_import_is_named_with_its_line_and_the_others_work(tmp_path: Path) -> None:
    write(tmp_path, "good.py", WORKING.format(name="l-good"))
    write(tmp_path, "bad.py", "\nimport nothing_of_this_name")
    write(tmp_path, "odd.py", "def act(:")

    registry = load_folders([tmp_path])

    assert registry.get("l-good") is not None
    said = sorted(registry.broken.values())
    assert [f"{tmp_path}/{name} does not import" in text for name, text in zip(("bad.py", "odd.py"), said, strict=True)] == [True, True]
    assert f"{tmp_path}/bad.py:2)" in said[0]
    assert f"{tmp_path}/odd.py:1)" in said[1]


@pytest.mark.parametrize("name", ["calendar.py", "pytest.py", "workers.py"])
def test_a_file_may_be_called_like_any_other_module(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, WORKING.format(name="l-shadowed"))

    assert load_folders([tmp_path]).get("l-shadowed") is not None


def test_two_folders_may_have_a_file_of_one_name(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write(tmp_path / folder, "reminders.py", WORKING.format(name=f"l-{folder}"))

    registry = load_folders([tmp_path / "a", tmp_path / "b"])

    assert {"l-a", "l-b"} <= {workflow.name for workflow in registry.all()}


def test_a_package_is_loaded_with_its_modules(tmp_path: Path) -> None:
    write(tmp_path, "late/__init__.py", "")
    write(tmp_path, "late/texts.py", "HELLO = 'l-packed'")
    write(tmp_path, "late/flow.py", "from .texts import HELLO\n" + WORKING.replace('"{name}"', "HELLO"))

    assert load_folders([tmp_path]).get("l-packed") is not None


def test_a_file_may_import_what_stands_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "l_beside.py", "NAME = 'l-beside'")
    write(tmp_path, "acting.py", "from l_beside import NAME\n" + WORKING.replace('"{name}"', "NAME"))

    assert load_folders([tmp_path]).get("l-beside") is not None


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    registry = load_folders([tmp_path / "nowhere"])

    assert [str(tmp_path / "nowhere") in why for why in registry.broken.values()] == [True]


def test_tests_and_private_files_are_left_out(tmp_path: Path) -> None:
    for name in ("test_late.py", "conftest.py", "_draft.py", ".hidden.py", "late/tests/test_flow.py"):
        write(tmp_path, name, "raise RuntimeError")

    assert load_folders([tmp_path]).broken == {}


def test_a_file_that_fails_after_its_workflow_registers_nothing(tmp_path: Path) -> None:
    write(tmp_path, "half.py", WORKING.format(name="l-half") + "\nraise RuntimeError")

    assert load_folders([tmp_path]).get("l-half") is None


def test_a_file_that_was_mended_is_no_longer_broken(tmp_path: Path) -> None:
    write(tmp_path, "mended.py", "raise RuntimeError")
    assert len(load_folders([tmp_path]).broken) == 1

    write(tmp_path, "mended.py", WORKING.format(name="l-mended") + "#")
    registry = load_folders([tmp_path])

    assert (registry.broken, registry.get("l-mended") is None) == ({}, False)
