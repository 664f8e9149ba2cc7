"""A sandbox on a clock that stands still until told, and a client plugged straight into it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workers.providers.bundle import make_client
from workers.providers.monsum_client import MonsumClient
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.transport import LocalTransport

PAYLOADS = Path(__file__).parents[2] / "payloads" / "monsum"


class StandingClock:
    """Tells one instant; `advance` moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def make_sandbox(clock: StandingClock) -> Callable[[str], MonsumSandbox]:
    return lambda kind="monsum": MonsumSandbox(kind, user="me@example.com", key="k3y", clock=clock)


@pytest.fixture
def sandbox(make_sandbox: Callable[[str], MonsumSandbox]) -> MonsumSandbox:
    return make_sandbox("monsum")


def client_of(sandbox: MonsumSandbox, key: str = "k3y") -> MonsumClient:
    url = f"{sandbox.account.public_url}/api/1.0/api.php"
    return make_client(sandbox.kind, "shop", url, "me@example.com", key, "Europe/Berlin", ["EUR"], LocalTransport(sandbox))


@pytest.fixture
def client(sandbox: MonsumSandbox) -> MonsumClient:
    return client_of(sandbox)
