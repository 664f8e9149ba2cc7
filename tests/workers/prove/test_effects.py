"""Effects: whatever is changed in one, in its log, or beside it, the proof names it."""

import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.prove.stories import change, doubtful, found, logged, only, paid, remove
from workers.chain import EffectLog
from workers.desk import Parked
from workers.journal import JournalRow
from workers.ledger import EffectRow
from workers.runs import RunRow

EFFECT = table_of(EffectRow)


def test_a_state_the_log_does_not_tell_is_named(database: Database) -> None:
    with paid(database) as flow:
        change(database, EffectRow, state="rejected")

        id = only(flow, EffectRow)["id"]
        assert (0, f"effect:{id}", "it is rejected, but its last row says done") in found(database)


def test_a_changed_request_is_named(database: Database) -> None:
    with paid(database) as flow:
        row = only(flow, EffectRow)
        change(database, EffectRow, request={**row["request"], "INVOICE_ID": "999"})

        assert found(database) == [(7, f"effect:{row['id']}", "its request is not the one its hash was made of")]


def test_a_request_changed_together_with_its_hash_is_named(database: Database) -> None:
    with paid(database) as flow:
        id = only(flow, EffectRow)["id"]
        change(database, EffectRow, request_hash="f" * 64)

        assert (7, f"effect:{id}", "its request's hash is not the one in the log") in found(database)


def test_a_call_the_effect_does_not_count_is_named(database: Database) -> None:
    with paid(database) as flow:
        change(database, EffectRow, calls=2)

        assert found(database) == [(8, f"effect:{only(flow, EffectRow)['id']}", "it counts 2 calls, the log 1")]


def test_an_answer_without_a_call_is_named(database: Database) -> None:
    with paid(database) as flow:
        change(database, EffectRow, calls=0)

        assert (8, f"effect:{only(flow, EffectRow)['id']}", "it keeps a provider's answer, but was never calling") in found(database)


def test_a_second_call_on_a_guess_is_named(database: Database) -> None:
    with doubtful(database) as flow:
        id = logged(flow, ("unknown", "calling", ""), ("calling", "unknown", "no_answer"))
        change(database, EffectRow, calls=2)

        assert [(number, subject) for number, subject, _ in found(database)] == [(9, f"effect:{id}")]


def test_done_without_a_call_is_named(database: Database) -> None:
    with paid(database) as flow:
        seq = only(flow, EffectRow)
        database.write(lambda c: c.execute(sa.delete(table_of(EffectLog)).where(table_of(EffectLog).c.after == "calling")))

        assert {number for number, subject, _ in found(database) if subject == f"effect:{seq['id']}"} >= {0, 8}


def test_an_effect_the_log_never_heard_of_is_named(database: Database) -> None:
    with paid(database) as flow:
        row = only(flow, EffectRow)
        copy = {**row, "id": "zz", "run_id": row["run_id"], "step": "again"}
        database.write(lambda c: c.execute(sa.insert(EFFECT).values(copy)))

        assert (0, "effect:zz", "it is done, but the log has no row of it") in found(database)
        assert (7, "effect:zz", "it holds no slot") in found(database)


def test_a_deleted_effect_is_named(database: Database) -> None:
    with paid(database) as flow:
        id = only(flow, EffectRow)["id"]
        remove(database, EffectRow)

        assert (0, f"effect:{id}", "the log tells of it, but there is no such effect") in found(database)


def test_an_effect_that_begins_twice_is_named(database: Database) -> None:
    with paid(database) as flow:
        id = logged(flow, ("", "intended", ""), ("intended", "calling", ""), ("calling", "done", ""))

        assert (0, f"effect:{id}", "it begins 2 times in the log") in found(database)


def test_an_effect_whose_run_is_gone_is_named(database: Database) -> None:
    with paid(database) as flow:
        remove(database, RunRow)

        assert (11, f"effect:{only(flow, EffectRow)['id']}", "its run does not exist") in found(database)


def test_an_uncalled_effect_of_a_finished_run_is_named(database: Database) -> None:
    with paid(database) as flow:
        change(database, EffectRow, state="intended")

        assert (10, f"effect:{only(flow, EffectRow)['id']}", "it is intended, but its run is over (done)") in found(database)


def test_a_doubtful_effect_of_a_finished_run_stands_before_a_person_or_is_named(database: Database) -> None:
    with doubtful(database) as flow:
        change(database, RunRow, status="cancelled", outcome="cancelled", reason="paid", ended_at=flow.clock.now)
        assert found(database) == []

        change(database, Parked, closed_at=flow.clock.now)

        what = "it is unknown, its run is over (cancelled), and no person was asked"
        assert found(database) == [(11, f"effect:{only(flow, EffectRow)['id']}", what)]


def test_a_done_effect_the_journal_of_its_run_does_not_tell_of_is_named(database: Database) -> None:
    with paid(database) as flow:
        table = table_of(JournalRow)
        remove(database, JournalRow, table.c.kind == "effect")

        what = "it is done, and its run over (done), but the run's journal does not tell of it"
        assert found(database) == [(4, f"effect:{only(flow, EffectRow)['id']}", what)]


def test_a_journal_that_tells_of_another_outcome_is_named(database: Database) -> None:
    with paid(database) as flow:
        table = table_of(JournalRow)
        (entry,) = flow.rows(sa.select(table).where(table.c.kind == "effect"))
        change(database, JournalRow, table.c.id == entry["id"], result={**entry["result"], "state": "rejected"})

        assert [(number, subject) for number, subject, _ in found(database)] == [(4, f"effect:{only(flow, EffectRow)['id']}")]
