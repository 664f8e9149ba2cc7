"""Processes kept running: started together, restarted with a back-off, drained and ended together.

Called by `billhook up`. A child gets a process group of its own, so that Ctrl-C reaches only us and we decide the order; on Linux
the kernel ends it when we are killed. Knows nothing of what the children do.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from receiver.log import get_logger

BACKOFF_FIRST_S = 0.5
BACKOFF_MOST_S = 30.0
STEADY_S = 20.0
REFUSED = 2  # every role's exit code for a configuration it cannot use: starting it again would change nothing
PR_SET_PDEATHSIG = 1

log = get_logger(__name__)
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(kw_only=True)
class Child:
    """One process to keep running.

    `on_orphaned` is what the kernel sends it when we are killed; `output` a file for what it prints, else our own terminal.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    on_orphaned: signal.Signals = signal.SIGKILL
    output: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    failures: int = 0
    again_s: float = 0.0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Keeps children running until told to stop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.children: list[Child] = []
        self.refused: Child | None = None

    def start(self, child: Child) -> None:
        """Start a child and keep it running from now on."""
        self.children.append(child)
        self._spawn(child)

    def look(self) -> None:
        """Restart what died and whose back-off is over; called a few times a second.

        One that ended because it cannot use its configuration stays down and is `refused`.
        """
        now = self._clock()
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._died(child, child.process.returncode, now)
            if child.process is None and now >= child.again_s:
                self._spawn(child)

    def stop(self, names: Sequence[str], patience_s: float, *, hurry: Callable[[], bool] = lambda: False) -> list[str]:
        """End the named children: SIGTERM, then SIGKILL after `patience_s` or in a hurry. The names of those that had to be killed."""
        stopping = [child for child in self.children if child.name in names]
        self.children = [child for child in self.children if child.name not in names]
        for child in stopping:
            _signal(child, signal.SIGTERM)
        until = self._clock() + patience_s
        while any(child.alive for child in stopping) and self._clock() < until and not hurry():
            time.sleep(0.02)
        late = [child for child in stopping if child.alive]
        for child in late:
            _signal(child, signal.SIGKILL)
        for child in stopping:
            if child.process is not None:
                child.process.wait()
        return [child.name for child in late]

    def _spawn(self, child: Child) -> None:
        ours = os.getpid()

        def tie() -> None:
            _die_with(ours, child.on_orphaned)

        output = child.output.open("ab") if child.output is not None else None
        try:
            child.process = subprocess.Popen(
                list(child.command),
                env=dict(child.environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=tie,
            )
        finally:
            if output is not None:
                output.close()
        child.started_s = self._clock()

    def _died(self, child: Child, code: int, now: float) -> None:
        child.process = None
        if code == REFUSED:
            self.refused, child.again_s = child, float("inf")
            return
        child.failures = 1 if now - child.started_s > STEADY_S else child.failures + 1
        wait_s = min(BACKOFF_FIRST_S * 2 ** (child.failures - 1), BACKOFF_MOST_S)
        child.again_s = now + wait_s
        log.warning("a process ended and is started again", name=child.name, code=code, after_s=wait_s)


def _signal(child: Child, number: signal.Signals) -> None:
    if child.process is not None and child.alive:
        child.process.send_signal(number)


def _die_with(parent: int, number: signal.Signals) -> None:
    """Runs in the child before its program: have the kernel send `number` when `parent` ends."""
    if _LIBC is None:
        return
    _LIBC.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)
