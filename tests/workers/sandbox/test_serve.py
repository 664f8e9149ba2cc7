import socket
from pathlib import Path

import pytest

from receiver.errors import SettingsInvalid
from tests.workers.sandbox.configured import SECRETS, configured
from workers.sandbox.autodns_core import AutodnsSandbox
from workers.sandbox.qvickly_core import QvicklySandbox
from workers.sandbox.sender import ScaledClock
from workers.sandbox.serve import Setup, greeting, listening, login, run, setups, simulated, target_of

RECEIVER = "http://127.0.0.1:8080/"


def all_of(place: Path, old: str = "", new: str = "") -> list[Setup]:
    return setups(configured(place, old, new), receiver=RECEIVER, ids_after=500, environ=SECRETS)


def test_every_source_has_its_own_webhook_url_and_its_own_secrets(tmp_path: Path) -> None:
    shop, pay, nic = all_of(tmp_path)

    assert shop.target is not None and pay.target is not None and nic.target is not None
    assert shop.target.url == "http://127.0.0.1:8080/webhooks/shop/first-live-secret-01"
    assert pay.target.url == "http://127.0.0.1:8080/webhooks/pay"
    assert (nic.target.url, nic.target.user, nic.target.password) == ("http://127.0.0.1:8080/webhooks/nic", "door", "live-password-00001")
    assert [one.key[-1] for one in (shop, pay, nic)] == ["1", "2", "3"]


def test_a_source_narrows_it_and_need_not_be_marked(tmp_path: Path) -> None:
    chosen = configured(tmp_path)

    [pay], [real] = setups(chosen, "pay", environ=SECRETS), setups(chosen, "real", port=8123, environ=SECRETS)

    assert (pay.source, pay.place.url, pay.target) == ("pay", "http://127.0.0.1:8090", None)
    assert (real.source, real.kind, real.place.url) == ("real", "fastbill", "http://127.0.0.1:8123")


@pytest.mark.parametrize("source, port, says", [(None, 8123, "--port is for one source"), ("own", None, "no sandbox of kind standard")])
def test_what_cannot_be_served_is_refused(tmp_path: Path, source: str | None, port: int | None, says: str) -> None:
    with pytest.raises(SettingsInvalid, match=says):
        setups(configured(tmp_path), source, port=port, environ=SECRETS)


def test_without_a_source_marked_it_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no source has sandbox = true"):
        setups(configured(tmp_path, "sandbox = true\n"), environ=SECRETS)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(SettingsInvalid, match="BILLHOOK_API_MY_SHOP_KEY"):
        login("my-shop", {}, None)


def test_secrets_come_from_files_too(tmp_path: Path) -> None:
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(value + "\n")

    assert login("pay", {}, tmp_path) == ("17882", "key-of-the-sandbox-2")
    assert target_of("shop", RECEIVER, {}, tmp_path).url.endswith("/first-live-secret-01")


def test_it_says_where_each_listens_and_shows_no_secret(tmp_path: Path) -> None:
    served = all_of(tmp_path)

    said = greeting(served)

    for line in ("shop (monsum): http://127.0.0.1:8090/api/1.0/api.php", "pay (qvickly): http://127.0.0.1:8090/qvickly", "are sent"):
        assert line in said
    assert "live-secret" not in said + repr(served) and "key-of-the" not in said + repr(served)
    assert "wait" in greeting(setups(configured(tmp_path), environ=SECRETS))


def test_each_is_of_its_own_kind_on_the_one_clock_with_ids_of_its_own(tmp_path: Path) -> None:
    clock = ScaledClock()

    made = [simulated(one, clock) for one in all_of(tmp_path)]

    assert [one.sandbox.kind for one in made] == ["monsum", "qvickly", "autodns"]
    assert all(one.sandbox.clock is clock and one.sender is not None for one in made)
    assert all(min(one.sandbox.account.ids.values()) >= 500 for one in made)
    assert isinstance(made[1].sandbox, QvicklySandbox) and isinstance(made[2].sandbox, AutodnsSandbox)


def test_an_autodns_source_that_polls_is_pushed_nothing(tmp_path: Path) -> None:
    pushed = simulated(all_of(tmp_path)[2], ScaledClock()).sandbox
    polled = simulated(all_of(tmp_path, "context = 9", "poll = true\npoll_exclusive = true")[2], ScaledClock()).sandbox

    assert isinstance(pushed, AutodnsSandbox) and isinstance(polled, AutodnsSandbox)
    assert (pushed.style, polled.style) == ("json", "poll")


def test_an_autodns_source_is_asked_for_its_own_context(tmp_path: Path) -> None:
    user = simulated(all_of(tmp_path)[2], ScaledClock()).sandbox
    assert isinstance(user, AutodnsSandbox)

    statuses = [user.handle("GET", "account", ("reseller", "key-of-the-sandbox-3"), context, b"").status for context in ("9", "4")]

    assert statuses == [200, 401]


def test_sources_share_a_socket_and_a_taken_port_is_refused_with_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        ports = [taken.getsockname()[1], free.getsockname()[1]]
        free.close()
        both = configured(tmp_path, ":8090", f":{ports[1]}")

        opened = listening(setups(both, "shop", environ=SECRETS) + setups(both, "pay", environ=SECRETS))
        for one in opened:
            one.close()
        with pytest.raises(SettingsInvalid, match=r"source.pay.api.base_url"):
            listening(setups(configured(tmp_path, ":8090", f":{ports[0]}"), "pay", environ=SECRETS))

    assert [one.family for one in opened] == [socket.AF_INET]


def test_a_scale_that_stands_still_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="--scale 0"):
        run(all_of(tmp_path), 0)
