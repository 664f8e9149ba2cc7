"""`billhook --remote URL`: the lists, `show` and `explain`, asked of a console on another machine with an API token.

The token is BILLHOOK_TOKEN, sent in a header, over HTTPS or to this machine only, and never to where an answer redirects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import typer

from receiver.errors import SettingsInvalid
from workers.addresses import is_here
from workers.errors import Forbidden, NotHere, NotReady
from workers.story import Line, Told

TIMEOUT_S = 30.0
TOKEN, WARNING, OLDER = "BILLHOOK_TOKEN", "x-billhook-warning", "x-billhook-older"


@dataclass(frozen=True)
class Remote:
    """A console elsewhere."""

    url: str
    token: str

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

    def _asked(self, path: str, query: Mapping[str, Any]) -> httpx.Response:
        """The console's answer. Raises the error of ours it stands for, NotReady where there is none to be had."""
        headers = {"authorization": f"Bearer {self.token}", "accept": "application/json"}
        try:
            answer = httpx.get(self.url + path, params=query, headers=headers, timeout=TIMEOUT_S)
            said = answer.json()
        except (httpx.HTTPError, ValueError):
            raise NotReady(f"the console at {self.url} does not answer as one: compare the URL, and see `billhook console`") from None
        if answer.status_code == 200:
            return answer
        sentence = str(said.get("error", "")) if isinstance(said, dict) else ""
        if answer.status_code == 401:
            raise SettingsInvalid(f"the console does not take {TOKEN}: {sentence}")
        if answer.status_code == 400:
            raise typer.BadParameter(sentence)
        raise {404: NotHere, 403: Forbidden}.get(answer.status_code, NotReady)(sentence)


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
    return {name: _instant(value) if name == "at" or name.endswith(("_at", "_until")) else value for name, value in row.items()}


def _instant(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value
