"""Where settings come from: billhook.toml and the environment, as sources of pydantic-settings.

Used by receiver/settings.py alone, which says what a setting is; this says where it stands. Nothing here validates a value. Every
mistake in finding or reading is a SettingsInvalid, a name where nothing stands a Mistake; a value is never in it.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, InitSettingsSource

from receiver.credentials import read_secret
from receiver.errors import NoConfiguration, SettingsInvalid
from receiver.log import masked
from receiver.mistakes import Mistake, unknown

CONFIG_FILES = ("billhook.toml", ".billhook/demo.toml")
_SHOWN = {"billhook": "billhook", "source": "source.NAME"}
TABLES = (*_SHOWN, "policy")
ROOMS = ("receiver", "worker")
OTHER_ROOMS = ("console", "notify")  # whose tables the door need not understand
_VARIABLES = {
    "BILLHOOK_DATABASE": "database", "BILLHOOK_REDIS": "redis", "BILLHOOK_DATA_DIR": "data_dir", "BILLHOOK_SECRETS_DIR": "secrets_dir",
    "BILLHOOK_LEDGER_HEAD_DIR": "ledger_head_dir", "BILLHOOK_LOG_LEVEL": "log_level", "BILLHOOK_LOG_FORMAT": "log_format",
    "BILLHOOK_WORKFLOWS": "workflows", "BILLHOOK_HOST": "receiver.host", "BILLHOOK_PORT": "receiver.port",
}  # fmt: skip
_SYNTAX = 'correct it there or in the line before: [table] in brackets, then one name = value in a line, each name once, a text in "quotes"'
_MAY_BE_SECRET = re.compile(r"://|@|pass|secret|key|token|path|signing", re.IGNORECASE)
_NAME = re.compile(r"([A-Za-z0-9_.-]{1,40})\s*=")
_LINE_MAX = 120
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
        parts = {name: _source_part(sources, name) for name, part in sources.items() if isinstance(part, dict)}
        super().__init__(settings_cls, {**own, "sources": parts})


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
    raise NoConfiguration("no configuration found: write ./billhook.toml, pass --config FILE, or run `make run` for a demo")


def read_toml(path: Path) -> dict[str, Any]:
    """The file as a table; raises SettingsInvalid naming and showing the line that is not TOML."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be read: {error.strerror}: let the user billhook runs as read it") from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"{path} cannot be read as TOML: it is not text in UTF-8: save it as UTF-8") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid(f"{path} cannot be read as TOML: {error}{_shown_line(text, str(error))}; {_SYNTAX}") from error


def _shown_line(text: str, said: str) -> str:
    """The line that the parser names, as far as it can hold no secret; empty where it names none, or it is neither table nor setting."""
    named = re.search(r"at line (\d+)", said)
    line = text.split("\n")[int(named[1]) - 1].strip() if named else ""
    name = _NAME.match(line)
    if not line.startswith("[") and name is None:
        return ""
    if name is not None and _MAY_BE_SECRET.search(line):
        line = f"{name[1]} = …"
    return f": `{masked(line[:_LINE_MAX])}`"


def misplaced(raw: Mapping[str, Any]) -> list[Mistake]:
    """What of a file stands where nobody reads: tables nobody knows, settings outside of one, values where a table belongs."""
    found = [_stray(name, value) for name, value in raw.items() if name not in TABLES]
    found += [_no_table(name, shown) for name, shown in _SHOWN.items() if not isinstance(raw.get(name, {}), dict)]
    own, known = _table(raw, "billhook"), (*ROOMS, *OTHER_ROOMS)
    found += [_no_table(f"billhook.{room}") for room in known if not isinstance(own.get(room, {}), dict)]
    strangers = [name for name, value in own.items() if isinstance(value, dict) and name not in known]
    found += [Mistake(f"billhook.{name}", unknown(name, known, "table")) for name in strangers]
    return found + [_no_table(f"source.{name}") for name, part in _table(raw, "source").items() if not isinstance(part, dict)]


def variable_of(setting: str, environ: Mapping[str, str]) -> str:
    """The variable that says a setting, such as "receiver.port", in `environ`; "" where the file or nobody says it."""
    said = {name for name in _VARIABLES if environ.get(name) or (name in environ and name not in _EMPTY_IS_UNSET)}
    said |= {f"{name}_FILE" for name in _FROM_FILES if f"{name}_FILE" in environ}
    return max((name for name in said if _VARIABLES[name.removesuffix("_FILE")] == setting), default="")


def _stray(name: str, value: object) -> Mistake:
    if isinstance(value, dict):
        return Mistake(name, unknown(name, TABLES, "table"))
    return Mistake(name, "it stands outside of every table; write it below [billhook], [source.NAME] or [policy.WORKFLOW]")


def _no_table(name: str, shown: str = "") -> Mistake:
    return Mistake(name, f"a table is wanted: write [{shown or name}]")


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


def _table(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The table called `name`; empty where there is none, or something else (which `misplaced` tells)."""
    table = raw.get(name, {})
    return table if isinstance(table, dict) else {}


def _own_part(table: Mapping[str, Any]) -> dict[str, Any]:
    """`[billhook]` without the sub-tables of rooms that are none of ours."""
    plain = {name: value for name, value in table.items() if not isinstance(value, dict) and name not in (*ROOMS, *OTHER_ROOMS)}
    return {**plain, **{room: _table(table, room) for room in ROOMS}}


def _source_part(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    """`[source.NAME]` without what only the workers may know."""
    return {**{field: value for field, value in tables[name].items() if field not in ("api", "smtp")}, "name": name}
