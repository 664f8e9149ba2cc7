"""Which sources are simulated on this machine, and where each listens: at the host and port of its own base_url.

Used by what serves the sandboxes (`billhook sandbox`, `billhook up`) and by what talks to them (`trigger`, `provoke`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from receiver.errors import SettingsInvalid
from workers.settings import WorkerSettings

PATHS = {"monsum": "/api/1.0/api.php", "fastbill": "/api/1.0/api.php", "qvickly": "/qvickly", "autodns": "/v1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a source's sandbox listens. `url` has no path, and is spelled as in base_url."""

    url: str
    host: str
    port: int

    @property
    def address(self) -> tuple[str, int]:
        """Equal for all spellings of one address."""
        return ("127.0.0.1" if self.host == "localhost" else str(ip_address(self.host)), self.port)


def place_of(url: str) -> Place:
    """The place that a base_url leads to."""
    parts: SplitResult = urlsplit(url)
    return Place(url=f"{parts.scheme}://{parts.netloc}", host=str(parts.hostname), port=parts.port or 80)


def sandboxes(chosen: WorkerSettings) -> dict[str, Place]:
    """Every source with `sandbox = true`, in the order of billhook.toml."""
    marked = {name: api for name, api in chosen.apis.items() if api.sandbox and chosen.settings.sources[name].kind in PATHS}
    return {name: place_of(str(api.base_url)) for name, api in marked.items()}


def servable(chosen: WorkerSettings, names: Collection[str]) -> dict[str, Place]:
    """The places of these sandboxes. Raises SettingsInvalid for a base_url where none can answer, or two of the same kind would."""
    found: dict[str, Place] = {}
    for name, place in ((name, place) for name, place in sandboxes(chosen).items() if name in names):
        wanted, url = PATHS[chosen.settings.sources[name].kind], urlsplit(str(chosen.apis[name].base_url))
        if url.scheme != "http" or url.path.rstrip("/") != wanted:
            raise SettingsInvalid(f"source.{name}.api.base_url must be http://{url.netloc}{wanted}: there its sandbox answers")
        for other, its in found.items():
            if its.address == place.address and PATHS[chosen.settings.sources[other].kind] == wanted:
                raise SettingsInvalid(f"sources {other} and {name} have one address: give source.{name}.api.base_url another port")
        found[name] = place
    return found
