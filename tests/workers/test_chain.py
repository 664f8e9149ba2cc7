"""The effect log: tampering shows, and a database that lacks what was acted on is found out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.letters import mail, times
from workers import chain, control
from workers.chain import EffectLog, Head, OutsideHead, heads_outside
from workers.prove.chain import check
from workers.prove.report import Report
from workers.testing.flow import START, Flow
from workers.worker import guard_restored


def append(database: Database, after: str, effect_id: str = "e1") -> Head:
    named = {"effect_id": effect_id, "after": after, "request_hash": "0" * 64, "facts": "f" * 64}
    return database.write(lambda c: chain.append(c, before="", at=START, **named))


def broken_at(database: Database) -> int | None:
    """The first row that does not follow from its content and the row before."""
    report = Report()
    check(database, report, None)
    return min((one.seq for one in report.kept if one.seq and one.subject == f"row {one.seq}"), default=None)


def test_every_row_follows_from_the_one_before(database: Database) -> None:
    heads = [append(database, after) for after in ("intended", "calling", "done")]

    assert [head.seq for head in heads] == [1, 2, 3]
    assert broken_at(database) is None


def test_a_changed_row_shows(database: Database) -> None:
    for after in ("intended", "calling", "unknown"):
        append(database, after)
    table = table_of(EffectLog)
    database.write(lambda c: c.execute(sa.update(table).where(table.c.seq == 2).values(after="cancelled")))

    assert broken_at(database) == 2


def test_a_missing_row_shows(database: Database) -> None:
    for after in ("intended", "calling", "unknown"):
        append(database, after)
    table = table_of(EffectLog)
    database.write(lambda c: c.execute(sa.delete(table).where(table.c.seq == 2)))

    assert broken_at(database) == 2


def test_a_log_written_by_the_engine_is_whole() -> None:
    with Flow(mail) as flow:
        flow.sandbox.faults.add("refuse", "invoice.sendbyemail", times=2)
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        assert broken_at(flow.db) is None


def test_the_first_call_of_an_effect_is_remembered(database: Database) -> None:
    append(database, "calling")
    again = {"effect_id": "e1", "before": "", "after": "calling", "request_hash": "0", "facts": "0"}
    database.write(lambda c: chain.append(c, at=START + timedelta(hours=1), **again))

    with database.read() as connection:
        assert chain.first_calling(connection, "e1") == START
        assert chain.first_calling(connection, "e2") is None


def behind(database: Database, directory: Path) -> str | None:
    with database.read() as connection:
        return chain.behind(connection, directory)


def kept(directory: Path, owner: str, head: Head) -> None:
    file = OutsideHead(directory, owner)
    file.keep(head)
    file.close()


def test_an_empty_log_needs_no_head(database: Database, tmp_path: Path) -> None:
    assert behind(database, tmp_path / "nothing") is None
    append(database, "intended")
    assert behind(database, tmp_path / "nothing") is None


def test_a_log_with_calls_beside_no_head_is_suspicious(database: Database, tmp_path: Path) -> None:
    append(database, "calling")

    assert behind(database, tmp_path) is not None


def test_a_head_the_log_has_is_fine_also_where_the_log_went_on(database: Database, tmp_path: Path) -> None:
    kept(tmp_path, "one", append(database, "calling"))
    append(database, "done")

    assert behind(database, tmp_path) is None


def test_a_head_the_log_lacks_means_an_older_database(database: Database, tmp_path: Path) -> None:
    head = append(database, "calling")
    kept(tmp_path, "one", Head(head.seq + 5, "f" * 64))

    assert "lacks row 6" in str(behind(database, tmp_path))


def test_a_head_of_another_log_means_an_exchanged_database(database: Database, tmp_path: Path) -> None:
    head = append(database, "calling")
    kept(tmp_path, "one", Head(head.seq, "f" * 64))

    assert behind(database, tmp_path) is not None


def test_a_torn_head_counts_as_none(database: Database, tmp_path: Path) -> None:
    append(database, "calling")
    (tmp_path / "one.head").write_text('{"seq": 1, "ha')

    assert chain.heads_outside(tmp_path) == []
    assert behind(database, tmp_path) is not None


def test_pruning_keeps_the_highest_head_and_those_of_live_processes(tmp_path: Path) -> None:
    for seq, owner in ((1, "old"), (3, "newest")):
        kept(tmp_path, owner, Head(seq, "a" * 64))
    alive = OutsideHead(tmp_path, "alive")
    alive.keep(Head(2, "b" * 64))

    chain.prune(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["alive.head", "newest.head"]
    alive.close()


def test_a_restored_database_freezes_every_effect_until_it_is_released(tmp_path: Path) -> None:
    with Flow(mail) as flow:
        kept(tmp_path, "elsewhere", Head(99, "f" * 64))
        assert guard_restored(flow.runtime, tmp_path) is not None
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)
        assert times(flow, "invoice.sendbyemail") == 0

        with flow.db.read() as connection:
            assert control.frozen(connection) == "restored"
        flow.db.write(lambda c: control.put(c, "freeze", None, at=flow.clock.now))
        flow.advance(minutes=2)

        assert times(flow, "invoice.sendbyemail") == 1


def test_the_threads_of_a_process_share_one_head_which_never_goes_back(tmp_path: Path) -> None:
    head, first = OutsideHead(tmp_path, "one"), Barrier(8)

    def keep(seq: int) -> None:
        first.wait(10)
        head.keep(Head(seq, f"{seq:064d}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(1, 9)))

    assert heads_outside(tmp_path) == [Head(8, f"{8:064d}")]
    head.close()


def accept(database: Database, directory: Path) -> None:
    database.write(lambda c: chain.accept(c, directory, at=START, actor="t"))


def accepted(database: Database) -> set[Head]:
    with database.read() as connection:
        return chain.accepted_heads(connection)


def test_what_an_operator_accepted_shows_nothing_any_more_and_another_head_does(database: Database, tmp_path: Path) -> None:
    append(database, "calling")
    kept(tmp_path, "before", Head(99, "f" * 64))
    accept(database, tmp_path)

    assert behind(database, tmp_path) is None
    kept(tmp_path, "after", append(database, "calling", "e2"))
    assert behind(database, tmp_path) is None
    kept(tmp_path, "later", Head(98, "e" * 64))
    assert "lacks row 98" in str(behind(database, tmp_path))


def test_accepting_a_log_beside_no_head_lasts_until_something_is_called(database: Database, tmp_path: Path) -> None:
    append(database, "calling")
    accept(database, tmp_path)

    assert behind(database, tmp_path) is None
    append(database, "calling", "e2")
    assert behind(database, tmp_path) is not None


def test_pruning_removes_accepted_heads_and_never_a_newer_one_for_them(database: Database, tmp_path: Path) -> None:
    kept(tmp_path, "before", Head(99, "f" * 64))
    accept(database, tmp_path)
    kept(tmp_path, "after", append(database, "calling"))

    chain.prune(tmp_path, accepted(database))

    assert [path.name for path in tmp_path.glob("*.head")] == ["after.head"]


def test_a_head_that_vanishes_while_it_is_looked_at_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "gone.head").symlink_to(tmp_path / "nowhere")

    chain.prune(tmp_path)

    assert heads_outside(tmp_path) == []
