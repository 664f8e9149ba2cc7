"""`billhook --remote URL`: a console on another machine, asked with an API token to look and to act.

The token is BILLHOOK_TOKEN, sent in a header, over HTTPS or to this machine only, and never to where an answer redirects.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

import httpx
import typer

from receiver.errors import OutcomeUnknown, SettingsInvalid
from workers.addresses import is_here
from workers.cli.output import plain
from workers.console.deeds import DEEDS
from workers.errors import Forbidden, NotHere, NotReady, StateConflict
from workers.providers.http import trust
from workers.story import Line, Told

TIMEOUT_S = 30.0
SENTENCE_MAX = 300
INSTANTS = ("at", "next_try", "since", "looked_to")
TOKEN, WARNING, OLDER = "BILLHOOK_TOKEN", "x-billhook-warning", "x-billhook-older"


@dataclass(frozen=True)
class Remote:
    """A console elsewhere."""

    url: str
    token: str = field(repr=False)

    def rows(self, name: str, wanted: Mapping[str, Any], limit: int) -> tuple[str, list[dict[str, Any]]]:
        """What is to be warned of, and the rows of a list, as its view gives them here."""
        said = {option: value.isoformat() if isinstance(value, datetime) else value for option, value in wanted.items()}
        answer = self._asked(f"/{name}", {**said, "limit": limit})
        return answer.headers.get(WARNING, ""), [timed(row) for row in answer.json()]

    def one(self, name: str, id: str) -> dict[str, Any]:
        """One row, whole. Raises NotHere."""
        return timed(self._asked(f"/{name}/{quote(id, safe='')}", {}).json())

    def story(self, key: str, source: str | None, until: datetime | None = None) -> tuple[str, Told]:
        """What is to be warned of, and the story of a key. Raises NotHere where nothing is known of it."""
        said = {"source": source, "until": until.isoformat() if until else None}
        answer = self._asked("/story", {"key": key, **{name: value for name, value in said.items() if value}})
        lines = [Line(**{**line, "at": datetime.fromisoformat(line["at"])}) for line in answer.json()]
        older = answer.headers.get(OLDER, "")
        return answer.headers.get(WARNING, ""), Told(lines=lines, older=datetime.fromisoformat(older) if older else None)

    def look(self, name: str, wanted: Mapping[str, Any]) -> Any:
        """What a look of the API gives; its rows, where there are, with instants. `wanted` without what is None or empty."""
        found = self._asked(f"/api/{name}", {option: value for option, value in wanted.items() if value not in (None, "", [])}).json()
        if isinstance(found, dict) and isinstance(found.get("rows"), list):
            return timed({**found, "rows": [timed(row) for row in found["rows"]]})
        return found

    def rows_of(self, name: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a look that is a list."""
        return [timed(row) for row in self.look(name, wanted)]

    def act(self, name: str, said: Mapping[str, Any], word: str = "") -> dict[str, Any]:
        """What an act would do, with the word that confirms it at "confirm"; with that `word`, what came of doing it.

        Asked twice where the first answer is lost: the word lets it be done once. Raises OutcomeUnknown where both are.
        """
        stray = said.keys() - set(DEEDS[name].fields)
        if stray:
            raise ValueError(f"{name} has no {', '.join(sorted(stray))}: see workers/console/deeds.py")
        body = {**{option: value for option, value in said.items() if value}, "confirm": word}
        answer = self._posted(f"/api/acts/{name}", body)
        if word and (answer is None or answer.status_code >= 500):
            answer = self._posted(f"/api/acts/{name}", body)
            if answer is None or answer.status_code >= 500 or answer.status_code == 409:
                tells = f"`billhook --remote {self.url} audit` tells"
                raise OutcomeUnknown(f"the answer of the console was lost, and it may have been done: {tells}")
        if answer is None:
            self._nobody()
        found: dict[str, Any] = self._read(answer).json()
        return found

    def _posted(self, path: str, body: Mapping[str, Any]) -> httpx.Response | None:
        """The answer, or None where none came."""
        try:
            return self._sent("POST", path, json=body)
        except httpx.HTTPError:
            return None

    def _asked(self, path: str, query: Mapping[str, Any]) -> httpx.Response:
        """The console's answer. Raises the error of ours it stands for, NotReady where there is none to be had."""
        try:
            return self._read(self._sent("GET", path, params=query))
        except httpx.HTTPError:
            self._nobody()

    def _sent(self, method: str, path: str, **what: Any) -> httpx.Response:
        """Raises httpx.HTTPError where no answer comes."""
        headers = {"authorization": f"Bearer {self.token}", "accept": "application/json"}
        return httpx.request(method, self.url + path, headers=headers, timeout=TIMEOUT_S, verify=trust(), **what)

    def _nobody(self) -> NoReturn:
        raise NotReady(f"the console at {self.url} does not answer as one: compare the URL, and see `billhook console`") from None

    def _read(self, answer: httpx.Response) -> httpx.Response:
        """The answer, where it is one. Raises the error of ours it stands for."""
        sentence, status = _sentence(answer), answer.status_code
        if status == 200 and sentence is not None:
            return answer
        if sentence is None and status >= 500:
            said = f"the console at {self.url} answers {status}, or what stands before it does: try again, and look at its log there"
            raise NotReady(said)
        if sentence is None:
            self._nobody()
        if status in (400, 422):
            raise typer.BadParameter(sentence)
        if status in (401, 421):
            raise SettingsInvalid(sentence if status == 421 else f"the console does not take {TOKEN}: {sentence}")
        raise {404: NotHere, 403: Forbidden, 409: StateConflict}.get(status, NotReady)(sentence)


def _sentence(answer: httpx.Response) -> str | None:
    """What went wrong, in the console's words; "" where nothing did, None where it is none of the console's answers."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind == "text/plain" and len(answer.text) <= SENTENCE_MAX:
        return plain(answer.text)
    try:
        said = answer.json() if kind == "application/json" else None
    except ValueError:
        return None
    if said is None:
        return None
    return plain(str(said.get("error", ""))) if isinstance(said, dict) else ""


def remote(url: str, environ: Mapping[str, str]) -> Remote:
    """The console at a URL. Raises SettingsInvalid where the token is missing, or would be sent for everybody to read."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise SettingsInvalid("--remote takes a URL such as https://billhook.example.org")
    if parts.scheme == "http" and not is_here(parts.hostname):
        raise SettingsInvalid("--remote would send the token for everybody on the way to read: write https://")
    token = environ.get(TOKEN, "").strip()
    if not token:
        raise SettingsInvalid(f"{TOKEN} is not set: `billhook tokens add NAME --role viewer`, there, makes one")
    return Remote(url.rstrip("/"), token)


def timed(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose instants are instants again."""
    return {name: _instant(value) if name in INSTANTS or name.endswith(("_at", "_until")) else value for name, value in row.items()}


def _instant(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value
