"""Group commit: order, equal identities, and what a kill leaves behind."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from receiver.commit import resolve
from receiver.db import Database
from receiver.errors import Overloaded
from receiver.inbox import Kept
from tests.receiver.batches import DELIVERY, Gate, group, kept_on, row
from tests.receiver.kit import PASSWORD, USER, running


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


@pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)
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
