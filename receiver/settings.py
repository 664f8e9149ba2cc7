"""Settings: billhook.toml, the environment over it, and the door's secrets.

Every process reads them once, at its start; receiver/configuration.py says where each stands. Nothing here knows a field of a
provider's API: `[source.NAME.api]`, `[policy.*]` and tables of other rooms are skipped and read by workers/settings.py, which
shares `find_config`, `read_toml` and `read_secret`. Every mistake is a SettingsInvalid that names the setting and what to write
instead; no value of a secret is ever in it.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from redis.connection import parse_url

from receiver.configuration import EnvironmentSource, FileSource, misplaced, variable_of
from receiver.configuration import find_config as find_config
from receiver.configuration import read_toml as read_toml
from receiver.credentials import DoorSecrets as DoorSecrets
from receiver.credentials import read_secret as read_secret
from receiver.credentials import require_strong as require_strong
from receiver.credentials import require_unshared as require_unshared
from receiver.credentials import require_use, split_live
from receiver.credentials import variable_part as variable_part
from receiver.errors import SettingsInvalid
from receiver.mistakes import Mistake, mistakes_of, refusal, unknown

SILENCE = re.compile(r"[1-9][0-9]{0,3}[mhd]", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise ValueError("not a time zone: write a name such as Europe/Berlin") from error
    return name


def _three_capitals(code: str) -> str:
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        raise ValueError('not a currency: write three capitals, such as ["EUR"]')
    return code


def _silence(text: str) -> str:
    if text not in ("auto", "off") and not SILENCE.fullmatch(text):
        raise ValueError('write how long it may be quiet, such as "90m", "6h" or "2d", or "off", or "auto" for its own past')
    return text


def _redis_url(url: str) -> str:
    """A Redis URL, or empty. It may hold a password, so no message quotes it."""
    try:
        if url:
            parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:
        raise ValueError("not a Redis URL: write redis://HOST:PORT/0, redis://:PASSWORD@HOST:PORT/0 or unix:///PATH") from None
    return url


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReceiverSettings(_Frozen):
    """`[billhook.receiver]`: the door.

    `receive_timeout_s` is the absolute deadline of one request's headers and of its body; `store_timeout_s` how long an
    accepted body may wait for its commit before the sender is told to come back.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    max_body_bytes: Annotated[int, Field(ge=1024)] = 1_048_576
    queue_max: Annotated[int, Field(ge=1)] = 4096
    batch_max: Annotated[int, Field(ge=1, le=512)] = 512
    receive_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    store_timeout_s: Annotated[float, Field(gt=0)] = 0.9
    refusals_per_minute: Annotated[int, Field(ge=0)] = 30
    refusals_max: Annotated[int, Field(ge=1)] = 1000
    refusals_max_bytes: Annotated[int, Field(ge=1)] = 8_388_608
    forwarded_allow_ips: str = "127.0.0.1"


class WorkerSettings(BaseModel):
    """`[billhook.worker]`; what else stands there is read by the workers."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    threads: Annotated[int, Field(ge=1, le=256)] = 8


class SourceSettings(_Frozen):
    """`[source.NAME]`: one configured account.

    `zone` is where its times without zone are; `about` (kind standard only) the source its events concern,
    `types` (the same) which registered event types it may say; None is receiver/sources/standard.py's choice.
    """

    unwritten: ClassVar[tuple[str, ...]] = ("name",)

    name: str
    kind: Literal["monsum", "fastbill", "qvickly", "autodns", "standard"]
    zone: Annotated[str, AfterValidator(_known_zone)] = "Europe/Berlin"
    currencies: tuple[Annotated[str, AfterValidator(_three_capitals)], ...] = ("EUR",)
    allow_from: tuple[IPv4Network | IPv6Network, ...] = ()
    since: AwareDatetime | None = None
    silence: Annotated[str, AfterValidator(_silence)] = "auto"
    about: str | None = None
    types: tuple[str, ...] | None = None

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not SOURCE_NAME.fullmatch(name):
            raise ValueError("a source name has 1 to 40 of a-z, 0-9 and -, and begins with a letter or digit")
        return name

    @model_validator(mode="after")
    def _about_and_types_are_for_standard(self) -> "SourceSettings":
        if self.about is not None and self.kind != "standard":
            raise ValueError("about: only a source of kind standard speaks about another source")
        if self.types is not None and self.kind != "standard":
            raise ValueError("types: only a source of kind standard says event types itself")
        return self

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def silence_limit(self) -> timedelta | None:
        """How long the source may be quiet before people are told; None is as its own past has it, zero for ever."""
        if self.silence in ("auto", "off"):
            return None if self.silence == "auto" else timedelta(0)
        return int(self.silence[:-1]) * _UNITS[self.silence[-1]]

    @property
    def concerns(self) -> str:
        """The source whose objects this source's events are about."""
        return self.about or self.name


class Settings(BaseSettings):
    """Everything billhook.toml and the environment say, except what only the workers may know.

    An argument beats the environment `environ`, the environment the file `config`, the file the default. No .env file is read.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", case_sensitive=True)
    unwritten: ClassVar[tuple[str, ...]] = ("sources", "config")

    database: str = "sqlite:///.billhook/data/billhook.db"
    redis: Annotated[str, AfterValidator(_redis_url)] = ""
    data_dir: Path = Path(".billhook/data")
    ledger_head_dir: Path = Path(".billhook/ledger-head")
    secrets_dir: Path | None = Path(".billhook/secrets")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"
    workflows: tuple[Path, ...] = ()
    receiver: ReceiverSettings = ReceiverSettings()
    worker: WorkerSettings = WorkerSettings()
    sources: dict[str, SourceSettings] = {}
    config: Path | None = None
    _environ: Mapping[str, str] = PrivateAttr(default_factory=dict)

    def __init__(self, *, environ: Mapping[str, str] = os.environ, **values: Any) -> None:
        super().__init__(environ=environ, **values)
        self._environ = dict(environ)

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_others: Any, **_named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources in the order in which they win. `environ` is no setting, so the library's own source of arguments cannot stay."""
        values = dict(init_settings())
        found = EnvironmentSource(settings_cls, values.pop("environ"))
        written = [FileSource(settings_cls, values["config"])] if values.get("config") else []
        return (InitSettingsSource(settings_cls, values), found, *written)

    def source(self, name: str) -> SourceSettings:
        """The source called `name`; raises SettingsInvalid where there is none."""
        if name not in self.sources:
            raise SettingsInvalid(
                f"no source {name}: add [source.{name}] to {self.config or 'billhook.toml'}; known are {', '.join(self.sources) or 'none'}"
            )
        return self.sources[name]

    def door_secrets(self, name: str) -> DoorSecrets:
        """The credentials of one source's door; raises SettingsInvalid where they are missing, weak or of no use to its kind."""
        stem = f"BILLHOOK_DOOR_{variable_part(name)}_"
        raw = {part: read_secret(stem + part, self._environ, self.secrets_dir) for part in ("USER", "PASSWORD", "PATH", "SIGNING")}
        for part in ("PASSWORD", "PATH", "SIGNING"):
            for value in split_live(raw[part]):
                require_strong(stem + part, value, issued=part == "SIGNING" and self.source(name).kind == "qvickly")
        secrets = DoorSecrets(
            user=raw["USER"], passwords=split_live(raw["PASSWORD"]), paths=split_live(raw["PATH"]), signing=split_live(raw["SIGNING"])
        )
        require_use(name, self.source(name).kind, secrets, stem)
        return secrets

    def metrics_token(self) -> str | None:
        """What proves a reader of /metrics from elsewhere; None where only this machine reads them. Raises SettingsInvalid."""
        token = read_secret("BILLHOOK_DOOR_METRICS_TOKEN", self._environ, self.secrets_dir)
        if token is not None:
            require_strong("BILLHOOK_DOOR_METRICS_TOKEN", token)
        return token

    def all_door_secrets(self) -> dict[str, DoorSecrets]:
        """Every source's door secrets; raises SettingsInvalid also where one value stands in two places."""
        doors = {name: self.door_secrets(name) for name in self.sources}
        require_unshared(doors)
        return doors


def load_settings(
    config: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    others: Callable[[Mapping[str, Any]], Sequence[Mistake]] = lambda raw: (),
) -> Settings:
    """The settings in force; raises SettingsInvalid with every mistake. Relative paths are relative to the current directory.

    `others` finds the mistakes in what only its caller may know of the file.
    """
    path = find_config(config, environ)
    raw = read_toml(path)
    found = misplaced(raw)
    try:
        settings = Settings(config=path, environ=environ)
    except ValidationError as error:
        invalid = mistakes_of(error, Settings, _full_name)
        named = [replace(one, where=variable_of(one.name.removeprefix("billhook."), environ)) for one in invalid]
        raise refusal([*found, *named, *others(raw)], path) from None
    found += [*_unknown_abouts(settings), *others(raw)]
    if found:
        raise refusal(found, path)
    return settings


def _full_name(place: tuple[str, ...]) -> str:
    """A setting as the documentation writes it, of its place in `Settings`."""
    if place[:1] != ("sources",):
        return ".".join(("billhook", *place))
    return ".".join(("source", *(place[1:-1] if place[2:] == ("name",) else place[1:])))


def _unknown_abouts(settings: Settings) -> list[Mistake]:
    named = {source.name: source.about for source in settings.sources.values() if source.about is not None}
    strangers = [(name, about) for name, about in named.items() if about not in settings.sources]
    return [Mistake(f"source.{name}.about", unknown(about, settings.sources, "source")) for name, about in strangers]
