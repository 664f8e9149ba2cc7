"""The run file: where the processes of this data directory are reached right now.

Written by `billhook up`, read by the commands typed in a second shell; a lock file beside it keeps a second `up` out.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel, ValidationError

from receiver.errors import SettingsInvalid


class Running(BaseModel, frozen=True):
    """Where what `up` started is. `sandboxes`: the address of each simulated source's provider, without a path.

    `redis` is empty where there is none; `config` is the absolute path of its configuration.
    """

    pid: int
    receiver: str
    console: str = ""
    sandboxes: dict[str, str] = {}
    redis: str = ""
    config: str = ""


def write(data_dir: Path, running: Running) -> None:
    """Say where everything is, in one step."""
    path = data_dir / "run.json"
    new = path.with_suffix(".new")
    new.write_text(running.model_dump_json(indent=1), encoding="utf-8")
    new.replace(path)


def remove(data_dir: Path) -> None:
    (data_dir / "run.json").unlink(missing_ok=True)


def read(data_dir: Path) -> Running | None:
    """What `up` wrote, or None where it does not run here any more."""
    try:
        running = Running.model_validate_json((data_dir / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None
    return running if _alive(running.pid) else None


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for one `up`; raises SettingsInvalid where another holds it, or it cannot be written."""
    with _lock_file(data_dir) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            raise SettingsInvalid(
                f"billhook already runs on {data_dir} (process {holder}): stop that one, or use another data_dir"
            ) from None
        file.truncate(0)
        file.write(json.dumps(os.getpid()))
        file.flush()
        yield


def _lock_file(data_dir: Path) -> TextIO:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (data_dir / "up.lock").open("a+")
    except OSError as error:
        raise SettingsInvalid(
            f"billhook.data_dir {data_dir} cannot be used ({error.strerror}): correct it, or let us write there"
        ) from error


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
