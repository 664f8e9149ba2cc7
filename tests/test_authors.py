"""The workflow author's guide is true: its examples are taken from the page, type-checked and run as an author would."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "authors.md").read_text(encoding="utf-8")
CHANGED = next(code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "run.patched(" in code)
FIXTURE = next(code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "assert_replays(" in code)
FILES = dict(re.findall(r"`my_workflows/(\w+\.py)`:\n\n```python\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the page in a folder of their own."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    places = os.pathsep.join([str(ROOT), str(folder)])
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


WORKFLOWS = ["complete_drafts", "forgive_small", "tag_late_payers", "watch_customer"]


def test_the_page_shows_workflows_and_their_tests_and_no_code_that_is_not_run() -> None:
    assert sorted(FILES) == sorted(f"{name}.py" for flow in WORKFLOWS for name in (flow, f"test_{flow}"))
    assert PAGE.count("```python") == len({*FILES.values(), CHANGED, FIXTURE})
    assert "```python" not in (ROOT / "docs" / "author-reference.md").read_text(encoding="utf-8")


@pytest.mark.slow  # make check runs it
def test_the_examples_pass_their_own_tests(folder: Path) -> None:
    ended = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", folder=folder)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "10 passed" in ended.stdout


@pytest.mark.slow  # make check runs it
def test_the_examples_pass_a_strict_type_check(folder: Path) -> None:
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy comes with the extra dev: `make check` has it")

    ended = run("-m", "mypy", "--strict", f"--cache-dir={ROOT / '.mypy_cache'}", *(f"{name}.py" for name in WORKFLOWS), folder=folder)

    assert ended.returncode == 0, ended.stdout


@pytest.mark.slow  # make check runs it
def test_the_examples_are_found_in_a_folder_of_workflows_beside_their_tests(folder: Path) -> None:
    look = """
from pathlib import Path
from workers.loading import load_folders
registry = load_folders([Path(".")])
print(Path(registry.get("complete-drafts").file).name, Path(registry.get("tag-late-payers").file).name)
print(registry.panel("forgiven").name, registry.broken)
"""

    ended = run("-c", look, folder=folder)

    assert ended.stdout.split() == ["complete_drafts.py", "tag_late_payers.py", "forgiven", "{}"], ended.stderr


RECORD = """
from complete_drafts import complete_drafts
from workers.testing.flow import Flow
with Flow(complete_drafts) as flow:
    flow.trigger("invoice.created")
    changed = flow.trigger("invoice.created")["invoice_id"]
    flow.advance(hours=20)
    flow.trigger("invoice.changed", invoice_id=changed, total="50.00")
    flow.advance(hours=10)
    assert flow.record("journals.jsonl") == 2
"""


@pytest.mark.slow  # make check runs it
@pytest.mark.parametrize(("patched", "ending"), [(True, "1 passed"), (False, "does not fit|do not fit")])
def test_code_changed_as_the_page_says_fits_the_runs_that_were_alive(folder: Path, patched: bool, ending: str) -> None:
    recorded = run("-c", RECORD, folder=folder)
    assert recorded.returncode == 0, recorded.stderr
    page = (folder / "complete_drafts.py").read_text(encoding="utf-8")
    code = page[: page.index("@workflow(")] + CHANGED
    code = code if patched else code.replace('if run.patched("look first"):', "if True:")
    (folder / "complete_drafts.py").write_text(code, encoding="utf-8")
    (folder / "test_journals.py").write_text("import complete_drafts\n" + FIXTURE, encoding="utf-8")

    ended = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_journals.py", folder=folder)

    assert re.search(ending, ended.stdout), ended.stdout + ended.stderr
    assert (ended.returncode == 0) == patched
