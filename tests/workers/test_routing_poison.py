"""One delivery that cannot be routed: it stops no other, is tried again, and ends before a person."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from receiver.inbox import Arrival, Delivery
from receiver.sources.notice import Notice
from workers import routing
from workers.desk import Parked
from workers.testing.flow import Flow

POISON = b'{"id": 13, "type": "customer.changed", "customer": {"customer_id": "13"}}'


@pytest.fixture
def poisoned() -> Iterator[Flow]:
    """A flow in which the customer 13 makes the router itself fail, in a way nobody thought of."""
    with Flow() as flow:
        account = flow.runtime.accounts[flow.source]

        def interpret(body: bytes, *rest: Any) -> Notice:
            notice: Notice = account.interpret(body, *rest)
            if body != POISON:
                return notice
            (snapshot,) = notice.snapshots
            return replace(notice, snapshots=(replace(snapshot, fields={"city": object()}),))

        flow.runtime.accounts = {flow.source: replace(account, interpret=interpret)}
        yield flow


def keep(flow: Flow, *bodies: bytes) -> list[int]:
    """Deliveries that are kept and not routed yet."""
    arrivals = [
        Arrival(source=flow.source, origin="push", native_type="customer.changed", native_id=str(n), body=body, received_at=flow.clock.now)
        for n, body in enumerate(bodies)
    ]
    return flow.db.write(lambda c: [inbox.append(c, arrival).delivery_id for arrival in arrivals])


def outcomes(flow: Flow) -> list[tuple[str | None, int]]:
    table = table_of(Delivery)
    return [(row["outcome"], row["tries"]) for row in flow.rows(sa.select(table).order_by(table.c.id))]


def good(id: int) -> bytes:
    return b'{"id": %d, "type": "customer.changed", "customer": {"customer_id": "%d"}}' % (id, id)


def test_the_others_of_its_batch_are_routed_and_it_waits_for_another_try(poisoned: Flow) -> None:
    ids = keep(poisoned, good(1), POISON, good(2))

    routing.route_all(poisoned.runtime, ids)

    assert outcomes(poisoned) == [("events", 0), (None, 1), ("events", 0)]


def test_it_is_put_before_a_person_after_five_tries_and_kept(poisoned: Flow) -> None:
    keep(poisoned, POISON)

    poisoned.advance(hours=3)

    assert outcomes(poisoned) == [("parked", 5)]
    (item,) = poisoned.rows(sa.select(table_of(Parked)))
    assert (item["kind"], item["reason"]) == ("failed", "routing failed 5 times: StatementError")


def test_a_person_has_it_routed_again_once_the_program_was_mended(poisoned: Flow) -> None:
    (delivery_id,) = keep(poisoned, POISON)
    poisoned.advance(hours=3)
    account = poisoned.runtime.accounts[poisoned.source]
    plain = Flow()
    poisoned.runtime.accounts = {poisoned.source: replace(account, interpret=plain.runtime.accounts[plain.source].interpret)}
    plain.close()

    said = poisoned.order("retry", f"delivery:{delivery_id}")

    assert said == "events: routed again"
    assert outcomes(poisoned)[0] == ("events", 0)
    assert poisoned.rows(sa.select(table_of(Parked).c.closed_at))[0]["closed_at"] is not None


def test_a_reader_that_fails_unexpectedly_parks_only_its_own_delivery(poisoned: Flow) -> None:
    account = poisoned.runtime.accounts[poisoned.source]

    def interpret(body: bytes, *rest: Any) -> Notice:
        if body == POISON:
            raise LookupError
        return account.interpret(body, *rest)  # type: ignore[no-any-return]

    poisoned.runtime.accounts = {poisoned.source: replace(account, interpret=interpret)}
    ids = keep(poisoned, POISON, good(2))

    routing.route_all(poisoned.runtime, ids)

    assert [outcome for outcome, _ in outcomes(poisoned)] == ["parked", "events"]


def test_a_delivery_that_was_not_parked_cannot_be_retried(poisoned: Flow) -> None:
    (delivery_id,) = keep(poisoned, good(1))
    poisoned.advance(minutes=1)

    said = poisoned.order("retry", f"delivery:{delivery_id}")

    assert said.startswith("refused: There is no parked delivery")


class Overtaken:
    """A database on which something else happens between a transaction that failed and the next one."""

    def __init__(self, database: Database, then: Callable[[], object]) -> None:
        self._database, self._then = database, then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def write(self, fn: Callable[[Any], Any]) -> Any:
        try:
            return self._database.write(fn)
        except sa.exc.StatementError:
            self._then()
            raise


@pytest.mark.parametrize("tries", [1, routing.TRIES_MAX])
def test_what_another_router_made_of_it_meanwhile_stands(poisoned: Flow, tries: int) -> None:
    (delivery_id,) = keep(poisoned, POISON)
    poisoned.db.write(lambda c: [inbox.count_try(c, delivery_id) for _ in range(tries - 1)])
    with Flow() as plain:
        mended = replace(poisoned.runtime, accounts=plain.runtime.accounts)
    overtaken: Any = Overtaken(poisoned.db, lambda: routing.route(mended, delivery_id))

    assert routing.route(replace(poisoned.runtime, db=overtaken), delivery_id) is None
    assert outcomes(poisoned) == [("events", tries - 1)]
    assert poisoned.rows(sa.select(table_of(Parked))) == []


def test_two_routers_that_fail_at_the_same_time_count_one_try(poisoned: Flow) -> None:
    (delivery_id,) = keep(poisoned, POISON)
    other = poisoned.runtime
    overtaken: Any = Overtaken(poisoned.db, lambda: routing.route(other, delivery_id))

    routing.route(replace(poisoned.runtime, db=overtaken), delivery_id)

    assert outcomes(poisoned) == [(None, 1)]


def test_waiting_between_tries_grows(poisoned: Flow) -> None:
    keep(poisoned, POISON)

    poisoned.settle()
    poisoned.advance(seconds=19)
    first = outcomes(poisoned)[0][1]
    poisoned.clock.pass_(timedelta(seconds=1))
    poisoned.settle()

    assert (first, outcomes(poisoned)[0][1]) == (1, 2)
