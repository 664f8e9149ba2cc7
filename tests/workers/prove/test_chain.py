"""The chain in a database: what was tampered with is named by its row, and so is what the heads outside show to be missing."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.prove.stories import change, found, paid, remove
from workers import chain
from workers.chain import Chain, EffectLog, Head, OutsideHead
from workers.prove.examine import examine, examine_ledger
from workers.prove.report import LEDGER

LOG = table_of(EffectLog)


def seqs(database: Database, heads_in: Path | None = None) -> set[int | None]:
    return {one.seq for one in examine(database, heads_in).kept if one.invariant == LEDGER}


@pytest.mark.parametrize("column", [column.name for column in LOG.c if column.name not in ("seq", "at")])
@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_change_of_any_column_of_any_row_names_the_row(sqlite_database: Database, column: str, seq: int) -> None:
    with paid(sqlite_database):
        change(sqlite_database, EffectLog, LOG.c.seq == seq, **{column: "0f"})

        assert seq in seqs(sqlite_database)


def test_a_change_of_the_time_names_the_row(database: Database) -> None:
    with paid(database) as flow:
        change(database, EffectLog, LOG.c.seq == 3, at=flow.clock.now.replace(microsecond=1))

        assert seqs(database) == {3}


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_deleted_row_is_named(database: Database, seq: int) -> None:
    with paid(database):
        remove(database, EffectLog, LOG.c.seq == seq)

        assert seq in seqs(database)


def test_a_row_that_is_no_text_any_more_is_named(sqlite_database: Database) -> None:
    with paid(sqlite_database):
        broken = sa.text("UPDATE effect_log SET reason = CAST(x'ff' AS TEXT) WHERE seq = 2")
        sqlite_database.write(lambda c: c.execute(broken))

        assert 2 in seqs(sqlite_database)


def test_a_row_numbered_anew_is_named(database: Database) -> None:
    with paid(database):
        change(database, EffectLog, LOG.c.seq == 3, seq=7)

        assert {3, 7} <= seqs(database)


def test_a_row_before_the_first_is_named(database: Database) -> None:
    with paid(database):
        change(database, EffectLog, LOG.c.seq == 1, seq=-4)

        assert {-4, 1} <= seqs(database)


def cut_off(database: Database) -> Head:
    """Delete the last row, and have the row of order name the one before: what only a head kept outside shows. The row deleted."""
    with database.read() as connection:
        *_, before, last = chain.links(connection, after=0, limit=10)
    remove(database, EffectLog, LOG.c.seq == last.row.seq)
    change(database, Chain, seq=before.row.seq, hash=before.hash)
    return Head(last.row.seq, last.hash)


def test_the_last_row_deleted_with_all_traces_is_named_by_the_head_kept_outside(database: Database, tmp_path: Path) -> None:
    with paid(database):
        head = cut_off(database)
        assert seqs(database) == {None}
        outside = OutsideHead(tmp_path, "worker")
        outside.keep(head)
        outside.close()

        assert head.seq in seqs(database, tmp_path)


@pytest.mark.parametrize(("row", "said"), [(1, "2 rows lie behind the newest: "), (2, "1 row lies behind"), (3, "no row lies behind")])
def test_the_rows_behind_the_head_outside_are_counted(sqlite_database: Database, tmp_path: Path, row: int, said: str) -> None:
    with paid(sqlite_database):
        with sqlite_database.read() as connection:
            kept = next(chain.links(connection, after=row - 1, limit=1))
        outside = OutsideHead(tmp_path, "worker")
        outside.keep(Head(row, kept.hash))
        outside.close()
        report = examine(sqlite_database, tmp_path, tmp_path / "ledger")
        offline = examine_ledger(tmp_path / "ledger", [Head(row, kept.hash)])

        assert said in report.notes[LEDGER]
        assert report.notes[LEDGER] == offline.notes[LEDGER]


def test_calls_beside_an_empty_directory_of_heads_are_named(database: Database, tmp_path: Path) -> None:
    with paid(database):
        kept = examine(database, tmp_path).kept

        assert [(one.subject, one.what) for one in kept] == [("head", "no ledger head is kept beside a ledger with calls")]


def test_a_directory_that_is_not_here_is_no_finding_but_said(database: Database, tmp_path: Path) -> None:
    with paid(database):
        report = examine(database, tmp_path / "elsewhere")

        assert report.kept == []
        assert "no head was compared" in report.notes[LEDGER]


def test_a_head_an_operator_accepted_is_no_finding(database: Database, tmp_path: Path) -> None:
    with paid(database) as flow:
        outside = OutsideHead(tmp_path, "before")
        outside.keep(Head(99, "f" * 64))
        outside.close()
        assert seqs(database, tmp_path) == {99}

        database.write(lambda c: chain.accept(c, tmp_path, at=flow.clock.now, actor="t"))

        assert seqs(database, tmp_path) == set()


def test_a_row_of_order_that_names_another_row_is_named(database: Database) -> None:
    with paid(database):
        change(database, Chain, seq=2)

        assert (LEDGER, "row 3", "the last row written was row 2, another one") in found(database)
