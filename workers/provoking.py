"""The control desk of a sandbox, seen from another process: what `billhook trigger` and `billhook provoke` ask of it.

A real account is refused before anything is asked.
"""

from dataclasses import dataclass, field
from typing import Any

import httpx

from receiver.errors import SettingsInvalid
from receiver.settings import Settings, SourceSettings
from workers import runfile
from workers.errors import NotReady
from workers.sandbox.places import sandboxes
from workers.settings import WorkerSettings

INSTEAD = "Have it happen there yourself; or practise on the demo: `billhook up` in an empty directory (docs/practice.md)"
REFUSED = "the sandbox alone can be provoked, a real account cannot"


def sandboxed(chosen: WorkerSettings, name: str | None, why: str) -> SourceSettings:
    """The named source, or the only one with a sandbox. Raises SettingsInvalid for a real account, saying `why`."""
    playable = sandboxes(chosen)
    if name is None and not playable:
        raise SettingsInvalid(f"no source here has sandbox = true, and {why}. {INSTEAD}")
    if name is None and len(playable) > 1:
        raise SettingsInvalid(f"name the source: --source NAME; sources with sandbox = true are {', '.join(sorted(playable))}")
    source = chosen.settings.source(name or next(iter(playable)))
    if source.name not in playable:
        raise SettingsInvalid(f"source {source.name} is a real account, and {why}. {INSTEAD}")
    return source


def address(settings: Settings, source: str, configured: str) -> str:
    """Where the sandbox of a source is now: `billhook up` may have moved its port. `configured`: where billhook.toml has it."""
    running = runfile.read(settings.data_dir)
    return running.sandboxes.get(source, configured) if running else configured


def new_client() -> httpx.Client:
    """Ten seconds, and no proxy: everything is on this machine."""
    return httpx.Client(timeout=10.0, trust_env=False)


@dataclass(kw_only=True)
class Desk:
    """The control desk at `url`, for one source."""

    source: str
    url: str
    client: httpx.Client = field(default_factory=new_client)

    def shown(self, what: str) -> Any:
        """What GET /_sandbox/`what` answers. Raises NotReady where nobody does, SettingsInvalid where it is refused."""
        return self._asked("GET", what)

    def told(self, what: str, said: Any = None, *, content: bytes | None = None) -> Any:
        """What POST /_sandbox/`what` answers to `said`, or to these very bytes; raises as `shown` does."""
        return self._asked("POST", what, **({"json": said} if content is None else {"content": content}))

    def _asked(self, method: str, what: str, **body: Any) -> Any:
        url = f"{self.url}/_sandbox/{what}"
        headers = {"Content-Type": "application/json"}
        try:
            answer = self.client.request(method, url, params={"source": self.source}, headers=headers, **body)
            said = answer.json()
        except httpx.HTTPError as error:
            raise NotReady(f"the sandbox does not answer at {url}: is `billhook up` or `billhook sandbox` running?") from error
        except ValueError as error:
            raise SettingsInvalid(f"{url} is no sandbox: what listens there answered {answer.status_code}; see its base_url") from error
        if answer.status_code != 200:
            raise SettingsInvalid(f"the sandbox cannot do that: {said.get('error', answer.status_code)}")
        return said


def desk(chosen: WorkerSettings, name: str | None = None) -> Desk:
    """The desk of the named source, or of the only sandbox. Raises SettingsInvalid for a real account."""
    source = sandboxed(chosen, name, REFUSED)
    return Desk(source=source.name, url=address(chosen.settings, source.name, sandboxes(chosen)[source.name].url))
