"""How this command line was called, so that printed lines can be pasted into a shell as they stand."""

import os
import shlex
import sys
from pathlib import Path


def command_line() -> str:
    """The words that call billhook from the current directory."""
    if sys.argv[0].endswith(".py"):
        return f"{shlex.quote(sys.executable)} -m workers.cli.main"
    near = os.path.relpath(sys.argv[0])
    return shlex.quote(sys.argv[0] if near.startswith("..") else str(Path(near)))
