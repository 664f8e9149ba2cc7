"""Every page with hostile values in every field of every table: text stays text, and nothing moves a cursor."""

from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from anyio.from_thread import BlockingPortal
from starlette.routing import Route

from receiver.db import Database, Json, UtcDateTime
from tests.workers.console.conftest import Browser, House
from workers.console.read.listing import LISTINGS
from workers.console.web.app import console
from workers.loading import load_folders
from workers.schema import METADATA
from workers.settings import WorkerSettings

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
EVIL = "\"'><script>pwned()</script><img src=x onerror=pwned()>{{7*7}}\x1b[31m\u202e javascript:pwned()"
SHORT = "'><pwned a=\""
ID = "0" * 32
# What only billhook writes there, and what its code looks up.
WORDS = {"state": "proposed", "status": "parked", "mode": "propose", "origin": "push", "source": "shop", "object_kind": "invoice"}
LINKS = {"run_id": ID, "effect_id": ID}
STREAMS = ("/now/stream",)


def value_of(column: sa.Column[Any]) -> Any:
    """The most hostile value a column takes."""
    kind = column.type
    if column.name in WORDS or column.name in LINKS:
        return {**WORDS, **LINKS}[column.name]
    if isinstance(kind, Json):
        return {EVIL: [EVIL, {"x": EVIL}], "state": "done", "service": SHORT, "request": {EVIL: EVIL}}
    if isinstance(kind, UtcDateTime):
        return None if column.name == "closed_at" else AT
    if isinstance(kind, sa.Boolean | sa.Integer | sa.Numeric | sa.Float):
        return 1
    if isinstance(kind, sa.Date):
        return date(2026, 11, 20)
    if isinstance(kind, sa.LargeBinary):
        return EVIL.encode()
    if column.primary_key and column.name == "id":
        return ID
    length = getattr(kind, "length", None) or 10_000
    return EVIL[:length] if length >= 64 else SHORT[:length]


@pytest.fixture
def hostile(store: Database) -> Database:
    """One row of hostile values in every table, linked so that a story finds them all."""

    def fill(connection: sa.Connection) -> None:
        for table in METADATA.sorted_tables:
            connection.execute(sa.insert(table).values({column.name: value_of(column) for column in table.c}))

    store.write(fill)
    return store


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def wrong_in(page: str) -> list[object]:
    """What a page holds that could only have come from outside."""
    found: list[object] = [sign for sign in ("\x1b", "\u202e", "49\ufffd") if sign in page]
    for tag, attributes in Tags(page).found:
        ours = tag not in ("pwned", "iframe", "object", "embed", "base", "style") and not any(name.startswith("on") for name in attributes)
        leads = [attributes[name] for name in ("href", "src", "action", "formaction") if name in attributes]
        here = all(path.startswith(("/", "#")) and not path.startswith("//") for path in leads)
        if not ours or not here or (tag in ("script", "img") and not attributes.get("src", "").startswith("/static/")):
            found.append((tag, attributes))
    return found


def test_the_look_at_a_page_finds_what_is_hostile() -> None:
    assert len(wrong_in(f'<p title="{EVIL}">{EVIL}</p><a href="javascript:x">')) >= 5
    assert wrong_in("<p>&lt;script&gt;</p><a href='/runs'>") == []


def test_what_comes_from_outside_is_markup_on_no_page(browser: Browser, hostile: Database) -> None:
    plain = {route.path for route in browser.app.routes if isinstance(route, Route) and "{" not in route.path}
    paths = sorted(plain - {"/healthz", "/metrics", "/find", *STREAMS})
    paths += [f"/{name}{query}" for name in LISTINGS for query in ("", f"?text={quote(EVIL)}&source={quote(EVIL)}&since={quote(EVIL)}")]
    paths += [f"/{name}/{ID if name in ('runs', 'effects') else 1}" for name in LISTINGS]
    paths += [f"/story?key={quote(key)}&source=shop" for key in (f"run:{ID}", f"invoice:{EVIL}", f"customer:{EVIL}", EVIL)]
    paths += [f"/{quote(EVIL, safe='')}", f"/runs/{quote(EVIL, safe='')}", f"/runs?said={quote(EVIL)}", f"/story?key=x&only={quote(EVIL)}"]

    answers = {path: browser.get(path) for path in paths}

    assert {path: wrong_in(answer.text) for path, answer in answers.items() if wrong_in(answer.text)} == {}
    assert {path for path, answer in answers.items() if answer.status_code >= 500} == set()
    shown = [path for path, answer in answers.items() if "pwned" in answer.text]
    assert len(shown) >= 3 * len(LISTINGS)


def test_a_value_the_database_does_not_take_is_the_askers_mistake(place: Path, postgres_database: Database, portal: BlockingPortal) -> None:
    app = console(WorkerSettings(place / "billhook.toml", {}), postgres_database, load_folders(()))
    browser = Browser(app, portal)

    for path in ("/runs?customer=%00", "/story?key=%00", "/act/approve?subject=%00", "/runs/%00"):
        assert browser.get(path).status_code == 400, path


def test_the_log_in_shows_nothing_hostile(people: House) -> None:
    outside = people.browser()

    for path in (f"/login?next={quote(EVIL)}", f"/login?next={quote('/' + EVIL)}", f"/login?name={quote(EVIL)}"):
        assert wrong_in(outside.get(path).text) == []
    assert wrong_in(outside.log_in(EVIL, EVIL, next=EVIL).text) == []
