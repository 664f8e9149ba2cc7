"""`billhook up` at work, seen from a second shell: the demo from nothing, the first effect, roles that die, and a quiet end."""

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.processes import ROOT, Shell, eventually, real_account
from tests.servers import free_port
from workers import demo, runfile
from workers.provoking import Desk

RECORDED = ROOT / "tests/payloads/monsum/webhook_invoice.created.json"
pytestmark = pytest.mark.slow  # processes by the dozen; make check runs them


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """An empty directory; the demo will listen on ports of its own."""
    shell = Shell(tmp_path, BILLHOOK_PORT=str(free_port()))
    yield shell


def ready(shell: Shell, times: int = 1) -> None:
    eventually(lambda: shell.said().count("billhook is ready") == times, why=shell.said)


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


def test_after_a_kill_nobody_is_left_and_it_goes_on(shell: Shell) -> None:
    with shell.running("up") as up:
        ready(shell)
        made = triggered(shell)
        children = psutil.Process(up.pid).children(recursive=True)
        up.kill()
        up.wait()
        gone, alive = psutil.wait_procs(children, timeout=30)

    assert len(gone) >= 5 and not alive

    with shell.running("up"):
        ready(shell, 2)
        again = triggered(shell)
        recorded = shell.json("trigger", "--file", str(RECORDED))
        eventually(lambda: shell.json("events", "--invoice", recorded[0]["invoice_id"], "--type", "invoice.completed"), why=shell.said)

    assert made != again
    assert len(done(shell, made)) == 1
    assert shell.json("doctor")[0]["state"] == "fine"


def test_a_role_that_refuses_its_configuration_later_ends_everything(tmp_path: Path) -> None:
    account = real_account(tmp_path, str(free_port()))
    shell = Shell(tmp_path)
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


def test_it_ends_quietly_with_all_it_started(moved: tuple[Shell, int, int]) -> None:
    shell, pid, _ = moved
    up = psutil.Process(pid)
    children = up.children(recursive=True)
    up.send_signal(signal.SIGINT)
    _, running = psutil.wait_procs([up, *children], timeout=35)

    assert len(children) >= 5 and not running
    assert not (shell.place / demo.DATA / "run.json").exists()
