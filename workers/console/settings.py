"""`[billhook.console]`: where operators' pages are served, and to whom.

Read by `billhook console` and `billhook up` alone; the receiver skips the table. Every mistake is a SettingsInvalid that names the
setting.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from receiver.errors import SettingsInvalid
from workers.addresses import is_here
from workers.console.roles import Role

PORT = "BILLHOOK_CONSOLE_PORT"
LogIn = Literal["none", "accounts", "header"]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a time zone: write a name such as Europe/Berlin")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one person may decide alone, in any currency: `above` by one press of a button, `a_day` within 24 hours. None: everything."""

    above: Decimal | None = None
    a_day: Decimal | None = None

    @property
    def any(self) -> bool:
        return self.above is not None or self.a_day is not None


class ConsoleSettings(BaseModel):
    """`[billhook.console]`.

    `login`: "none" (this machine only: whoever reaches it is an approver), "accounts" (`billhook accounts`), or "header": a proxy in
    front says who it is in `header`, and is believed only from `proxies`. `two_people_above`: to decide about more than this
    at once, in any currency, takes a second person; `two_people_above_a_day` the same for what one person decides alone in 24 hours.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8081
    names: tuple[str, ...] = ()
    login: LogIn = "none"
    header: str = Field(default="X-Forwarded-User", pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    roles: dict[str, Role] = {}
    https: bool = False
    session_hours: Annotated[int, Field(ge=1, le=24 * 31)] = 12
    idle_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 60
    two_people_above: Annotated[Decimal, Field(ge=0)] | None = None
    two_people_above_a_day: Annotated[Decimal, Field(ge=0)] | None = None
    zone: Annotated[str, AfterValidator(_known_zone)] = "Europe/Berlin"

    @model_validator(mode="after")
    def _not_open_to_the_world(self) -> "ConsoleSettings":
        if self.login == "none" and not is_here(self.host):
            raise ValueError(
                'host: other machines could reach the console and nobody logs in: write login = "accounts" or "header" beside it,'
                ' or host = "127.0.0.1"'
            )
        return self

    @property
    def limits(self) -> Limits:
        return Limits(above=self.two_people_above, a_day=self.two_people_above_a_day)

    @property
    def idle(self) -> timedelta:
        return timedelta(minutes=self.idle_minutes)

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


def chosen_port(settings: ConsoleSettings, environ: Mapping[str, str]) -> int:
    """The port the environment names, else that of the settings. Raises SettingsInvalid."""
    said = environ.get(PORT, "")
    if not said:
        return settings.port
    if not (said.isascii() and said.isdecimal() and len(said) <= 5 and int(said) <= 65_535):
        raise SettingsInvalid(f"{PORT} is no port: write a number from 0 to 65535, or leave it out for the port of [billhook.console]")
    return int(said)


def table_in(raw: Mapping[str, Any], name: str = "console") -> Mapping[str, Any]:
    """The table [billhook.NAME] as written; empty where there is none."""
    own = raw.get("billhook", {})
    table = own.get(name, {}) if isinstance(own, dict) else {}
    return table if isinstance(table, dict) else {}
