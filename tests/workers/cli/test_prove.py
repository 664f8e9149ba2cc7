"""`billhook prove`: exit codes, what is printed, and the way of a ledger out of the house."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.cli.conftest import Billhook, Made
from workers import chain
from workers.chain import EffectLog, OutsideHead


@pytest.fixture
def heads(place: Path, store: Database, made: Made) -> Path:
    """Where a worker kept the head of the log."""
    outside = OutsideHead(place / ".billhook" / "ledger-head", "worker")
    with store.read() as connection:
        outside.keep(chain.inside_head(connection))
    outside.close()
    return place / ".billhook" / "ledger-head"


def tamper(store: Database) -> None:
    store.write(lambda c: c.execute(sa.update(table_of(EffectLog)).values(actor="somebody else")))


def test_a_good_database_exits_zero_and_says_what_cannot_be_shown(billhook: Billhook, heads: Path) -> None:
    printed = billhook("prove")

    assert printed.code == 0, printed.out
    assert "1 log rows" in printed.out
    assert "compared with 1 heads kept outside" in printed.out
    assert "not shown   12  replaying a journal on the same code writes nothing (needs the code" in printed.out
    assert "Not vouched for, whatever stands above:" in printed.out
    assert "  - an event changed together with its data" in printed.out


def test_a_changed_row_exits_one_and_is_named(billhook: Billhook, heads: Path, store: Database) -> None:
    tamper(store)

    printed = billhook("prove")

    assert printed.code == 1
    assert "→ row 1: its content is not what its hash was made of" in printed.out


def test_json_holds_every_invariant_and_every_finding(billhook: Billhook, heads: Path, store: Database) -> None:
    tamper(store)

    said = billhook("prove", "--json").json

    assert (said["clean"], said["looked_at"]["effects"]) == (False, 1)
    assert [(one["invariant"], one["result"]) for one in said["invariants"] if one["result"] != "holds"] == [
        (0, "broken"), (1, "not shown"), (12, "not shown"), (13, "not shown"),
    ]  # fmt: skip
    assert [(one["seq"], one["subject"]) for one in said["findings"]] == [(1, "row 1")]


@pytest.mark.parametrize("one_file", [True, False])
def test_an_exported_ledger_is_verified_without_a_database(
    billhook: Billhook, heads: Path, store: Database, place: Path, one_file: bool
) -> None:
    assert billhook("prove", "--export", "ledger.jsonl").code == 0
    store.close()
    for file in place.glob("billhook.*"):
        file.unlink()
    head = heads / "worker.head" if one_file else heads

    assert billhook("prove", "--ledger", "ledger.jsonl", "--head", str(head)).code == 0
    (place / "ledger.jsonl").write_bytes((place / "ledger.jsonl").read_bytes().replace(b"proposed", b"approved"))
    changed = billhook("prove", "--ledger", "ledger.jsonl", "--head", str(head), "--json")

    assert changed.code == 1
    assert changed.json["findings"][0]["seq"] == 1
    assert {one["result"] for one in changed.json["invariants"] if one["invariant"] in (2, 5, 11)} == {"not shown"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--ledger", "nowhere"], "there is no file nowhere"),
        (["--head", "nowhere"], "there is no nowhere"),
        (["--ledger", "taken", "--export", "new"], "leave out --ledger"),
        (["--export", "taken"], "taken is there already"),
        (["--export", "no/such/folder"], "cannot be written"),
        (["--ledger", "taken", "--head", "taken"], "holds no head that can be read"),
        (["--head", "taken"], "takes the directory of heads"),
    ],
)
def test_wrong_usage_exits_two_and_says_what_to_write(billhook: Billhook, heads: Path, place: Path, words: list[str], says: str) -> None:
    (place / "taken").write_text("")

    printed = billhook("prove", *words)

    assert printed.code == 2
    assert says in " ".join(printed.err.replace("│", " ").split())


def test_a_database_file_that_is_torn_is_said_in_one_sentence(billhook: Billhook, heads: Path, store: Database, place: Path) -> None:
    store.write(lambda c: c.execute(sa.text("UPDATE effect SET service = CAST(x'ff' AS TEXT)")))

    printed = billhook("prove")

    assert printed.code == 1
    assert "the database cannot be read to its end" in printed.err
