"""README.md: its examples are run as they stand; a sandbox plays the vendor of the second chapter."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.processes import ROOT, Shell, eventually
from tests.servers import free_port

README = (ROOT / "README.md").read_text(encoding="utf-8")
DAY_AND_NIGHT = '\nemail_window = "00:00-24:00"\nplaceholder_domains = []\n'


def example(name: str) -> str:
    """The fenced block that follows `<!-- example: name -->`."""
    found = re.search(rf"<!-- example: {re.escape(name)} -->\n```\w*\n(.*?)```", README, re.DOTALL)
    assert found is not None, name
    return found[1]


@pytest.fixture
def vendor() -> str:
    """Where the vendor's API listens."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def shell(tmp_path: Path, vendor: str) -> Shell:
    """A directory in which somebody followed the chapter up to starting billhook."""
    if shutil.which("openssl") is None:
        pytest.skip("the chapter uses openssl")
    toml = example("billhook.toml").replace("hold_minutes = 15", "hold_minutes = 0") + DAY_AND_NIGHT
    (tmp_path / "billhook.toml").write_text(f'{toml}\n[source.shop.api]\nbase_url = "{vendor}/api/1.0/api.php"\n')
    subprocess.run(["sh", "-e"], input=example("secrets"), text=True, cwd=tmp_path, check=True)
    return Shell(tmp_path, BILLHOOK_PORT=str(free_port()))


def pasted(shell: Shell, block: str) -> str:
    """What a block of lines prints, with this test's interpreter for the one in .venv."""
    lines = block.replace(".venv/bin/billhook", f"{sys.executable} -m workers.cli.main")
    return subprocess.run(["sh", "-e"], input=lines, text=True, cwd=shell.place, env=shell.environ, check=True, capture_output=True).stdout


def completed(vendor: str, **overrides: str) -> str:
    """The id of an invoice that was completed at the vendor's."""
    answer = httpx.post(f"{vendor}/_sandbox/trigger", json={"kind": "invoice.completed", "overrides": overrides}, trust_env=False)
    return str(answer.json()["made"][0]["invoice_id"])


@pytest.mark.slow  # a minute of commands, typed one by one; make check runs it
def test_the_chapter_about_a_real_account_leads_from_observing_to_sending(shell: Shell, vendor: str) -> None:
    door = f"http://127.0.0.1:{shell.environ['BILLHOOK_PORT']}"
    port = vendor.rpartition(":")[2]

    with shell.running("sandbox", "--source", "shop", "--port", port, "--receiver", door, log="vendor"), shell.running("up"):
        eventually(lambda: "billhook is ready" in shell.said(), why=shell.said)
        eventually(lambda: httpx.get(f"{vendor}/_sandbox/health", trust_env=False).status_code == 200)
        existing = completed(vendor)
        connected = pasted(shell, example("connect"))
        refused = shell.billhook("trigger", "invoice.completed", "--source", "shop", code=2)
        eventually(lambda: shell.json("doctor"))
        observed = completed(vendor)
        eventually(lambda: "run ended" in shell.said(), why=shell.said)  # looking there costs less than asking billhook again and again
        eventually(lambda: [run for run in shell.json("runs", "--invoice", observed) if run["status"] == "done"], why=shell.said)
        before = shell.json("effects")
        switched, second = pasted(shell, example("auto")), int(time.time())
        eventually(lambda: int(time.time()) > second)  # the vendor tells whole seconds: in this one, all is "before"
        sent = completed(vendor)
        eventually(lambda: "effect settled" in shell.said(), why=shell.said)
        done = eventually(lambda: shell.json("effects", "--state", "done"), why=shell.said)
        story = shell.billhook("explain", f"invoice:{observed}")
        mails = httpx.get(f"{vendor}/_sandbox/sent", trust_env=False).json()["sent"]

    assert "baseline_at" in connected
    assert "real account" in refused
    assert before == []
    assert re.search(r"invoice\.sendbyemail \d+ by e-mail to \S+@\S+, subject “.+observed: ", story)
    assert re.search(r"shop +auto-send +auto", switched)
    assert [effect["object_id"] for effect in done] == [sent] and existing != sent
    assert len(mails) == 1


def test_the_first_chapter_names_the_two_commands_that_work() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert "\nmake run\n" in README and "\nrun:\n" in makefile
    assert "\n.venv/bin/billhook trigger invoice.completed\n" in README


def test_every_page_it_leads_to_is_there() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#]+)", README))

    assert {path for path in linked if not (ROOT / path).exists()} == set()


def test_every_make_target_it_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    for target in set(re.findall(r"`make (\w+)`", README)):
        assert f"\n{target}:" in makefile, target
