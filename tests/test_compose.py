"""docker-compose.yml: its very commands, as processes on a real PostgreSQL and Redis, carry one event through."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.processes import MAIL_AT_ONCE, ROOT, Shell, eventually, write_secrets
from tests.servers import free_port

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
ROLES = ("receiver", "worker", "sweeper")

CONFIG = """
[source.shop]
kind = "monsum"

[source.shop.api]
sandbox = true
base_url = "http://127.0.0.1:{port}/api/1.0/api.php"
"""


@pytest.fixture
def deployment(tmp_path: Path, empty_postgres_url: str, redis_url: str) -> tuple[Shell, int]:
    """A directory as the containers see it, and the port of the provider. Paths and addresses of this machine stand for the containers'."""
    provider = free_port()
    secrets = tmp_path / "secrets"
    (tmp_path / "billhook.toml").write_text(CONFIG.format(port=provider) + MAIL_AT_ONCE)
    write_secrets(secrets, BILLHOOK_DATABASE=empty_postgres_url)
    here = {
        "/etc/billhook/billhook.toml": str(tmp_path / "billhook.toml"),
        "/run/billhook/secrets": str(secrets),
        "/run/billhook/BILLHOOK_DATABASE": str(secrets / "BILLHOOK_DATABASE"),
        "redis://redis:6379/0": redis_url,
        "/var/lib/billhook/data": str(tmp_path / "data"),
        "/var/lib/billhook/ledger-head": str(tmp_path / "heads"),
        "0.0.0.0": "127.0.0.1",
        "8080": str(free_port()),
    }
    environ = {name: here.get(value, value) for name, value in SERVICES["receiver"]["environment"].items()}
    return Shell(tmp_path, **environ), provider


@pytest.mark.slow  # make check runs it
def test_its_commands_carry_one_event_through_on_postgresql_and_redis(deployment: tuple[Shell, int]) -> None:
    shell, provider = deployment
    door = f"http://127.0.0.1:{shell.environ['BILLHOOK_PORT']}"

    early = shell.billhook(*SERVICES["worker"]["command"], code=2)
    shell.billhook(*SERVICES["migrate"]["command"])
    with ExitStack() as running:
        running.enter_context(shell.running("sandbox", "--source", "shop", "--port", str(provider), "--receiver", door, log="sandbox"))
        for role in ROLES:
            running.enter_context(shell.running(*SERVICES[role]["command"], log=role))
        config = shell.place / "billhook.toml"
        config.write_text(config.read_text() + CONSOLE)
        port = free_port()
        shell.environ = {**shell.environ, "BILLHOOK_CONSOLE_PORT": str(port)}
        running.enter_context(shell.running(*SERVICES["console"]["command"], log="console"))
        [made] = shell.json("trigger", "invoice.completed", "--source", "shop")
        eventually(lambda: "effect settled" in shell.said("worker") + shell.said("sweeper"), why=lambda: shell.said("worker"))
        effects = eventually(lambda: shell.json("effects", "--state", "done"), why=lambda: shell.said("worker") + shell.said("sweeper"))
        answer = eventually(lambda: ask(f"http://127.0.0.1:{port}/runs"), why=lambda: shell.said("console"))
        findings = shell.json("doctor")

    assert "billhook migrate" in early
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
    assert [(row["service"], row["object_id"]) for row in effects] == [("invoice.sendbyemail", made["invoice_id"])]
    assert [finding for finding in findings if finding["state"] == "wrong"] == []
    assert list((shell.place / "heads").glob("*.head"))


CONSOLE = """
[billhook.console]
host = "0.0.0.0"
login = "accounts"
"""


def test_the_console_is_not_opened_to_others_without_a_log_in(deployment: tuple[Shell, int]) -> None:
    shell, _ = deployment
    config = shell.place / "billhook.toml"
    config.write_text(config.read_text() + CONSOLE.replace('login = "accounts"', ""))

    assert 'login = "accounts"' in shell.billhook(*SERVICES["console"]["command"], code=2)


def ask(url: str) -> httpx.Response | None:
    try:
        return httpx.get(url, trust_env=False)
    except httpx.TransportError:
        return None


def test_what_is_mounted_from_here_is_here() -> None:
    mounted = {part.partition(":")[0] for service in SERVICES.values() for part in service.get("volumes", [])}
    ours = {path for path in mounted if path.startswith("./ops/")}

    assert ours
    assert {path for path in ours if not (ROOT / path).is_file()} == set()


def test_every_role_waits_for_the_one_migration() -> None:
    for role in ROLES:
        waits = SERVICES[role]["depends_on"]
        assert waits["migrate"] == {"condition": "service_completed_successfully"}
        assert waits["redis"] == {"condition": "service_healthy"}
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["migrate"]["restart"] == "no"


def test_redis_keeps_every_hint() -> None:
    command = SERVICES["redis"]["command"]

    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


def test_the_receiver_sees_no_secret_of_a_provider_and_no_ledger() -> None:
    mounts = " ".join(SERVICES["receiver"]["volumes"])

    assert "./secrets/door:" in mounts
    assert "./secrets/api" not in mounts and "ledger-head:" not in mounts


def test_those_who_act_share_a_place_for_the_ledgers_heads_outside_the_database() -> None:
    for role in ("worker", "sweeper"):
        assert "ledger-head:/var/lib/billhook/ledger-head" in SERVICES[role]["volumes"]
    assert "ledger-head" in COMPOSE["volumes"]


def test_the_door_is_published_on_the_loopback_address_only() -> None:
    assert SERVICES["receiver"]["ports"] == ["127.0.0.1:8080:8080"]


NOBODY = 65534
# Imported first: whoever the process becomes may not be able to enter the directories of Python and of this checkout.
ROLE = {
    "receiver": "from receiver.__main__ import main as start",
    "worker": "import workers.cli.main as cli; import workers.loading as r; r.load_folders(); start = lambda: cli.run(['worker'])",
}
SECRET_OF = {"receiver": "BILLHOOK_DOOR_SHOP_PATH", "worker": "BILLHOOK_API_SHOP_USER"}


@pytest.fixture
def mounted() -> Iterator[Path]:
    """A directory as a container sees it, which every user may enter: billhook.toml and secrets."""
    with tempfile.TemporaryDirectory(prefix="bh-mounted-") as name:
        place = Path(name)
        (place / "secrets").mkdir()
        (place / "billhook.toml").write_text('[source.shop]\nkind = "monsum"\n')
        for path in (place, *place.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        yield place
        (place / "secrets").chmod(0o777)


def start_as_another(role: str, place: Path) -> subprocess.CompletedProcess[str]:
    """The role, run by somebody who owns nothing here: as root, who may read everything, by nobody."""
    become = f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})" if os.geteuid() == 0 else "pass"
    loaded = "import workers.cli.main; workers.cli.main.run(['worker', '--help'])" if role == "worker" else "pass"  # typer imports late
    script = f"import os, sys\n{ROLE[role]}\n{loaded}\n{become}\nsys.exit(start())"
    environ = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environ |= {"PYTHONPATH": str(ROOT), "BILLHOOK_CONFIG": str(place / "billhook.toml"), "BILLHOOK_SECRETS_DIR": str(place / "secrets")}
    environ |= {"BILLHOOK_DATABASE": f"sqlite:///{place}/billhook.db", "BILLHOOK_DATA_DIR": str(place), "BILLHOOK_PORT": "0"}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow  # make check runs it
@pytest.mark.parametrize("role", ["receiver", "worker"])
def test_a_role_that_may_not_enter_the_directory_of_its_secrets_says_which_file_and_for_whom(role: str, mounted: Path) -> None:
    (mounted / "secrets" / SECRET_OF[role]).write_text("c0ffee-c0ffee-1234567890")
    (mounted / "secrets").chmod(0)

    ended = start_as_another(role, mounted)

    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert re.search(rf"the file of BILLHOOK_\w+ cannot be read: {mounted}/secrets/\w+: Permission denied: let user {user}, ", ended.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["receiver", "worker"])
def test_a_directory_in_a_secrets_place_is_named_too(role: str, mounted: Path) -> None:
    (mounted / "secrets" / SECRET_OF[role]).mkdir()

    ended = start_as_another(role, mounted)

    assert ended.returncode == 2, ended.stderr
    assert f"{mounted}/secrets/{SECRET_OF[role]} is a directory: remove it" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_user_of_the_image_is_the_one_the_secrets_are_given_to() -> None:
    dockerfile, page = (ROOT / "Dockerfile").read_text(), (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    [made], [user] = re.findall(r"useradd --uid (\d+)", dockerfile), re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)

    given = re.search(r"chown -R (\d+) (.+)", page)

    assert given is not None
    assert {made, user} == {given[1]}
    assert re.findall(r"as user (\d+) in their containers", page) == [made]
    mounts = {mount.split(":")[0] for role in ROLES for mount in SERVICES[role]["volumes"] if "secrets" in mount.split(":")[0]}
    assert {f"./{path}" for path in given[2].split()} == mounts
