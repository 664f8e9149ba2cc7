"""Group commit: order, equal identities, failures, and what a kill leaves behind."""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from receiver.commit import GroupCommit, Row, Store, resolve
from receiver.db import Database
from receiver.errors import Overloaded, RowNotKept, StoreUnavailable
from receiver.inbox import Delivery, Kept
from receiver.signing import body_hash
from receiver.stores import connector
from receiver.turnstile import Turnstile
from tests.receiver.kit import PASSWORD, USER, running

DELIVERY: sa.Table = Delivery.__table__  # type: ignore[attr-defined]


def row(native_id: str, body: bytes = b"{}") -> Row:
    return Row("shop", "a.b", native_id, body_hash(body), datetime(2026, 11, 21, 8, 0, 0, 5, UTC), "{}", body)


class Gate:
    """A store of the test's own: it keeps nothing, waits to be let through, and fails as told."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.go = threading.Semaphore(0)
        self.errors: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        self.bad: set[str] = set()
        self.full, self.trials = False, 0

    def keep(self, take: Callable[[], Sequence[Row]]) -> list[Kept]:
        self.go.acquire()
        rows = take()
        if not self.errors.empty() and (error := self.errors.get()) is not None:
            raise error
        if self.bad & {one.native_id for one in rows}:
            raise RowNotKept
        self.batches.append([one.native_id for one in rows])
        return [Kept(int(one.native_id), True) for one in rows]

    def probe(self) -> None:
        self.trials += 1
        if self.full:
            raise StoreUnavailable

    def close(self) -> None:
        return


def group(connect: Callable[[], Store], *, queue_max: int = 100, batch_max: int = 50, timeout_s: float = 20.0) -> GroupCommit:
    return GroupCommit(connect, queue_max=queue_max, batch_max=batch_max, timeout_s=timeout_s)


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


def kept_on(url: str, rows: Sequence[Row]) -> list[Kept]:
    """The answers to `rows`, submitted at once."""

    async def main() -> list[Kept]:
        commit = group(connector(url), queue_max=1000)
        commit.start()
        futures = [commit.submit(one) for one in rows]
        answers = await asyncio.gather(*futures)
        await commit.close()
        return answers

    return asyncio.run(main())


def test_within_a_batch_the_first_of_equal_identities_is_the_new_one(database: Database) -> None:
    answers = kept_on(database.url, [row("1"), row("2"), row("1"), row("1", b"other"), row("2"), row("3")])

    with database.read() as connection:
        stored = {(one.native_id, one.body): one for one in connection.execute(sa.select(DELIVERY))}
    assert [answer.new for answer in answers] == [True, True, False, True, False, True]
    assert [answer.delivery_id for answer in answers] == [
        stored[name, body].id for name, body in (("1", b"{}"), ("2", b"{}"), ("1", b"{}"), ("1", b"other"), ("2", b"{}"), ("3", b"{}"))
    ]
    assert {name: one.repeats for (name, _), one in stored.items() if one.body == b"{}"} == {"1": 1, "2": 1, "3": 0}
    assert stored["1", b"{}"].last_repeat_at == stored["1", b"{}"].received_at == datetime(2026, 11, 21, 8, 0, 0, 5, UTC)


def test_every_batch_size_and_mixture_gives_each_request_its_own_row(database: Database) -> None:
    first = kept_on(database.url, [row(str(number)) for number in range(300)])
    again = kept_on(database.url, [row(str(number)) for number in range(150, 450)])

    assert all(answer.new for answer in first)
    assert [answer.new for answer in again] == [False] * 150 + [True] * 150
    with database.read() as connection:
        ids = {one.native_id: one.id for one in connection.execute(sa.select(DELIVERY))}
    assert [answer.delivery_id for answer in first] == [ids[str(number)] for number in range(300)]
    assert [answer.delivery_id for answer in again] == [ids[str(number)] for number in range(150, 450)]


def test_two_receivers_on_one_database_agree_on_what_is_new(database: Database) -> None:
    rows = [row(str(number % 40)) for number in range(200)]

    with ThreadPoolExecutor(2) as both:
        mine, theirs = both.map(lambda part: kept_on(database.url, part), (rows, list(reversed(rows))))

    answers = [*mine, *theirs]
    assert sum(answer.new for answer in answers) == 40
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count(), sa.func.sum(DELIVERY.c.repeats))).one() == (40, 360)


def test_what_queues_while_a_commit_runs_is_one_batch_and_the_cap_holds() -> None:
    store = Gate()

    async def main() -> list[Kept]:
        commit = group(lambda: store, batch_max=4)
        commit.start()
        futures = [commit.submit(row(str(number))) for number in range(10)]
        for _ in range(5):
            store.go.release()
        answers = await asyncio.gather(*futures)
        await commit.close()
        return answers

    answers = asyncio.run(main())

    assert [answer.delivery_id for answer in answers] == list(range(10))
    assert [number for batch in store.batches for number in batch] == [str(number) for number in range(10)]
    assert max(map(len, store.batches)) == 4


def test_nobody_is_answered_before_the_commit_came_back() -> None:
    store = Gate()

    async def main() -> tuple[bool, Kept]:
        commit = group(lambda: store)
        commit.start()
        answer = commit.submit(row("1"))
        await asyncio.wait([answer], timeout=0.05)
        early = answer.done()
        store.go.release()
        kept = await answer
        await commit.close()
        return early, kept

    assert asyncio.run(main()) == (False, Kept(1, True))


def test_a_full_queue_refuses_at_once() -> None:
    store = Gate()

    async def main() -> None:
        commit = group(lambda: store, queue_max=2)
        commit.start()
        futures = [commit.submit(row("1")), commit.submit(row("2"))]
        with pytest.raises(Overloaded):
            commit.submit(row("3"))
        store.go.release(2)
        await asyncio.gather(*futures)
        await commit.close()

    asyncio.run(main())


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


def test_what_had_queued_is_written_before_the_end() -> None:
    store = Gate()

    async def main() -> list[Kept]:
        commit = group(lambda: store)
        commit.start()
        futures = [commit.submit(row(str(number))) for number in range(3)]
        store.go.release(9)
        await commit.close()
        return await asyncio.gather(*futures)

    assert [kept.delivery_id for kept in asyncio.run(main())] == [0, 1, 2]


def test_resolve_gives_the_new_row_to_the_first_of_equals() -> None:
    a, b = ("s", "t", "1", "h"), ("s", "t", "2", "h")

    assert resolve([a, b, a], {a: 7, b: 3}, {7}) == [Kept(7, True), Kept(3, False), Kept(7, False)]


def test_a_killed_receiver_has_kept_everything_it_answered(database: Database, tmp_path: Path) -> None:
    accepted: list[tuple[str, int]] = []

    def send(url: str, lane: int, stop: threading.Event) -> None:
        with httpx.Client(auth=(USER, PASSWORD), trust_env=False, timeout=5) as client:
            for number in range(100_000):
                if stop.is_set():
                    return
                try:
                    answer = client.post(f"{url}/webhooks/shop", json={"id": f"{lane}-{number}", "type": "a.b"})
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    accepted.append((f"{lane}-{number}", int(answer.json()["receipt"])))
                    if len(accepted) == 400:
                        enough.set()

    enough, stop = threading.Event(), threading.Event()
    with running(tmp_path, database.url, wait="/readyz") as receiver, ThreadPoolExecutor(8) as lanes:
        for lane in range(8):
            lanes.submit(send, receiver.url, lane, stop)
        assert enough.wait(60)
        receiver.kill()
        stop.set()

    with database.read() as connection:
        stored = {one.native_id: one.id for one in connection.execute(sa.select(DELIVERY))}
    assert len(accepted) >= 400
    assert {name: stored.get(name) for name, _ in accepted} == dict(accepted)
    with running(tmp_path, database.url, wait="/readyz") as receiver:
        again = httpx.post(
            f"{receiver.url}/webhooks/shop", json={"id": accepted[0][0], "type": "a.b"}, auth=(USER, PASSWORD), trust_env=False
        ).json()
    assert again == {"receipt": str(accepted[0][1]), "repeat": True}
