"""The workflow author's page is true: its example is taken from the page and run as an author would."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workers import authoring

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "authors.md").read_text(encoding="utf-8")
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


def test_the_page_shows_a_workflow_and_its_test() -> None:
    assert sorted(FILES) == ["complete_drafts.py", "test_complete_drafts.py"]


def test_the_example_passes_its_own_test(folder: Path) -> None:
    ended = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_complete_drafts.py", folder=folder)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "3 passed" in ended.stdout


def test_the_example_is_found_in_a_folder_of_workflows(folder: Path) -> None:
    (folder / "test_complete_drafts.py").unlink()
    look = """
from pathlib import Path
from workers.loading import load_folders
registry = load_folders([Path(".")])
print(registry.get("complete-drafts").file, registry.broken)
"""

    ended = run("-c", look, folder=folder)

    assert ended.stdout.split() == [str(folder / "complete_drafts.py"), "{}"], ended.stderr


def test_every_call_the_page_names_exists() -> None:
    named = set(re.findall(r"`run\.(\w+)", PAGE))

    assert named - set(dir(authoring.Run)) == set()
