"""Where the door is reached: its own address, and the URL at which each source's notifications arrive.

Used by `billhook up`, `doctor` and `trigger`, so that all three name the same place.
"""

from ipaddress import ip_address

from receiver.settings import DoorSecrets, Settings

HIDDEN = "<secret>"


def door_address(settings: Settings, port: int | None = None) -> str:
    """The base URL of the door as configured, or on another port."""
    return url_of(settings.receiver.host, settings.receiver.port if port is None else port)


def url_of(host: str, port: int) -> str:
    """The URL of an address."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def webhook_url(base: str, source: str, door: DoorSecrets, *, secret: str = HIDDEN) -> str:
    """Where a source's notifications go; a path secret is shown as `secret`."""
    plain = f"{base}/webhooks/{source}"
    return f"{plain}/{secret}" if door.paths else plain


def is_here(host: str) -> bool:
    """Whether a host name or address is this machine's own, and nobody else's."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
