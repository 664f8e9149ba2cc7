"""`billhook up`, seen from a second shell: the demo from nothing, the first effect, taken ports, stopping and being killed."""

import json
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import redis

from receiver.errors import SettingsInvalid
from receiver.settings import Settings
from tests.processes import ROOT, Shell, eventually
from tests.servers import free_port
from workers import demo, runfile
from workers.provoking import Desk
from workers.sandbox.places import sandboxes, servable
from workers.settings import WorkerSettings
from workers.up import configuration, run_up, sandbox_port, unused_ids
from workers.up import free_port as next_free_port

RECORDED = ROOT / "tests/payloads/monsum/webhook_invoice.created.json"

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
def shell(tmp_path: Path) -> Iterator[Shell]:
    """An empty directory; the demo will listen on ports of its own."""
    shell = Shell(tmp_path, BILLHOOK_PORT=str(free_port()))
    yield shell


def ready(shell: Shell) -> None:
    eventually(lambda: "billhook is ready" in shell.said(), why=shell.said)


def done(shell: Shell, invoice: str) -> list[dict[str, str]]:
    return [row for row in shell.json("effects", "--invoice", invoice) if row["state"] == "done"]


def triggered(shell: Shell) -> str:
    """The id of an invoice completed now, whose effect is done. The log is looked at before the command, which takes a second each time."""
    before = shell.said().count("effect settled")
    [made] = shell.json("trigger", "invoice.completed", "--source", demo.SOURCE)
    eventually(lambda: shell.said().count("effect settled") > before, why=shell.said)
    eventually(lambda: done(shell, made["invoice_id"]), why=shell.said)
    return str(made["invoice_id"])


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, int, int]]:
    """`up` ready for every test that asks: its shell, its process id, and the port it should have had, which another holds.

    Three sources of the demo are sandboxes: two at one port, one at another.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shell = Shell(tmp_path_factory.mktemp("up"), BILLHOOK_PORT=str(port))
        with_more_sandboxes(shell.place)
        with shell.running("up") as up:
            ready(shell)
            yield shell, up.pid, port


def with_more_sandboxes(place: Path) -> None:
    """Add a Qvickly at the port of the demo's sandbox, and an AutoDNS at one of its own."""
    path = place / demo.write(place)
    more = """
[source.pay]
kind = "qvickly"
[source.pay.api]
sandbox = true
base_url = "http://127.0.0.1:8090/qvickly"
[source.nic]
kind = "autodns"
[source.nic.api]
sandbox = true
base_url = "http://127.0.0.1:PORT/v1"
"""
    path.write_text(path.read_text().replace("[policy.", more.replace("PORT", str(free_port())) + "\n[policy.", 1))
    secrets = {"DOOR_PAY_SIGNING": "key-of-pay-0123456789", "DOOR_NIC_PATH": "c0ffee-c0ffee-1234567890", "API_PAY_USER": "17882"}
    secrets |= {"API_PAY_KEY": "key-of-pay-0123456789", "API_NIC_USER": "reseller", "API_NIC_KEY": "key-of-nic-0123456789"}
    for name, value in secrets.items():
        (place / demo.SECRETS / f"BILLHOOK_{name}").write_text(value)


def test_from_an_empty_directory_to_the_first_effect_and_a_quiet_end(shell: Shell) -> None:
    with shell.running("up") as up:
        eventually((shell.place / ".billhook/demo.toml").exists, why=shell.said)
        made = triggered(shell)
        story = shell.billhook("explain", f"invoice:{made}")
        children = psutil.Process(up.pid).children(recursive=True)
        up.send_signal(signal.SIGINT)
        code = up.wait(35)
        gone, alive = psutil.wait_procs(children, timeout=5)

    assert [word for word in ("delivery", "event", "run", "effect") if word not in story] == []
    assert "invoice.completed" in story and "done" in story
    assert code == 0
    assert len(gone) >= 5 and not alive


@pytest.mark.slow
def test_after_a_kill_nobody_is_left_and_it_goes_on(shell: Shell) -> None:
    with shell.running("up") as up:
        made = triggered(shell)
        children = psutil.Process(up.pid).children(recursive=True)
        up.kill()
        up.wait()
        gone, alive = psutil.wait_procs(children, timeout=30)

    assert len(gone) >= 5 and not alive

    with shell.running("up"):
        again = triggered(shell)
        recorded = shell.json("trigger", "--file", str(RECORDED))
        eventually(lambda: shell.json("events", "--invoice", recorded[0]["invoice_id"], "--type", "invoice.completed"), why=shell.said)

    assert made != again
    assert len(done(shell, made)) == 1
    assert shell.json("doctor")[0]["state"] == "fine"


def test_what_it_prints_can_be_pasted_and_a_taken_port_moves(moved: tuple[Shell, int, int]) -> None:
    shell, _, port = moved
    said = shell.said()
    running = runfile.read(shell.place / demo.DATA)
    findings = shell.json("doctor")

    assert f"Port {port} is taken: the receiver listens on " in said
    assert running is not None and running.receiver != f"http://127.0.0.1:{port}"
    assert f"{running.receiver}/webhooks/sandbox/" in said
    assert f"cd {shell.place}" in said and " trigger invoice.completed" in said
    assert [finding for finding in findings if finding["state"] == "wrong"] == []


def test_the_run_file_names_the_configuration_in_use(moved: tuple[Shell, int, int]) -> None:
    shell, pid, _ = moved

    running = runfile.read(shell.place / demo.DATA)

    assert running is not None and (running.pid, running.config) == (pid, str((shell.place / demo.CONFIG).resolve()))


def test_a_real_account_beside_the_demo_is_told_whose_receiver_has_the_port_and_how_to_go_on(moved: tuple[Shell, int, int]) -> None:
    shell, pid, _ = moved
    running = runfile.read(shell.place / demo.DATA)
    assert running is not None
    config = real_account(shell.place / "real", str(urlsplit(running.receiver).port))
    beside = Shell(shell.place)

    findings = json.loads(beside.billhook("--config", str(config), "doctor", "--json", code=1))
    refused = beside.billhook("--config", str(config), "up", code=2)

    [found] = [finding for finding in findings if finding["area"] == "receiver"]
    assert f"is the receiver of {shell.place.resolve() / demo.CONFIG} (process {pid}), not of {config}" in found["text"]
    assert f"port {urlsplit(running.receiver).port} of 127.0.0.1 is taken by the demo (process {pid}): stop it with Ctrl-C" in refused


def test_all_sandboxes_are_one_process_and_each_notifies_its_own_door(moved: tuple[Shell, int, int]) -> None:
    shell, pid, _ = moved
    served = [child for child in psutil.Process(pid).children() if "sandbox" in child.cmdline()]
    running = runfile.read(shell.place / demo.DATA)
    assert running is not None

    desks = [Desk(source=name, url=url) for name, url in sorted(running.sandboxes.items())]
    with ExitStack() as stack:
        nic, pay, sandbox = [stack.enter_context(closing(desk.client)) and desk for desk in desks]
        nic.told("clock", {"advance_s": 7200})
        nic.told("trigger", {"kind": "order.succeeded"})
        pay.told("trigger", {"kind": "payment.created"})
        sandbox.told("trigger", {"kind": "customer.created"})
        for desk in desks:
            eventually(lambda there=desk: there.shown("notifications")["notifications"][0]["taken"], why=shell.said)  # type: ignore[misc]
        clock = pay.shown("clock")

    assert len(served) == 1 and pay.url == sandbox.url != nic.url
    assert datetime.fromisoformat(clock["now"]) > datetime.now(UTC) + timedelta(hours=1)


def test_a_second_up_on_the_same_data_is_refused(moved: tuple[Shell, int, int]) -> None:
    shell, pid, _ = moved

    refused = shell.billhook("up", code=2)

    assert f"already runs on {demo.DATA} (process {pid})" in refused


def test_a_role_that_dies_is_started_again(moved: tuple[Shell, int, int]) -> None:
    shell, pid, _ = moved
    workers = [child for child in psutil.Process(pid).children() if child.cmdline()[-1:] == ["worker"]]
    workers[0].kill()

    eventually(lambda: "a process ended and is started again" in shell.said(), why=shell.said)
    triggered(shell)


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """The billhook.toml of a real account."""
    return real_account(tmp_path, str(free_port()))


def real_account(place: Path, port: str) -> Path:
    """A directory's billhook.toml with one real source, whose provider nobody reaches."""
    for name in ("secrets", "data"):
        (place / name).mkdir(parents=True)
    secrets = {
        "BILLHOOK_DOOR_SHOP_PATH": "c0ffee-c0ffee-1234567890",
        "BILLHOOK_API_SHOP_USER": "owner@example.com",
        "BILLHOOK_API_SHOP_KEY": "k",
    }
    for name, value in secrets.items():
        (place / "secrets" / name).write_text(value)
    toml = place / "billhook.toml"
    toml.write_text(f"""[billhook]
database = "sqlite:///{place}/data/billhook.db"
data_dir = "{place}/data"
ledger_head_dir = "{place}/heads"
secrets_dir = "{place}/secrets"
[billhook.receiver]
port = {port}
[source.shop]
kind = "monsum"
[source.shop.api]
base_url = "http://127.0.0.1:1/api.php"
[policy.auto-send]
mode = "observe"
""")
    return toml


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


@pytest.mark.slow
def test_a_role_that_refuses_its_configuration_later_ends_everything(account: Path) -> None:
    shell = Shell(account.parent)
    with shell.running("up") as up:
        ready(shell)
        eventually(lambda: "worker ready" in shell.said() and "sweeper ready" in shell.said(), why=shell.said)
        account.write_text(account.read_text() + "hold_minuts = 5\n")
        children = psutil.Process(up.pid).children(recursive=True)
        [worker] = [child for child in children if child.cmdline()[-1:] == ["worker"]]
        worker.kill()
        code = up.wait(60)
        _, alive = psutil.wait_procs(children, timeout=5)

    said = shell.said()
    assert code == 2 and not alive
    assert said.count("policy.auto-send.hold_minuts cannot be used") == 1
    assert "the worker refuses to run, so everything was stopped" in said.splitlines()[-1]


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
