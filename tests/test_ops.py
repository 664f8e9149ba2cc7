"""ops/venv: on a machine that cannot run billhook it says which package to install."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.processes import ROOT

OLD = """#!/bin/sh
[ "$1" = --version ] && { echo "Python 3.9.2"; exit 0; }
exit 1
"""
BARE = """#!/bin/sh
case "$2" in
    *ensurepip*) exit 1 ;;
    *print*) echo 3.12 ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine's only programs."""
    for name in ("sh", "dirname", "cat", "cksum"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    return tmp_path


def prepare(machine: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [str(machine / "sh"), str(ROOT / "ops/venv"), "local"]
    return subprocess.run(command, env={"PATH": str(machine), **environ}, capture_output=True, text=True, check=False)


def install(machine: Path, name: str, text: str) -> None:
    (machine / name).write_text(text)
    (machine / name).chmod(0o755)


def test_an_old_python_is_told_apart_and_a_package_named(machine: Path) -> None:
    install(machine, "python3", OLD)

    refused = prepare(machine)

    assert refused.returncode == 2
    assert "needs Python 3.11 or newer; python3 is Python 3.9.2" in refused.stderr
    assert "apt-get install python3" in refused.stderr


def test_a_machine_without_python_is_told_what_to_install(machine: Path) -> None:
    refused = prepare(machine)

    assert refused.returncode == 2
    assert "python3 is not there" in refused.stderr and "apt-get install python3" in refused.stderr


def test_a_python_without_ensurepip_is_told_its_own_package(machine: Path) -> None:
    install(machine, "python3", BARE)

    refused = prepare(machine)

    assert refused.returncode == 2
    assert "apt-get install python3.12-venv" in refused.stderr


def test_a_newer_python_beside_an_old_one_is_found(machine: Path) -> None:
    install(machine, "python3", OLD)
    install(machine, "python3.12", BARE)

    refused = prepare(machine)

    assert "python3.12 is Python 3.12 without ensurepip" in refused.stderr


def test_every_script_is_shell_that_parses() -> None:
    for script in ("ops/venv", ".ci/run"):
        assert os.access(ROOT / script, os.X_OK)
        subprocess.run(["bash", "-n", str(ROOT / script)], check=True)
