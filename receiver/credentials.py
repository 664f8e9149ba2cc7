"""Secrets: where they are read from, which are too weak to start with, and those of one source's door.

Owns the names `BILLHOOK_DOOR_<SOURCE>_{USER,PASSWORD,PATH,SIGNING}` through receiver/settings.py. A message names the variable and
what to do; a value is never in it. Read here and not by pydantic-settings: its secrets source reads the fields of a model that is
known beforehand, while these names come from billhook.toml, may point to a file (`_FILE`), hold several live values, and are read
on demand, the workers' never by the receiver.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from receiver.errors import SettingsInvalid

PLACEHOLDERS = ("changeme", "change-me", "change_me", "placeholder", "example", "secret", "password", "passwort", "todo", "xxxx")
SECRET_MIN = 16
ISSUED_MIN = 8


class DoorSecrets(BaseModel):
    """The live values of one source's door: several of one kind while a secret is being changed. Never printed."""

    model_config = ConfigDict(frozen=True)

    user: str | None = Field(default=None, repr=False)
    passwords: tuple[str, ...] = Field(default=(), repr=False)
    paths: tuple[str, ...] = Field(default=(), repr=False)
    signing: tuple[str, ...] = Field(default=(), repr=False)


def variable_part(source: str) -> str:
    """A source's name inside a variable's name: "my-shop" is MY_SHOP."""
    return source.upper().replace("-", "_")


def split_live(value: str | None) -> tuple[str, ...]:
    """The live values in one variable, parted by blanks or commas."""
    return tuple(part for part in re.split(r"[\s,]+", value or "") if part)


def read_secret(name: str, environ: Mapping[str, str], secrets_dir: Path | None) -> str | None:
    """The secret called `name`: the variable, else the file `name`_FILE points to, else the file of that name in `secrets_dir`.

    None where it is nowhere. Raises SettingsInvalid for an empty one and for a file that cannot be read.
    """
    if name in environ:
        return _not_empty(name, environ[name])
    if named := environ.get(f"{name}_FILE"):
        value = _read_file(f"{name}_FILE", Path(named))
        if value is None:
            raise SettingsInvalid(f"{name}_FILE names {named}, where no file is: write it, or correct the path")
        return _not_empty(name, value)
    value = None if secrets_dir is None else _read_file(name, secrets_dir / name)
    return None if value is None else _not_empty(name, value)


def require_strong(name: str, value: str, *, issued: bool = False) -> None:
    """Raise SettingsInvalid for a secret that is too short, a placeholder, or made of too few different characters.

    `issued`: the provider makes it, and nobody here can make a longer one.
    """
    low = value.lower()
    if issued:
        if len(value) < ISSUED_MIN or any(low.startswith(word) for word in PLACEHOLDERS):
            raise SettingsInvalid(f"{name} is not the provider's secret: copy it whole from its portal")
        return
    if len(value) < SECRET_MIN:
        raise SettingsInvalid(f"{name} is shorter than {SECRET_MIN} characters: make one with `openssl rand -hex 24`")
    if any(low.startswith(word) for word in PLACEHOLDERS) or len(set(value)) < 6:
        raise SettingsInvalid(f"{name} is a placeholder: make a real one with `openssl rand -hex 24`")


def require_use(source: str, kind: str, secrets: DoorSecrets, stem: str) -> None:
    """Raise SettingsInvalid unless the credentials suffice for the kind of source and none is set that would never be asked for."""
    if (secrets.user is None) != (not secrets.passwords):
        raise SettingsInvalid(f"{stem}USER and {stem}PASSWORD only work together: set both")
    if kind == "standard":
        if not secrets.signing:
            raise SettingsInvalid(f"source {source} has no signing secret: set {stem}SIGNING to the whsec_… the sender shows")
        return
    if kind == "qvickly":
        _require_merchant(source, secrets, stem)
        return
    if secrets.signing:
        raise SettingsInvalid(f"{stem}SIGNING is of no use: {kind} does not sign; set USER and PASSWORD, or PATH")
    if not secrets.passwords and not secrets.paths:
        raise SettingsInvalid(
            f"source {source} lets anybody in: set {stem}USER and {stem}PASSWORD (HTTP Basic), or {stem}PATH (a secret in the URL)"
        )


def require_unshared(doors: Mapping[str, DoorSecrets]) -> None:
    """Raise SettingsInvalid where one value stands at two doors, or twice at one. `doors`: by source."""
    seen: dict[str, str] = {}
    for source, door in doors.items():
        for value in (*door.passwords, *door.paths, *door.signing):
            if value in seen:
                raise SettingsInvalid(f"a door secret of source {source} is also used by {seen[value]}: make a new one for each")
            seen[value] = source


def _require_merchant(source: str, secrets: DoorSecrets, stem: str) -> None:
    """A callback carries a hash, and beside it only what stands in its URL."""
    if not secrets.signing:
        raise SettingsInvalid(
            f"source {source} cannot verify callbacks: set {stem}SIGNING to the secret beside the merchant id in the portal"
        )
    if secrets.passwords:
        raise SettingsInvalid(f"{stem}USER and {stem}PASSWORD are of no use: Qvickly's callbacks carry no login; set PATH beside SIGNING")


def _not_empty(name: str, value: str) -> str:
    if not value.strip():
        raise SettingsInvalid(f"{name} is empty: give it a value or remove it")
    return value.strip()


def _read_file(name: str, path: Path) -> str | None:
    """The text of a file, None where there is none. Raises SettingsInvalid where there is one that cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError as error:
        todo = "remove it and write the file (Docker makes a directory where the file it is to mount is missing)"
        raise SettingsInvalid(f"the file of {name} cannot be read: {path} is a directory: {todo}") from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"the file of {name} cannot be read: {path} is not text in UTF-8: write it anew") from error
    except OSError as error:
        todo = f"let user {os.geteuid()}, as whom billhook runs here, enter its directory and read it (chown or chmod)"
        raise SettingsInvalid(f"the file of {name} cannot be read: {path}: {error.strerror}: {todo}") from error
