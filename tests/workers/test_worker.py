"""The worker and sweeper processes: what they refuse to start with, and how they rest."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from receiver.errors import DatabaseBusy, SettingsInvalid
from tests.workers.test_actors import hinted, keep
from workers.actors import Router
from workers.cli.main import run
from workers.edge import Edge
from workers.testing.flow import Flow
from workers.worker import Advancer, require_noeviction


@pytest.fixture
def evicting(redis_url: str) -> Iterator[str]:
    """A Redis that throws keys away when it is full."""
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        yield redis_url
        client.config_set("maxmemory-policy", "noeviction")


def test_a_redis_that_evicts_is_refused_and_one_that_is_away_is_let_be(redis_url: str, evicting: str) -> None:
    with pytest.raises(SettingsInvalid, match="maxmemory-policy allkeys-lru"):
        require_noeviction(evicting)
    with pytest.raises(SettingsInvalid, match=r"billhook\.redis cannot be used"):
        require_noeviction("nonsense")

    require_noeviction("redis://127.0.0.1:1/0")
    require_noeviction("")


@pytest.mark.parametrize("role", ["worker", "sweeper"])
def test_no_role_starts_on_a_redis_that_evicts(
    role: str, evicting: str, sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "billhook.toml"
    config.write_text(f'[billhook]\ndatabase = "{sqlite_url}"\nredis = "{evicting}"\n')

    code = run(["--config", str(config), role])

    assert code == 2
    assert "set maxmemory-policy noeviction" in capsys.readouterr().err


def test_no_run_is_begun_while_the_database_is_in_trouble() -> None:
    def full() -> None:
        raise DatabaseBusy

    with Flow(hinted, mode="auto") as flow, ThreadPoolExecutor(2) as pool:
        keep(flow, 1)
        Router(flow.runtime, lambda: False).waiting(10)
        now = [1000.0]
        edge = Edge(lambda: now[0])
        advancer = Advancer(flow.runtime, pool, 2, edge)
        edge.guarded("poll failed", full)

        resting = advancer.fill()
        now[0] += edge.rest_s
        begun = advancer.fill()

    assert (resting, begun) == (0, 1)
