"""A backup restored under real processes: nothing that was done after it is called again until a person says so."""

import sqlite3
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.processes import MAIL_AT_ONCE, Shell, eventually, write_secrets
from tests.servers import free_port

CONFIG = """
[billhook]
database = "sqlite:///data/billhook.db"
data_dir = "data"
ledger_head_dir = "heads"
secrets_dir = "secrets"

[billhook.receiver]
port = {door}

[source.shop]
kind = "monsum"

[source.shop.api]
sandbox = true
calls_per_minute = 60000
base_url = "http://127.0.0.1:{provider}/api/1.0/api.php"
"""
ROLES = ("receiver", "worker", "sweeper")


@pytest.fixture
def provider(tmp_path: Path) -> int:
    """The port of a provider that outlives billhook."""
    port = free_port()
    (tmp_path / "billhook.toml").write_text(CONFIG.format(door=free_port(), provider=port) + MAIL_AT_ONCE)
    (tmp_path / "data").mkdir()
    write_secrets(tmp_path / "secrets")
    return port


def answers(url: str) -> bool:
    """Whether somebody is there."""
    try:
        return httpx.get(url).is_success
    except httpx.HTTPError:
        return False


def sent(provider: int) -> Counter[str]:
    """How often each invoice went out."""
    return Counter(row["invoice_id"] for row in httpx.get(f"http://127.0.0.1:{provider}/_sandbox/sent").json()["sent"])


def complete(shell: Shell, provider: int, count: int) -> None:
    """So many invoices are completed and sent."""
    before = sent(provider).total()
    shell.billhook("trigger", "invoice.completed", "--source", "shop", "--count", str(count))
    eventually(lambda: sent(provider).total() == before + count, why=lambda: shell.said("worker") + shell.said("receiver"))
    eventually(lambda: not shell.json("effects", "--state", "calling"), why=lambda: shell.said("worker"))


@pytest.mark.slow
def test_ten_effects_after_the_backup_are_shown_proposed_and_called_only_with_a_word(tmp_path: Path, provider: int) -> None:
    shell = Shell(tmp_path)
    database, backup = tmp_path / "data" / "billhook.db", tmp_path / "backup.db"
    door = f"http://127.0.0.1:{(tmp_path / 'billhook.toml').read_text().partition('port = ')[2].split()[0]}"
    shell.billhook("migrate")
    with shell.running("sandbox", "--source", "shop", "--port", str(provider), "--receiver", door, log="sandbox"):
        eventually(lambda: answers(f"http://127.0.0.1:{provider}/_sandbox/health"), why=lambda: shell.said("sandbox"))
        with ExitStack() as roles:
            for role in ROLES:
                roles.enter_context(shell.running(role, log=role))
            eventually(lambda: answers(f"{door}/readyz"), why=lambda: shell.said("receiver"))
            complete(shell, provider, 2)
            with sqlite3.connect(database) as source, sqlite3.connect(backup) as target:
                source.backup(target)
            complete(shell, provider, 10)
        for leftover in database.parent.glob("billhook.db*"):
            leftover.unlink()
        backup.rename(database)

        with ExitStack() as roles:
            for role in ROLES:
                roles.enter_context(shell.running(role, log=f"{role}-again"))
            eventually(lambda: answers(f"{door}/readyz"), why=lambda: shell.said("receiver-again"))
            eventually(lambda: "effects frozen" in shell.said("worker-again") + shell.said("sweeper-again"))
            shell.billhook("trigger", "invoice.completed", "--source", "shop")
            looked = shell.json("unfreeze")
            held = sent(provider)
            shell.billhook("unfreeze", "--yes", "--reason", "compared with the provider")
            proposed = eventually(lambda: len(found := shell.json("approvals")) == 11 and found, why=lambda: shell.said("worker-again"))
            shell.billhook("trigger", "invoice.completed", "--source", "shop")
            eventually(lambda: sent(provider).total() == 13, why=lambda: shell.said("worker-again"))
            shell.billhook("approve", proposed[0]["id"])
            eventually(lambda: sent(provider).total() == 14, why=lambda: shell.said("worker-again"))
            in_the_end, proof = sent(provider), shell.billhook("prove")

    assert looked[0]["differ"] >= 10
    assert 20 <= looked[0]["lost_rows"] <= 30  # what was settled after the last call is in no head outside
    assert held.total() == 12
    assert {row["reason"] for row in proposed} == {"restored"}
    assert sorted(in_the_end.values())[:-1] == [1] * 12  # only the approved one went out again
    assert in_the_end.total() == 14
    assert proof
