"""Where settings come from: billhook.toml and the environment, as sources of pydantic-settings.

Used by receiver/settings.py alone, which says what a setting is; this says where it stands. Nothing here validates a value. Every
mistake in finding or reading is a SettingsInvalid; a value is never in it.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, InitSettingsSource

from receiver.credentials import read_secret
from receiver.errors import SettingsInvalid

CONFIG_FILES = ("billhook.toml", ".billhook/demo.toml")
ROOMS = ("receiver", "worker")
_VARIABLES = {
    "BILLHOOK_DATABASE": "database", "BILLHOOK_REDIS": "redis", "BILLHOOK_DATA_DIR": "data_dir", "BILLHOOK_SECRETS_DIR": "secrets_dir",
    "BILLHOOK_LEDGER_HEAD_DIR": "ledger_head_dir", "BILLHOOK_LOG_LEVEL": "log_level", "BILLHOOK_LOG_FORMAT": "log_format",
    "BILLHOOK_WORKFLOWS": "workflows", "BILLHOOK_HOST": "receiver.host", "BILLHOOK_PORT": "receiver.port",
}  # fmt: skip
_FROM_FILES = ("BILLHOOK_DATABASE", "BILLHOOK_REDIS")
_EMPTY_IS_UNSET = ("BILLHOOK_WORKFLOWS", "BILLHOOK_HOST", "BILLHOOK_PORT")


class EnvironmentSource(EnvSettingsSource):
    """The variables of the environment a caller gives, which need not be this process's own.

    They are listed, not derived from a prefix: BILLHOOK_PORT is a setting of a table, and BILLHOOK_SOURCES is none at all.
    """

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings_cls, case_sensitive=True, env_prefix="", env_nested_delimiter=".")
        self.env_vars = _by_setting(environ)

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:
        """As the library does it, but for folders: they are separated like PATH, not written as JSON."""
        if field_name == "workflows" and value is not None:
            return [part for part in value.split(os.pathsep) if part]
        return super().prepare_field_value(field_name, field, value, value_is_complex)


class FileSource(InitSettingsSource):
    """What billhook.toml says of these settings.

    Not the library's TomlConfigSettingsSource: that wants all of them below one header, which must be there, and passes over a file
    that is missing. Ours stand in the optional [billhook] and in [source.*], beside tables the receiver must not know.
    """

    def __init__(self, settings_cls: type[BaseSettings], path: Path) -> None:
        raw = read_toml(path)
        sources = _table(raw, "source")
        own = _own_part(_table(raw, "billhook"))
        super().__init__(settings_cls, {**own, "sources": {name: _source_part(sources, name) for name in sources}})


def find_config(config: Path | None, environ: Mapping[str, str]) -> Path:
    """The configuration file in use: the given one, else BILLHOOK_CONFIG, else ./billhook.toml, else ./.billhook/demo.toml."""
    named = config or (Path(environ["BILLHOOK_CONFIG"]) if environ.get("BILLHOOK_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise SettingsInvalid(f"there is no configuration at {named}: correct --config or BILLHOOK_CONFIG")
        return named
    for candidate in CONFIG_FILES:
        if Path(candidate).is_file():
            return Path(candidate)
    raise SettingsInvalid("no configuration found: write ./billhook.toml, pass --config FILE, or run `make run` for a demo")


def read_toml(path: Path) -> dict[str, Any]:
    """The file as a table; raises SettingsInvalid naming the line that is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(f"{path} cannot be read as TOML: {error}") from error


def _by_setting(environ: Mapping[str, str]) -> dict[str, str | None]:
    """The environment by setting instead of by variable, secret files read."""
    said = {variable: environ[variable] for variable in _VARIABLES if variable in environ}
    for variable in _FROM_FILES:
        if f"{variable}_FILE" in environ:
            said[variable] = _from_file(variable, environ)
    return {_VARIABLES[variable]: value for variable, value in said.items() if value or variable not in _EMPTY_IS_UNSET}


def _from_file(variable: str, environ: Mapping[str, str]) -> str:
    value = read_secret(variable, environ, None)
    if value is None:
        raise SettingsInvalid(f"{variable}_FILE is empty: name a file or remove it")
    return value


def _table(raw: Mapping[str, Any], name: str, above: str = "") -> dict[str, Any]:
    table = raw.get(name, {})
    if not isinstance(table, dict):
        raise SettingsInvalid(f"setting {above}{name} cannot be used: write a table [{above}{name}]")
    return table


def _own_part(table: Mapping[str, Any]) -> dict[str, Any]:
    """`[billhook]` without the sub-tables of rooms that are none of ours."""
    plain = {name: value for name, value in table.items() if not isinstance(value, dict)}
    return {**plain, **{room: _table(table, room, "billhook.") for room in ROOMS}}


def _source_part(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    """`[source.NAME]` without what only the workers may know."""
    return {**{field: value for field, value in _table(tables, name, "source.").items() if field != "api"}, "name": name}
