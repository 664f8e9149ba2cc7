"""Secrets written into `secrets_dir`: made here or typed by a person, each a file of its own that nobody else reads.

Used by `billhook up` for the demo and by `billhook connect`. A secret that is there already stays; nothing here prints one.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from receiver.errors import SettingsInvalid

MADE_BYTES = 24


def made() -> str:
    """A new secret: 48 hex digits, as `openssl rand -hex 24` makes them."""
    return secrets.token_hex(MADE_BYTES)


def keep(folder: Path, name: str, value: str) -> bool:
    """Write the secret called `name`, mode 0600, its folder 0700; false where one is there. Raises SettingsInvalid where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return write_once(folder / name, value)
    except OSError as error:
        raise SettingsInvalid(
            f"the secret {name} cannot be written into {folder} ({error.strerror}): let us write there, or set secrets_dir"
        ) from error


def write_once(path: Path, text: str) -> bool:
    """Make the file whole or not at all, mode 0600; one that is there stays: then false."""
    new, fresh = path.with_name(f"{path.name}.{os.getpid()}"), False
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    with suppress(FileExistsError):
        os.link(new, path)
        fresh = True
    new.unlink()
    return fresh
