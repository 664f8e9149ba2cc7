"""Where the door is reached: its own address, and the URL at which each source's notifications arrive.

Used by `billhook up`, `doctor` and `trigger`, so that all three name the same place.
"""

from receiver.settings import DoorSecrets, Settings

HIDDEN = "<secret>"


def door_address(settings: Settings, port: int | None = None) -> str:
    """The base URL of the door as configured, or on another port."""
    host = settings.receiver.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.receiver.port if port is None else port}"


def webhook_url(base: str, source: str, door: DoorSecrets, *, secret: str = HIDDEN) -> str:
    """Where a source's notifications go; a path secret is shown as `secret`."""
    plain = f"{base}/webhooks/{source}"
    return f"{plain}/{secret}" if door.paths else plain
