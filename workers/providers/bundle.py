"""Clients by source kind: base URL, services, rate and document hosts of each.

Owns the table of provider kinds. Called by workers/settings.py and by the test kit; it opens no connection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from receiver.errors import SettingsInvalid
from workers.providers import monsum
from workers.providers.http import HttpTransport, Transport, require_safe_url
from workers.providers.monsum_client import MonsumClient
from workers.providers.rate import HOUR, MINUTE, Rate
from workers.providers.service import Service


@dataclass(frozen=True, kw_only=True)
class ProviderKind:
    """What differs between the provider kinds that speak this API. `rate` may be overridden per source."""

    base_url: str
    rate: Rate
    document_hosts: frozenset[str] = field(default_factory=frozenset)
    services: Mapping[str, Service] = field(default_factory=dict)


def _offered(kind: str) -> dict[str, Service]:
    return {name: service for name, service in monsum.SERVICES.items() if kind in service.kinds}


# Rates: 500 calls a minute per user on Monsum (V1.8, 2013); FastBill core counts per hour and plan, 500 on Pro.
KINDS: Mapping[str, ProviderKind] = {
    "monsum": ProviderKind(
        base_url="https://app.monsum.com/api/1.0/api.php",
        rate=Rate(500, MINUTE),
        document_hosts=frozenset({"app.monsum.com", "automatic.fastbill.com"}),
        services=_offered("monsum"),
    ),
    "fastbill": ProviderKind(
        base_url="https://my.fastbill.com/api/1.0/api.php",
        rate=Rate(500, HOUR),
        document_hosts=frozenset({"my.fastbill.com"}),
        services=_offered("fastbill"),
    ),
}


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
) -> MonsumClient:
    """The client of one configured account.

    `base_url` None or "" means the kind's own. Raises SettingsInvalid for a kind without an API and for a URL that would carry the
    API key in the clear.
    """
    if kind not in KINDS:
        raise SettingsInvalid(f"source.{source}.kind: {kind} has no API here; known are {', '.join(sorted(KINDS))}")
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
    )
