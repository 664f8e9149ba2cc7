"""`billhook provoke`, at a sandbox served on this machine."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.workers.cli.conftest import Billhook
from tests.workers.sandbox.test_app import Served
from workers.cli.provoke import seconds_of


@pytest.fixture
def there(place: Path, provider: Served) -> Served:
    """The sandbox of the source shop."""
    toml = place / "billhook.toml"
    toml.write_text(toml.read_text().replace("base_url", "sandbox = true\nbase_url"))
    return provider


def test_a_fault_is_planned_listed_and_ended(billhook: Billhook, there: Served) -> None:
    planned = billhook("provoke", "fault", "drop", "--service", "invoice.sendbyemail", "--times", "2", "--skip", "1", "--json").json
    listed = billhook("provoke", "faults", "--json").json
    ended = billhook("provoke", "clear", "--source", "shop", "--json").json

    assert (planned["source"], planned["planned"]) == ("shop", 1)
    assert listed == [{"kind": "drop", "service": "invoice.sendbyemail", "times": 2, "skip": 1, "seconds": 30.0}]
    assert ended["planned"] == 0 and there.sandbox.faults.planned == []
    assert "no fault is planned" in billhook("provoke", "faults").out


def test_an_unknown_kind_is_refused_with_those_that_are_possible(billhook: Billhook, there: Served) -> None:
    said = billhook("provoke", "fault", "dropp")

    assert said.code == 2 and "do you mean drop" in said.err and "gateway-after" in said.err


def test_the_clock_goes_ahead_and_runs_faster(billhook: Billhook, there: Served) -> None:
    before = billhook("provoke", "clock", "--json").json

    after = billhook("provoke", "clock", "--advance", "14d", "--scale", "60", "--json").json

    gone = datetime.fromisoformat(after["now"]) - datetime.fromisoformat(before["now"])
    assert (before["scale"], after["scale"], gone.days) == (1.0, 60.0, 14)
    assert billhook("provoke", "clock", "--scale", "0").code == 2


def test_delivery_is_changed_only_where_it_is_named(billhook: Billhook, there: Served) -> None:
    billhook("provoke", "delivery", "--copies", "2", "--delay", "5m")

    after = billhook("provoke", "delivery", "--lose", "1", "--disorder", "--json").json

    assert after == {"copies": 2, "lose": 1, "disorder": True, "delay_s": 300.0}
    assert billhook("provoke", "delivery", "--order", "--json").json["disorder"] is False
    assert billhook("provoke", "delivery", "--json").json["copies"] == 2


def test_what_came_of_it_is_shown(billhook: Billhook, there: Served) -> None:
    there.desk("trigger", kind="customer.created")
    there.sandbox.sent.append({"service": "invoice.sendbyemail", "invoice_id": "7"})
    there.post("/api/1.0/api.php", b'{"SERVICE": "customer.get"}')

    assert [row["type"] for row in billhook("provoke", "notifications", "--json").json] == ["customer.created"]
    assert [row["service"] for row in billhook("provoke", "calls", "--json").json] == ["customer.get"]
    assert "invoice.sendbyemail" in billhook("provoke", "sent").out


def test_a_real_account_is_refused(billhook: Billhook, provider: Served) -> None:
    unnamed, named = billhook("provoke", "clear"), billhook("provoke", "clear", "--source", "shop")

    assert (unnamed.code, named.code) == (2, 2)
    assert "no source here has sandbox = true" in unnamed.err and "source shop is a real account" in named.err


@pytest.mark.parametrize("given, seconds", [("90", 90), ("1.5h", 5400), ("14d", 1_209_600), (None, None)])
def test_a_time_is_said_in_seconds_or_with_its_unit(given: str | None, seconds: float | None) -> None:
    assert seconds_of(given) == seconds


def test_a_time_that_goes_back_is_wrong_usage(billhook: Billhook, there: Served) -> None:
    assert billhook("provoke", "clock", "--advance=-1h").code == 2
