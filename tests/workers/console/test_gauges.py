"""The gauges: what they count, and that the rules and the dashboard shipped with billhook ask for nothing that is not there."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import Database
from receiver.metrics import exposition
from tests.workers.console.conftest import Browser, Made
from workers import control, desk
from workers.console.gauges import Gauges

ROOT = Path(__file__).parents[3]
OBSERVE = ROOT / "ops/observe"


def told(database: Database) -> dict[str, float]:
    """Every sample by its name and labels."""
    registry = CollectorRegistry()
    registry.register(Gauges(database, ["shop"]))
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_an_empty_database_is_calm(database: Database) -> None:
    said = told(database)

    assert set(said.values()) == {0.0}
    assert 'billhook_effects_open{state="unknown"}' in said and 'billhook_waiting{kind="parked"}' in said


def test_what_waits_is_counted_with_its_money(store: Database, made: Made) -> None:
    store.write(lambda c: desk.alert(c, source="shop", subject="shop", reason="spike_stop", at=datetime.now(UTC)))

    said = told(store)

    assert said['billhook_effects_open{state="proposed"}'] == said['billhook_waiting{kind="approvals"}'] == 1
    assert said['billhook_waiting{kind="alerts"}'] == 1
    assert said['billhook_money_waiting{currency="EUR"}'] == 119
    assert said['billhook_runs{status="ready"}'] == 1


def test_what_nobody_routes_and_nobody_advances_grows_old(database: Database) -> None:
    at = datetime.now(UTC) - timedelta(minutes=10)
    arrival = inbox.Arrival(source="shop", origin="push", native_type="x", native_id="1", body=b"{}", received_at=at)
    database.write(lambda c: inbox.append(c, arrival))

    said = told(database)

    assert said["billhook_deliveries_unrouted"] == 1
    assert 590 < said["billhook_delivery_oldest_unrouted_seconds"] < 700
    assert 590 < said['billhook_source_last_delivery_seconds{source="shop"}'] < 700


def test_what_a_replay_puts_off_for_its_minute_is_not_taken_for_a_standstill(database: Database) -> None:
    at = datetime.now(UTC) - timedelta(minutes=10)
    arrival = inbox.Arrival(source="shop", origin="operator", native_type="operator.replay", native_id="1", body=b"{}", received_at=at)
    id = database.write(lambda c: inbox.append(c, arrival)).delivery_id
    database.write(lambda c: inbox.put_back(c, id, route_after=at + timedelta(hours=1)))

    said = told(database)

    assert (said["billhook_deliveries_unrouted"], said["billhook_delivery_oldest_unrouted_seconds"]) == (1, 0)


def test_a_freeze_and_a_pause_are_seen(database: Database) -> None:
    def hold(connection: Connection) -> None:
        for name in ("freeze", "pause:shop:*"):
            control.put(connection, name, {"reason": "stock take"}, at=datetime.now(UTC))

    database.write(hold)

    said = told(database)

    assert (said["billhook_frozen"], said["billhook_paused"]) == (1, 1)


def test_the_consoles_metrics_hold_the_gauges(browser: Browser, made: Made) -> None:
    assert 'billhook_waiting{kind="approvals"} 1.0' in browser.get("/metrics").text


def known_metrics(database: Database) -> set[str]:
    text = exposition()[0].decode()
    names = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) | {name.partition("{")[0] for name in told(database)}
    return names | {f"{name}_bucket" for name in names} | {"up"}


def asked_metrics(expression: str) -> set[str]:
    return set(re.findall(r"\b(billhook_\w+|up)\b", expression))


RULES: list[dict[str, Any]] = yaml.safe_load((OBSERVE / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_every_rule_asks_for_what_there_is_and_is_explained(store: Database, made: Made, rule: dict[str, Any]) -> None:
    assert asked_metrics(rule["expr"]) <= known_metrics(store)
    assert f"`{rule['alert']}`" in (ROOT / "docs/operators.md").read_text(encoding="utf-8")


def test_the_dashboard_asks_for_what_there_is(store: Database, made: Made) -> None:
    panels = json.loads((OBSERVE / "grafana/billhook.json").read_text(encoding="utf-8"))["panels"]
    asked = {name for panel in panels for target in panel["targets"] for name in asked_metrics(target["expr"])}

    assert len(panels) > 5 and asked
    assert asked - {"billhook_source_last_delivery_seconds"} <= known_metrics(store)


def test_every_metric_is_documented(store: Database, made: Made) -> None:
    page = (ROOT / "docs/console.md").read_text(encoding="utf-8")
    types = re.findall(r"^# TYPE (billhook_\w+)", exposition()[0].decode(), re.MULTILINE)
    plain = {name.removesuffix("_created").removesuffix("_total") for name in types} | {name.partition("{")[0] for name in told(store)}

    assert len(plain) > 15
    assert {name for name in plain if f"`{name}`" not in page} == set()
