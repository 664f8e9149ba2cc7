"""The supervisor: restarts with a back-off, ends in time, and leaves nobody behind when it is killed."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.processes import ROOT, eventually
from workers.supervisor import Child, Supervisor

STUBBORN = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = """
import sys, time
from workers.supervisor import Child, Supervisor
supervisor = Supervisor()
child = Child(name="sleeper", command=["sleep", "60"])
supervisor.start(child)
print(child.process.pid, flush=True)
time.sleep(60)
"""


class Hands:
    """A clock moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def supervisor(clock: Hands) -> Iterator[Supervisor]:
    supervisor = Supervisor(clock)
    yield supervisor
    supervisor.stop([child.name for child in supervisor.children], 0.0, hurry=lambda: True)


def ended(child: Child) -> None:
    assert child.process is not None
    child.process.wait(10)


def test_a_child_that_dies_is_started_again_after_a_growing_pause(supervisor: Supervisor, clock: Hands) -> None:
    child = Child(name="brief", command=["false"])
    supervisor.start(child)
    pauses = []

    for _ in range(4):
        ended(child)
        supervisor.look()
        assert child.process is None
        pauses.append(child.again_s - clock.now)
        clock.now = child.again_s
        supervisor.look()
        assert child.process is not None

    assert supervisor.refused is None
    assert pauses == [0.5, 1.0, 2.0, 4.0]


def test_a_child_that_ran_steadily_begins_with_the_shortest_pause_again(supervisor: Supervisor, clock: Hands) -> None:
    child = Child(name="brief", command=["false"], failures=6)
    supervisor.start(child)
    ended(child)

    clock.now += 21
    supervisor.look()

    assert child.again_s - clock.now == 0.5


def test_a_child_that_refuses_its_configuration_stays_down(supervisor: Supervisor, clock: Hands) -> None:
    child = Child(name="refusing", command=["sh", "-c", "exit 2"])
    supervisor.start(child)
    ended(child)

    supervisor.look()
    clock.now += 3600
    supervisor.look()

    assert supervisor.refused is child
    assert child.process is None


def test_stopping_ends_a_child_that_listens_and_kills_one_that_does_not(tmp_path: Path) -> None:
    supervisor = Supervisor()
    stubborn = Child(name="stubborn", command=[sys.executable, "-c", STUBBORN], output=tmp_path / "said")
    supervisor.start(Child(name="gentle", command=["sleep", "60"]))
    supervisor.start(stubborn)
    eventually(lambda: (tmp_path / "said").read_text() == "up\n")

    late = supervisor.stop(["gentle", "stubborn"], 0.2)

    assert late == ["stubborn"]
    assert supervisor.children == []
    assert stubborn.process is not None and stubborn.process.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells children of a parent's death on Linux only")
def test_a_child_does_not_outlive_a_killed_supervisor() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))

        parent.kill()

        gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone
