"""What every page stands on: the configuration, the database, the workflows, and the templates.

Built once by web/app.py. A page is a plain function (request) -> Response that asks `site(request)` for it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from receiver.db import Database
from receiver.settings import Settings
from workers.cli.output import plain
from workers.console.buttons import button
from workers.console.figures import age, rate, span, until
from workers.console.masking import masked
from workers.console.navigation import NAVIGATION
from workers.console.pictures.chart import drawn
from workers.console.read.waiting import needed
from workers.console.roles import Role, role_of
from workers.registry import Registry
from workers.settings import WorkerSettings

HERE = Path(__file__).parent
TEXT_MAX = 4_000


@dataclass(frozen=True)
class Site:
    """The console's own things. `version` is appended to the addresses of its style and scripts."""

    chosen: WorkerSettings
    database: Database
    registry: Registry
    templates: jinja2.Environment
    version: str

    @property
    def settings(self) -> Settings:
        return self.chosen.settings

    @property
    def sources(self) -> list[str]:
        return list(self.settings.sources)

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of each source by its name."""
        return {name: source.kind for name, source in self.settings.sources.items()}

    def page(self, request: Request, template: str, *, status: int = 200, **told: Any) -> Response:
        """A whole page; `told` is what its template needs."""
        with self.database.read() as connection:
            around = self._around(connection, request)
        return HTMLResponse(self.templates.get_template(template).render(**around, **told), status_code=status)

    def part(self, request: Request, template: str, **told: Any) -> str:
        """A piece of a page, for what is replaced while it is looked at."""
        return self.templates.get_template(template).render(request=request, **told)

    def _around(self, connection: Connection, request: Request) -> dict[str, Any]:
        """What stands around every page: who looks, where they are, and how much waits for them."""
        return {
            "request": request, "person": request.state.person, "csrf": request.state.csrf, "navigation": NAVIGATION,
            "needed": needed(connection), "flash": _flash(request), "version": self.version,
            "theme": request.cookies.get("theme", ""), "undo": _own(request.query_params.get("undo", "")),
        }  # fmt: skip


def _flash(request: Request) -> str:
    """What an act came to, told once on the next page; a link from elsewhere puts no words into our mouth."""
    ours = request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    return request.query_params.get("said", "") if ours else ""


def site(request: Request) -> Site:
    """The site of the application that was asked."""
    found: Site = request.app.state.site
    return found


def templates(zone: ZoneInfo) -> jinja2.Environment:
    """The templates, autoescaped; times are shown in `zone`. What came from outside is text, whatever it looks like."""
    loader = jinja2.FileSystemLoader(HERE / "templates")
    made = jinja2.Environment(
        loader=loader, autoescape=True, auto_reload=False, finalize=_visible, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters.update(when=lambda at: _when(at, zone), shown=shown, pretty=pretty, query=query, button=button)
    made.globals.update(role_for=role_for)
    made.filters.update(span=span, age=age, until=until, rate=rate, drawn=drawn)
    return made


def role_for(href: str) -> Role:
    """The role that an act's page takes, from its address."""
    place, _, act = href.partition("?")[0].strip("/").partition("/")
    return (
        role_of(place if place in ("say", "replay", "recheck") else act)
        if place in ("act", "hold", "say", "replay", "recheck")
        else "viewer"
    )


def _own(path: str) -> str:
    """A path of acts that hold back or let go, or set the state of an alert; "" for anything else."""
    return path if path.startswith(("/hold/", "/act/reopen?", "/act/acknowledge?", "/act/ignore?")) else ""


def _visible(value: Any) -> Any:
    """What a template prints, without characters that turn the text around it or move a cursor; lines stay lines."""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "\n".join(plain(line) for line in value.split("\n"))


def _when(at: datetime | None, zone: ZoneInfo) -> Markup | str:
    """An instant in the reader's zone, with its UTC beside it for machines and on hovering."""
    if at is None:
        return ""
    local = at.astimezone(zone)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        at.isoformat(), at.strftime("%Y-%m-%d %H:%M:%S"), local.strftime("%Y-%m-%d %H:%M:%S")
    )


def shown(value: Any) -> str:
    """A value as text a person can read, without what lets somebody in or control characters, and not longer than a page can bear."""
    if not isinstance(value, str) or value[:1] in ("{", "["):
        value = masked(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    text = str(value) if isinstance(value, Decimal | date) and not isinstance(value, datetime) else plain(value)
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + f"… ({len(text)} characters in all)"


def pretty(value: Any) -> str:
    """A body or a JSON value, indented where it is JSON, as it came where it is not."""
    value = masked(value)
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    try:
        parsed = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return "\n".join(plain(line) for line in str(text).splitlines())
    lines = json.dumps(parsed, indent=2, ensure_ascii=False, default=str).splitlines()
    return "\n".join(plain(line) for line in lines)


def query(said: Mapping[str, Any], **other: Any) -> str:
    """The query of an address: what is said, with other values for some names, empty ones left out."""
    return urlencode({name: value for name, value in {**said, **other}.items() if value not in (None, "")})
