"""A Qvickly source's settings: two logins, and a sandbox that stands in for all of the provider's addresses."""

from pathlib import Path

import pytest

from receiver.errors import SettingsInvalid
from workers.providers.bundle import KINDS
from workers.providers.qvickly_client import QvicklyClient
from workers.providers.rate import Rate
from workers.settings import WorkerSettings

SECRETS = {
    "BILLHOOK_DOOR_PAY_SIGNING": "qvickly-test-key-000000000001",
    "BILLHOOK_API_PAY_USER": "17882",
    "BILLHOOK_API_PAY_KEY": "qvickly-test-key-000000000001",
}
PORTAL = {"BILLHOOK_API_PAY_PORTAL_USER": "u@example.com", "BILLHOOK_API_PAY_PORTAL_PASSWORD": "p"}
PAY = '[source.pay]\nkind = "qvickly"\nzone = "Europe/Stockholm"\ncurrencies = ["SEK"]\n'
SANDBOX = PAY + '[source.pay.api]\nsandbox = true\nbase_url = "http://127.0.0.1:8090/qvickly"\n'


def client(tmp_path: Path, text: str, **environ: str) -> QvicklyClient:
    path = tmp_path / "billhook.toml"
    path.write_text(f'[billhook]\ndatabase = "sqlite:///{tmp_path}/billhook.db"\nsecrets_dir = "{tmp_path}"\n{text}')
    chosen = WorkerSettings(path, {**SECRETS, **environ})
    found = chosen.client(chosen.settings.source("pay"))
    assert isinstance(found, QvicklyClient)
    return found


def test_a_merchant_is_asked_at_the_providers_own_addresses(tmp_path: Path) -> None:
    found = client(tmp_path, PAY, **PORTAL)

    assert (found.base_url, found.portal_url) == ("https://api.qvickly.io/", "https://api.online.billmate.se/")
    assert found.login is not None and found.login.url == "https://auth.billmate.se/"
    assert (found.test, found.rate, found.merchant) == (False, KINDS["qvickly"].rate, "17882")


def test_without_the_portals_login_only_payments_are_asked_for(tmp_path: Path) -> None:
    assert client(tmp_path, PAY).login is None


@pytest.mark.parametrize("half", list(PORTAL))
def test_half_of_the_portals_login_is_refused(tmp_path: Path, half: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"PORTAL_USER and .*PORTAL_PASSWORD"):
        client(tmp_path, PAY, **{half: "x"})


def test_a_sandbox_stands_in_for_the_portal_and_its_login_too(tmp_path: Path) -> None:
    found = client(tmp_path, SANDBOX, **PORTAL)

    assert found.portal_url == "http://127.0.0.1:8090/portal/"
    assert found.login is not None and found.login.url == "http://127.0.0.1:8090/auth/"


@pytest.mark.parametrize("name", ["portal_url", "auth_url"])
def test_a_sandbox_with_a_portal_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"source.pay.api.{name}"):
        client(tmp_path, f'{SANDBOX}{name} = "https://api.example.com/"\n', **PORTAL)


def test_test_mode_and_a_rate_are_taken_from_the_file(tmp_path: Path) -> None:
    found = client(tmp_path, f"{PAY}[source.pay.api]\ntest = true\ncalls_per_minute = 30\n")

    assert (found.test, found.rate) == (True, Rate(30))
