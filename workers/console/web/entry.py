"""Who asks: by an API token, a session's cookie, a trusted proxy's header, or, where nobody logs in, whoever reached this machine.

Used by web/access.py, in a thread, for every request but the open ones. Plain functions; believes nothing that came from outside
but what it can look up: a header counts only from a proxy's own address, a name only with a role.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from starlette.responses import Response

from receiver.db import Database
from receiver.errors import DatabaseBusy
from workers.cli.session import actor
from workers.console import accounts, sessions, tokens
from workers.console.roles import Person
from workers.console.settings import ConsoleSettings

COOKIE, COOKIE_HTTPS = "billhook_console", "__Host-billhook"
COOKIE_LENGTH = 43
NOTE_S = 1.0
NO_USE = ("/needed",)  # asked by every open page on its own: nobody uses the console by it


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Who asks, or why nobody is known. `csrf` is what this browser's forms carry; `cookie` what it holds, or is to hold.

    `session`: the cookie is a log-in's. `why`: a sentence for somebody who will not be let in by logging in.
    """

    person: Person | None = None
    csrf: str = ""
    cookie: str = ""
    session: bool = False
    by_token: bool = False
    why: str = ""


class Entry:
    """Finds out who asks. Safe to use from several threads."""

    def __init__(self, settings: ConsoleSettings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._key = secrets.token_bytes(32)
        self.cookie = COOKIE_HTTPS if settings.https else COOKIE

    def of(self, request: Request) -> Entered:
        """Who asks."""
        given = request.headers.getlist("authorization")
        if given:
            return self._by_token(given)
        cookie = request.cookies.get(self.cookie, "")
        if self._settings.login == "accounts" and (known := self._by_session(cookie, request)) is not None:
            return known
        cookie = cookie if len(cookie) == COOKIE_LENGTH else secrets.token_urlsafe(32)
        person, why = (None, "") if self._settings.login == "accounts" else self._by_place(request)
        return Entered(person=person, why=why, cookie=cookie, csrf=self._csrf(person.name if person else "", cookie))

    def _by_token(self, given: Sequence[str]) -> Entered:
        scheme, _, token = given[0].partition(" ")
        if len(given) != 1 or scheme.lower() != "bearer" or not token.startswith(tokens.PREFIX):
            return Entered(by_token=True, why="The Authorization header holds no API token: `billhook tokens add NAME` makes one.")
        with self._database.read() as connection:
            found = tokens.holder(connection, token.strip(), at=self._database.machine_now(connection))
        if found is None:
            return Entered(by_token=True, why="This API token is unknown, revoked or too old: `billhook tokens` lists what there is.")
        person, stale = found
        if stale:
            self._note(lambda c: tokens.used(c, token.strip(), at=self._database.machine_now(c)))
        return Entered(person=person, by_token=True)

    def _by_session(self, cookie: str, request: Request) -> Entered | None:
        if len(cookie) != COOKIE_LENGTH:
            return None
        with self._database.read() as connection:
            at = self._database.machine_now(connection)
            opened = sessions.opened(connection, cookie, at=at, idle=self._settings.idle)
            account = accounts.found(connection, opened.account) if opened else None
        if opened is None or account is None or account["disabled_at"] is not None:
            return None
        if opened.stale and request.scope["path"] not in NO_USE:
            self._note(lambda c: sessions.seen(c, cookie, at=self._database.machine_now(c)))
        person = Person(f"console:{account['name']}", account["role"])
        return Entered(person=person, csrf=opened.csrf, cookie=cookie, session=True)

    def _by_place(self, request: Request) -> tuple[Person | None, str]:
        """Where nobody logs in here: the operating system's user, or whom a believed proxy names."""
        if self._settings.login == "none":
            return Person(actor("console"), "approver"), ""
        peer = request.client.host if request.client else ""
        if not among(peer, self._settings.proxies):
            return None, "This console is reached through its proxy only: see proxies in [billhook.console]."
        name = said_once(request, self._settings.header)
        role = self._settings.roles.get(name)
        if role is None:
            return None, "The proxy named nobody who may enter: see header and roles in [billhook.console]."
        return Person(f"console:{name}", role), ""

    def _csrf(self, name: str, cookie: str) -> str:
        return hmac.new(self._key, f"{name}\0{cookie}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def _note(self, write: Callable[[Connection], None]) -> None:
        """Note a use; a busy database or a full disk is no reason to turn anybody away: what is stuck is to be seen then."""
        try:
            self._database.write(write, timeout_s=NOTE_S)
        except (DatabaseBusy, OperationalError):
            return


def keep_cookie(response: Response, name: str, value: str) -> None:
    """Keep a value in the browser: no script reads it, no other site's page sends it, and as __Host- only HTTPS carries it."""
    response.set_cookie(name, value, httponly=True, samesite="strict", secure=name == COOKIE_HTTPS, path="/")


def drop_cookie(response: Response, name: str) -> None:
    """Have the browser forget it."""
    response.delete_cookie(name, path="/", httponly=True, samesite="strict", secure=name == COOKIE_HTTPS)


def said_once(request: Request, header: str) -> str:
    """The header's value, where it stands there once under exactly its name; else "".

    One that stands there twice, or once more with an underscore, which some proxies take for the same, was not only the proxy's.
    """
    alike = [(name, value) for name, value in request.headers.items() if name.replace("_", "-") == header.lower()]
    return alike[0][1] if len(alike) == 1 and alike[0][0] == header.lower() else ""


def among(peer: str, proxies: Sequence[str]) -> bool:
    """Whether an address is one of the proxies'; ::ffff:10.0.0.1 is 10.0.0.1."""
    return _plain(peer) in {_plain(proxy) for proxy in proxies} if peer else False


def peer_of(request: Request, settings: ConsoleSettings) -> str:
    """Whose address a log-in comes from: the peer's, or the one its proxy saw, which is the last in X-Forwarded-For."""
    peer = request.client.host if request.client else ""
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
    return forwarded[:64] if forwarded and among(peer, settings.proxies) else peer


def _plain(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)
