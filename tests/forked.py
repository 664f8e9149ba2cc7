"""Commands of billhook, each a process of its own, forked from one that has imported the program: importing takes a second and more."""

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from workers.cli import main

PROGRAM = str(main.__file__)
_ALIKE = multiprocessing.get_context("forkserver")
_ALIKE.set_forkserver_preload(["workers.cli.main"])


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    returncode: int
    stdout: str
    stderr: str


def command(words: Sequence[str], *, cwd: Path, env: Mapping[str, str], within_s: float) -> Done:
    """Run one command line with nothing of this process's surroundings. Raises TimeoutError."""
    with TemporaryDirectory() as kept:
        output, errors = Path(kept) / "output", Path(kept) / "errors"
        process = _ALIKE.Process(target=_become, args=(list(words), str(cwd), dict(env), str(output), str(errors)))
        process.start()
        process.join(within_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(f"{words} did not end within {within_s} s: {errors.read_text()[-1500:]}")
        done = Done(process.exitcode, output.read_text(encoding="utf-8"), errors.read_text(encoding="utf-8"))
        process.close()
    return done


def _become(words: list[str], cwd: str, env: dict[str, str], output: str, errors: str) -> None:
    """What `python -m workers.cli.main` does after its imports."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, path in ((1, output), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    sys.argv = [PROGRAM, *words]
    main.main()
