"""What `billhook up` refuses before anything is started, the demo's files, and ports. At work it is seen in test_up_running.py."""

import os
import socket
import stat
import time
from pathlib import Path

import pytest
import redis

from receiver.errors import SettingsInvalid
from receiver.settings import Settings
from tests.processes import real_account
from tests.servers import free_port
from workers import demo, runfile
from workers.sandbox.places import sandboxes, servable
from workers.settings import WorkerSettings
from workers.up import Up, configuration, run_up, sandbox_port, unused_ids
from workers.up import free_port as next_free_port

PAY = """
[source.pay]
kind = "qvickly"
[source.pay.api]
sandbox = true
base_url = "http://127.0.0.1:{port}/qvickly"
auth_url = "http://127.0.0.1:{port}/"
portal_url = "http://127.0.0.1:{port}9/"
"""


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """The billhook.toml of a real account."""
    return real_account(tmp_path, str(free_port()))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('mode = "observe"', 'mode = "observe"\nhold_minuts = 5', "policy.auto-send.hold_minuts cannot be used"),
        ('kind = "monsum"', 'kind = "monsum"\n[source.other]\nkind = "standard"', "source other has no signing secret"),
        ('kind = "monsum"', 'kind = "monsum"\n[source.mine]\nkind = "fastbill"', "source mine lets anybody in"),
        ('data_dir = "', 'redis = "nonsense"\ndata_dir = "', "billhook.redis cannot be used"),
        ('data_dir = "', 'data_dir = "/proc/nope', "billhook.data_dir /proc/nope"),
        ('"sqlite:///', '"sqlite:////proc/nope/', "the folder of the database /proc/nope/"),
    ],
)
def test_what_a_role_would_refuse_is_said_before_anything_is_started(
    account: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, says: str
) -> None:
    account.write_text(account.read_text().replace(old, new, 1))

    with pytest.raises(SettingsInvalid) as caught:
        run_up(account, {})

    assert says in str(caught.value)
    assert "ready" not in capsys.readouterr().out
    assert runfile.read(account.parent / "data") is None


def test_a_missing_api_login_and_a_redis_that_evicts_are_said_before_anything_is_started(account: Path, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(SettingsInvalid, match="evicts keys"):
            run_up(account, {"BILLHOOK_REDIS": redis_url})
        client.config_set("maxmemory-policy", "noeviction")

    (account.parent / "secrets" / "BILLHOOK_API_SHOP_KEY").unlink()
    with pytest.raises(SettingsInvalid, match="BILLHOOK_API_SHOP_KEY"):
        run_up(account, {})


def test_a_real_accounts_port_does_not_move(account: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(SettingsInvalid, match=rf"port {port} of 127\.0\.0\.1 is taken by another program: free it"):
            run_up(account, {"BILLHOOK_PORT": str(port)})

    assert not list(account.parent.glob("data/*.db"))


def test_the_demo_with_a_real_source_in_it_does_not_move_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = configuration(None, {})
    path.write_text(path.read_text() + '\n[source.shop]\nkind = "monsum"\n')
    for name in ("DOOR_SHOP_PATH", "API_SHOP_USER", "API_SHOP_KEY"):
        (demo.SECRETS / f"BILLHOOK_{name}").write_text("c0ffee-c0ffee-1234567890")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(SettingsInvalid, match="is taken"):
            run_up(None, {"BILLHOOK_PORT": str(taken.getsockname()[1])})


def test_the_demo_shares_no_place_with_a_real_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    theirs, ours = WorkerSettings(configuration(None, {}), {}).settings, Settings(environ={})

    for name in ("database", "data_dir", "ledger_head_dir", "secrets_dir"):
        assert getattr(theirs, name) != getattr(ours, name)
    assert {file.relative_to(tmp_path).parts[:2] for file in tmp_path.rglob("*") if file.is_file()} == {
        (".billhook", "demo"), (".billhook", "demo.toml"),
    }  # fmt: skip


def test_the_demo_is_written_once_with_secrets_only_its_owner_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = configuration(None, {})
    before = {file: file.read_text() for file in Path(".billhook").rglob("*") if file.is_file()}

    again = configuration(None, {})

    assert again == path == Path(".billhook/demo.toml")
    assert {file: file.read_text() for file in before} == before
    assert {stat.S_IMODE(file.stat().st_mode) for file in demo.SECRETS.iterdir()} == {0o600}
    chosen = WorkerSettings(path, {})
    assert list(sandboxes(chosen)) == ["sandbox"]
    assert chosen.settings.all_door_secrets()["sandbox"].paths


def test_a_named_configuration_that_is_missing_is_not_replaced_by_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SettingsInvalid, match="no configuration at"):
        configuration(None, {"BILLHOOK_CONFIG": "missing.toml"})

    assert not Path(".billhook").exists()


def test_a_sandbox_is_served_beside_a_real_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = configuration(None, {})
    path.write_text(path.read_text() + '\n[source.shop]\nkind = "monsum"\n')
    chosen = WorkerSettings(path, {})

    assert list(servable(chosen, sandboxes(chosen))) == ["sandbox"]


def test_a_sandbox_that_cannot_answer_where_it_is_said_to_be_is_told_before_anything_is_started(account: Path) -> None:
    account.write_text(account.read_text().replace("[source.shop.api]", "[source.shop.api]\nsandbox = true"))

    with pytest.raises(SettingsInvalid, match=r"source.shop.api.base_url must be http://127.0.0.1:1/api/1.0/api.php"):
        run_up(account, {})

    assert not list(account.parent.glob("data/*.db"))


def test_the_console_listens_where_the_environment_says(account: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    up = Up(WorkerSettings(account, {}), account, {"BILLHOOK_CONSOLE_PORT": str(port)})

    up.choose_port()

    assert up._environ["BILLHOOK_CONSOLE_PORT"] == str(port) and "is taken" not in capsys.readouterr().out


def test_in_the_demo_a_taken_port_of_a_sandbox_moves_and_no_other_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = configuration(None, {})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        path.write_text(path.read_text().replace("8090", str(port)) + PAY.format(port=port))

        moved = sandbox_port(path, "sandbox", ("127.0.0.1", port), {port + 1})

    there = sandboxes(WorkerSettings(path, {}))
    assert moved > port + 1
    assert (there["sandbox"].port, there["pay"].port) == (moved, moved)
    assert f'auth_url = "http://127.0.0.1:{moved}/"' in path.read_text()
    assert f'portal_url = "http://127.0.0.1:{port}9/"' in path.read_text()


def test_a_real_configurations_sandbox_does_not_move(account: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(SettingsInvalid, match=r"change source.shop.api.base_url in .*billhook.toml"):
            sandbox_port(account, "shop", ("127.0.0.1", taken.getsockname()[1]), ())


def test_a_free_port_is_kept_and_a_taken_one_left_to_its_holder() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        moved = next_free_port("127.0.0.1", port)

    assert moved > port
    assert next_free_port("127.0.0.1", moved) == moved


def test_a_port_that_another_role_was_promised_is_not_taken() -> None:
    port = free_port()

    assert next_free_port("127.0.0.1", port, {port}) > port


def test_an_address_that_is_not_ours_is_refused_with_the_setting_to_change() -> None:
    with pytest.raises(SettingsInvalid, match=r"\[billhook.receiver\]"):
        next_free_port("192.0.2.1", 8080)


def test_a_sandbox_started_later_uses_other_ids() -> None:
    now_s = time.time()

    assert unused_ids(now_s + 1) - unused_ids(now_s) >= 100


def test_the_run_file_of_a_process_that_ended_counts_for_nothing(tmp_path: Path) -> None:
    runfile.write(tmp_path, runfile.Running(pid=os.getpid(), receiver="http://127.0.0.1:1"))
    here = runfile.read(tmp_path)
    runfile.write(tmp_path, runfile.Running(pid=2**22 - 1, receiver="http://127.0.0.1:1"))

    assert here is not None and here.receiver == "http://127.0.0.1:1"
    assert runfile.read(tmp_path) is None
