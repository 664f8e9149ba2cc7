"""Clients by source kind: base URL, services, rate and document hosts of each.

Owns the table of provider kinds. Called by workers/settings.py and by the test kit; it opens no connection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo

from receiver.errors import SettingsInvalid
from workers.providers import autodns, mail, monsum, qvickly, scans
from workers.providers.autodns_client import AutodnsClient
from workers.providers.autodns_wire import Login as AutodnsLogin
from workers.providers.http import HttpTransport, Transport, require_safe_url
from workers.providers.mail import Mailer
from workers.providers.monsum_client import MonsumClient
from workers.providers.qvickly_client import QvicklyClient
from workers.providers.qvickly_wire import Login
from workers.providers.rate import HOUR, MINUTE, SECOND, Rate
from workers.providers.scans import Scan
from workers.providers.service import Service


@dataclass(frozen=True, kw_only=True)
class ProviderKind:
    """What differs between the provider kinds. `rate` may be overridden per source; `scans` is how its gaps are found."""

    base_url: str
    rate: Rate
    document_hosts: frozenset[str] = field(default_factory=frozenset)
    services: Mapping[str, Service] = field(default_factory=dict)
    scans: tuple[Scan, ...] = ()


def _offered(kind: str) -> dict[str, Service]:
    return {name: service for name, service in {**monsum.SERVICES, **mail.SERVICES}.items() if kind in service.kinds}


# Rates: 500 calls a minute per user on Monsum (V1.8, 2013); FastBill core counts per hour and plan, 500 on Pro.
KINDS: Mapping[str, ProviderKind] = {
    "monsum": ProviderKind(
        base_url="https://app.monsum.com/api/1.0/api.php",
        rate=Rate(500, MINUTE),
        document_hosts=frozenset({"app.monsum.com", "automatic.fastbill.com"}),
        services=_offered("monsum"),
        scans=scans.MONSUM,
    ),
    "fastbill": ProviderKind(
        base_url="https://my.fastbill.com/api/1.0/api.php",
        rate=Rate(500, HOUR),
        document_hosts=frozenset({"my.fastbill.com"}),
        services=_offered("fastbill"),
        scans=scans.FASTBILL,
    ),
    # No rate is published, and "excessive use" may be blocked: one call a second is our own choice.
    "qvickly": ProviderKind(base_url="https://api.qvickly.io/", rate=Rate(60, MINUTE), services=qvickly.SERVICES, scans=scans.QVICKLY),
    # 3 requests a second and IP. One at once and two a second make three in any second; a fresh read and its call are one operation.
    "autodns": ProviderKind(
        base_url="https://api.autodns.com/v1", rate=Rate(3, SECOND, largest=1), services=autodns.SERVICES, scans=scans.AUTODNS
    ),
}
PORTAL_URL = "https://api.online.billmate.se/"
AUTH_URL = "https://auth.billmate.se/"
_MONSUM = ("fastbill", "monsum")


def make_client(
    kind: str,
    source: str,
    base_url: str | None,
    user: str,
    key: str,
    zone: str | ZoneInfo,
    currencies: Sequence[str],
    transport: Transport | None = None,
    rate: Rate | None = None,
    *,
    mailer: Mailer | None = None,
) -> MonsumClient:
    """The client of one configured account.

    `base_url` None or "" means the kind's own. Raises SettingsInvalid for a kind without an API and for a URL that would carry the
    API key in the clear.
    """
    if kind not in _MONSUM:
        raise SettingsInvalid(f"source.{source}.kind: {kind} has no API here; known are {', '.join(_MONSUM)}")
    url = base_url or KINDS[kind].base_url
    require_safe_url(url, f"source.{source}.api.base_url")
    return MonsumClient(
        kind=kind,
        source=source,
        base_url=url,
        user=user,
        key=key,
        zone=zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone),
        currencies=tuple(currencies),
        rate=rate or KINDS[kind].rate,
        transport=transport or HttpTransport(),
        document_hosts=KINDS[kind].document_hosts,
        mailer=mailer,
    )


def make_qvickly(
    source: str,
    base_url: str | None,
    merchant: str,
    key: str,
    zone: str | ZoneInfo,
    currencies: Sequence[str],
    transport: Transport | None = None,
    rate: Rate | None = None,
    *,
    portal: tuple[str, str] | None = None,
    portal_url: str | None = None,
    auth_url: str | None = None,
    test: bool = False,
) -> QvicklyClient:
    """The client of one Qvickly merchant. `portal`: user and password of the portal; without it customers cannot be asked for.

    Addresses that are None or "" are the provider's own. Raises SettingsInvalid for one that would carry credentials in the clear.
    """
    urls = {"base_url": base_url or KINDS["qvickly"].base_url, "portal_url": portal_url or PORTAL_URL, "auth_url": auth_url or AUTH_URL}
    for name, url in urls.items():
        require_safe_url(url, f"source.{source}.api.{name}")
    login = Login(url=_folder(urls["auth_url"]), user=portal[0], password=portal[1]) if portal else None
    return QvicklyClient(
        source=source,
        base_url=urls["base_url"],
        portal_url=_folder(urls["portal_url"]),
        merchant=merchant,
        key=key,
        login=login,
        zone=zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone),
        currencies=tuple(currencies),
        rate=rate or KINDS["qvickly"].rate,
        transport=transport or HttpTransport(),
        test=test,
    )


def make_autodns(
    source: str,
    base_url: str | None,
    user: str,
    key: str,
    zone: str | ZoneInfo,
    currencies: Sequence[str],
    transport: Transport | None = None,
    rate: Rate | None = None,
    *,
    context: int = 4,
    watched: Sequence[str] = (),
    credit_low: Decimal | None = None,
    polls: bool = False,
) -> AutodnsClient:
    """The client of one AutoDNS user; `base_url` None or "" is the live system. Raises SettingsInvalid for one in the clear."""
    url = base_url or KINDS["autodns"].base_url
    require_safe_url(url, f"source.{source}.api.base_url")
    return AutodnsClient(
        source=source,
        base_url=url.rstrip("/"),
        login=AutodnsLogin(user=user, password=key, context=context),
        zone=zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone),
        currencies=tuple(currencies),
        rate=rate or KINDS["autodns"].rate,
        transport=transport or HttpTransport(),
        watched=tuple(watched),
        credit_low=credit_low,
        polls=polls,
    )


def _folder(url: str) -> str:
    return url if url.endswith("/") else f"{url}/"
