"""An AutoDNS source's settings: who is asked, who is watched, and that messages are polled by nobody else."""

from decimal import Decimal
from pathlib import Path

import pytest

from receiver.errors import SettingsInvalid
from workers.providers.autodns_client import AutodnsClient
from workers.providers.bundle import KINDS
from workers.providers.rate import Rate
from workers.settings import WorkerSettings

SECRETS = {"BILLHOOK_API_NIC_USER": "reseller", "BILLHOOK_API_NIC_KEY": "k3y-of-the-test", "BILLHOOK_DOOR_NIC_PATH": "v7Tq2nXb81LmPz0s"}
NIC = '[source.nic]\nkind = "autodns"\n'


def chosen(tmp_path: Path, text: str, **environ: str) -> WorkerSettings:
    path = tmp_path / "billhook.toml"
    path.write_text(f'[billhook]\ndatabase = "sqlite:///{tmp_path}/billhook.db"\nsecrets_dir = "{tmp_path}"\n{text}')
    return WorkerSettings(path, {**SECRETS, **environ})


def client(tmp_path: Path, text: str) -> AutodnsClient:
    found = chosen(tmp_path, NIC + text)
    made = found.client(found.settings.source("nic"))
    assert isinstance(made, AutodnsClient)
    return made


def test_without_more_the_live_system_is_asked_and_nothing_is_polled(tmp_path: Path) -> None:
    made = client(tmp_path, "")

    assert (made.base_url, made.login.context, made.rate) == ("https://api.autodns.com/v1", 4, KINDS["autodns"].rate)
    assert (made.polls, made.watched, made.credit_low) == (False, (), None)


def test_everything_is_taken_from_the_file(tmp_path: Path) -> None:
    made = client(
        tmp_path,
        '[source.nic.api]\nbase_url = "https://api.demo.autodns.com/v1/"\ncontext = 1\ncustomers = ["ix/1234567"]\ncredit_low = "50.00"\n'
        "poll = true\npoll_exclusive = true\ncalls_per_minute = 30\n",
    )

    assert (made.base_url, made.login.context, made.rate) == ("https://api.demo.autodns.com/v1", 1, Rate(30))
    assert (made.polls, made.watched, made.credit_low) == (True, ("ix/1234567",), Decimal("50.00"))


@pytest.mark.parametrize(
    "line, setting, why",
    [
        ("poll = true", "poll", "poll_exclusive = true"),
        ("poll = true\npoll_exclusive = false", "poll", "takes it from every other tool"),
        ('poll = "yes please"', "poll", "true or false is wanted"),
        ("poll_exclusive = 7", "poll_exclusive", "true or false is wanted"),
        ("context = 0", "context", "at least 1"),
        ('context = "live"', "context", "a whole number is wanted"),
        ('customers = ["1234567"]', "customers", "client/number"),
        ('customers = ["ix/1234567", "ix/0"]', "customers", "client/number"),
        ('customers = "ix/1234567"', "customers", "a list is wanted"),
        ("credit_low = 50.5", "credit_low", "as text"),
        ('credit_low = "-1"', "credit_low", "at least 0"),
        ('credit_low = "much"', "credit_low", "a number is wanted"),
        ('base_url = "http://api.autodns.com/v1"', "base_url", "https"),
        ("polll = true", "polll", "do you mean poll"),
    ],
)
def test_a_mistake_is_named_by_its_setting(tmp_path: Path, line: str, setting: str, why: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        client(tmp_path, f"[source.nic.api]\n{line}\n")

    assert f"source.nic.api.{setting}" in str(caught.value) and why in str(caught.value)


@pytest.mark.parametrize("line", ["poll = true", "poll_exclusive = true", "context = 4", "customers = []", 'credit_low = "1"'])
def test_what_is_autodns_own_is_refused_elsewhere(tmp_path: Path, line: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"source\.shop\.api\.\w+ cannot be used: only a source of kind autodns"):
        chosen(tmp_path, f'[source.shop]\nkind = "monsum"\n[source.shop.api]\n{line}\n')


def test_a_sandbox_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"source\.nic\.api\.base_url"):
        client(tmp_path, '[source.nic.api]\nsandbox = true\nbase_url = "https://api.autodns.com/v1"\n')


def test_a_missing_login_is_named(tmp_path: Path) -> None:
    found = chosen(tmp_path, NIC, BILLHOOK_API_NIC_USER="reseller")
    found._environ = {name: value for name, value in found._environ.items() if not name.endswith("_KEY")}

    with pytest.raises(SettingsInvalid, match="BILLHOOK_API_NIC_KEY"):
        found.client(found.settings.source("nic"))
