"""Group commit when the database fails: 503 for who waits, kept for the others, and open again by itself."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from receiver.commit import GroupCommit, Store
from receiver.db import Database
from receiver.errors import StoreUnavailable
from receiver.inbox import Kept
from receiver.stores import connector
from receiver.turnstile import Turnstile
from tests.receiver.batches import DELIVERY, Gate, group, kept_on, row


async def tried(commit: GroupCommit) -> type[Exception] | None:
    """What asking whether a delivery would be kept now ends with."""
    try:
        await commit.probe()
    except StoreUnavailable as error:
        return type(error)
    return None


def writes(database: Database) -> int:
    """How far the log of writes has come."""
    if database.path is not None:
        log = Path(f"{database.path}-wal")
        return log.stat().st_size if log.exists() else 0
    with database.read() as connection:
        return int(connection.execute(sa.text("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")).scalar_one())


def test_a_failing_database_is_503_for_all_who_wait_and_is_opened_again() -> None:
    store, opened = Gate(), []

    def connect() -> Store:
        opened.append(1)
        return store

    async def main() -> tuple[list[object], Kept]:
        commit = group(connect)
        commit.start()
        store.errors.put(StoreUnavailable())
        futures = [commit.submit(row(str(number))) for number in range(5)]
        store.go.release()
        failed = await asyncio.gather(*futures, return_exceptions=True)
        store.go.release()
        kept = await commit.submit(row("6"))
        await commit.close()
        return list(failed), kept

    failed, kept = asyncio.run(main())

    assert {type(one) for one in failed} == {StoreUnavailable}
    assert (kept, len(opened)) == (Kept(6, True), 2)


@pytest.mark.parametrize("bad", ["trial", "delivery"])
def test_after_a_failed_write_nothing_counts_as_ready_until_one_on_trial_goes_well(bad: str) -> None:
    store = Gate()

    async def main() -> list[object]:
        commit = group(lambda: store)
        commit.start()
        store.go.release()
        await commit.submit(row("1"))
        fresh = await tried(commit)
        if bad == "delivery":
            store.errors.put(StoreUnavailable())
            store.go.release()
            failed: object = (await asyncio.gather(commit.submit(row("2")), return_exceptions=True))[0]
        else:
            commit._committed_at = float("-inf")
            failed = StoreUnavailable()
        store.full = True
        while_full = [await tried(commit) for _ in range(2)]
        store.full = False
        after = [await tried(commit) for _ in range(2)]
        await commit.close()
        return [fresh, type(failed), *while_full, *after]

    with capture_logs() as logged:
        seen = asyncio.run(main())

    assert seen == [None, StoreUnavailable, StoreUnavailable, StoreUnavailable, None, None]
    assert store.trials == 3
    assert [line["event"] for line in logged] == ["the door's database takes nothing", "the door's database takes deliveries again"]


def test_a_write_on_trial_is_a_commit_that_leaves_nothing(database: Database) -> None:
    store = connector(database.url)()
    before = writes(database)

    for _ in range(2):
        store.probe()
    tried = writes(database)
    kept = store.keep(lambda: [row("1")])

    store.close()
    with database.read() as connection:
        assert [(one.native_id, one.id) for one in connection.execute(sa.select(DELIVERY))] == [("1", kept[0].delivery_id)]
    assert tried > before


def test_a_bad_row_is_refused_and_its_neighbours_are_kept() -> None:
    store = Gate()
    store.bad = {"2"}

    async def main() -> list[object]:
        commit = group(lambda: store)
        commit.start()
        futures = [commit.submit(row(str(number))) for number in range(4)]
        store.go.release(8)
        answers = await asyncio.gather(*futures, return_exceptions=True)
        await commit.close()
        return list(answers)

    answers = asyncio.run(main())

    assert [type(answer).__name__ for answer in answers] == ["Kept", "Kept", "StoreUnavailable", "Kept"]


def test_a_row_the_database_cannot_hold_does_not_fail_its_neighbours(postgres_database: Database) -> None:
    async def main() -> list[object]:
        commit = group(connector(postgres_database.url))
        commit.start()
        futures = [commit.submit(one) for one in (row("1"), row("nul\x00"), row("2"))]
        answers = await asyncio.gather(*futures, return_exceptions=True)
        await commit.close()
        return list(answers)

    answers = asyncio.run(main())

    assert [type(answer).__name__ for answer in answers] == ["Kept", "StoreUnavailable", "Kept"]


def test_a_commit_that_hangs_is_503_soon_and_what_was_only_queued_is_not_written() -> None:
    store = Gate()

    async def main() -> None:
        commit = group(lambda: store, timeout_s=0.2)
        commit.start()
        futures = [commit.submit(row(str(number))) for number in range(3)]
        failed = await asyncio.gather(*futures, return_exceptions=True)
        assert {type(one) for one in failed} == {StoreUnavailable}
        store.go.release(2)
        later = commit.submit(row("7"))
        store.go.release()
        await later
        await commit.close()

    asyncio.run(main())

    assert [number for batch in store.batches for number in batch] == ["7"]


def test_a_stopped_holder_of_the_turnstile_is_503_and_not_a_hang(sqlite_url: str) -> None:
    turnstile = Turnstile(Path(sqlite_url.removeprefix("sqlite:///")))

    async def main() -> None:
        commit = group(connector(sqlite_url), timeout_s=0.3)
        commit.start()
        with turnstile.held():
            with pytest.raises(StoreUnavailable):
                await commit.submit(row("1"))
            with pytest.raises(StoreUnavailable):
                await commit.probe()
        await commit.probe()
        await commit.close()

    asyncio.run(main())
    turnstile.close()


def test_a_locked_database_is_503_and_recovers_without_repair(sqlite_database: Database) -> None:
    path = sqlite_database.url.removeprefix("sqlite:///")
    other = sa.create_engine(f"sqlite:///{path}")

    async def main() -> Kept:
        commit = group(connector(sqlite_database.url))
        commit.start()
        with other.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable):
                await commit.submit(row("1"))
            connection.rollback()
        kept = await commit.submit(row("1"))
        await commit.close()
        return kept

    assert asyncio.run(main()).new is True
    other.dispose()


def test_a_missing_database_and_a_missing_table_are_503(tmp_path: Path, empty_postgres_url: str) -> None:
    for url in (f"sqlite:///{tmp_path}/nothing.db", empty_postgres_url, "postgresql://nobody@127.0.0.1:1/none"):
        with pytest.raises(StoreUnavailable):
            kept_on(url, [row("1")])


def test_a_lost_connection_costs_one_batch(postgres_database: Database) -> None:
    async def main() -> tuple[object, Kept]:
        commit = group(connector(postgres_database.url))
        commit.start()
        await commit.submit(row("1"))

        def cut(connection: sa.Connection) -> None:
            connection.execute(
                sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'billhook receiver'")
            )

        await asyncio.to_thread(postgres_database.write, cut)
        [lost] = await asyncio.gather(commit.submit(row("2")), return_exceptions=True)
        kept = await commit.submit(row("2"))
        await commit.close()
        return lost, kept

    lost, kept = asyncio.run(main())

    assert isinstance(lost, StoreUnavailable)
    assert kept.new is True
