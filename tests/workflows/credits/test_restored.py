"""After a restored backup no customer is charged a second time for a top-up that was under way in the time that was lost."""

import pytest
import sqlalchemy as sa

from receiver.db import Database
from workers import chain, holds, restored
from workers.testing import memory
from workers.worker import guard_restored
from workflows.credits.happenings import CreditsResume

from .conftest import Open, Shop

CHAIN = ["invoice.create", "invoice.complete", "invoice.capture", "customer.addcredits"]


class Lost:
    """A shop whose backup is put back; what was done since is known to the provider alone."""

    def __init__(self, shop: Shop, database: Database) -> None:
        self.shop, self.flow, self.database, self.backup = shop, shop.flow, database, memory.copied(database)

    def put_back(self) -> None:
        """Put the backup back, ask the provider, and release."""
        flow = self.flow
        flow.sandbox.drain()
        flow.sandbox.faults.clear()
        memory.put_back(self.database, self.backup)
        flow.hire("anew")
        guard_restored(flow.runtime, flow.heads)
        with flow.db.read() as connection:
            missing = restored.lost(connection, flow.heads)
        restored.look(flow.runtime, flow.source, missing.since)
        flow.db.write(self._release)
        flow.settle()

    def _release(self, connection: sa.Connection) -> None:
        chain.accept(connection, self.flow.heads, at=self.flow.clock.now, actor="operator")
        restored.release(connection, at=self.flow.clock.now, actor="operator")
        holds.end_freeze(connection, at=self.flow.clock.now, actor="operator")


@pytest.fixture
def shop(open_shop: Open, sqlite_database: Database) -> Shop:
    return open_shop(database=sqlite_database)


@pytest.fixture
def customer(shop: Shop) -> str:
    """One whose first top-up is in the backup."""
    id = shop.customer("11.90")
    shop.flow.advance(minutes=30)
    assert shop.services == CHAIN
    shop.jump(hours=30)
    return id


@pytest.fixture
def lost(shop: Shop, customer: str, sqlite_database: Database) -> Lost:
    return Lost(shop, sqlite_database)


def looked(shop: Shop, customer: str) -> None:
    """A person looked, and says go on."""
    shop.flow.signal(CreditsResume(source="shop", at=shop.flow.clock.now, customer_id=customer))


@pytest.mark.parametrize("service, done", [("customer.addcredits", CHAIN[:3]), ("invoice.capture", CHAIN[:2])])
def test_an_order_under_way_in_the_lost_time_is_put_before_a_person_and_not_charged_again(
    lost: Lost, shop: Shop, customer: str, service: str, done: list[str]
) -> None:
    shop.flow.sandbox.faults.add("refuse", service, times=1000)
    shop.use(customer, "5.00")
    shop.flow.advance(minutes=30)
    assert shop.services == [*CHAIN, *done]

    lost.put_back()
    shop.flow.advance(hours=3)
    shop.hint(customer, phone="2")

    assert shop.services == [*CHAIN, *done]
    assert shop.tasks == ["topup_not_in_books"]
    assert [state for state, _, _ in shop.orders] == ["granted", "failed"]


def test_once_a_person_looked_the_customer_is_topped_up_as_ever(lost: Lost, shop: Shop, customer: str) -> None:
    shop.flow.sandbox.faults.add("refuse", "customer.addcredits", times=1000)
    shop.use(customer, "5.00")
    shop.flow.advance(minutes=30)
    lost.put_back()
    shop.flow.advance(hours=1)

    looked(shop, customer)
    shop.flow.advance(minutes=30)

    assert shop.services == [*CHAIN, *CHAIN[:3], *CHAIN]
    assert [state for state, _, _ in shop.orders] == ["granted", "failed", "granted"]


def test_a_top_up_that_was_granted_in_the_lost_time_stops_nobody_while_the_balance_is_fine(lost: Lost, shop: Shop, customer: str) -> None:
    shop.use(customer, "5.00")
    shop.flow.advance(minutes=30)

    lost.put_back()
    shop.flow.advance(hours=1)
    shop.jump(days=15)
    shop.use(customer, "5.00")
    shop.flow.advance(minutes=30)

    assert (shop.services, shop.tasks) == ([*CHAIN, *CHAIN, *CHAIN], [])


def test_credits_given_at_once_in_the_lost_time_are_not_given_again(open_shop: Open, sqlite_database: Database) -> None:
    shop = open_shop(database=sqlite_database, grant_on="immediate")
    customer = shop.customer("50.00")
    shop.flow.advance(minutes=30)
    lost = Lost(shop, sqlite_database)
    shop.use(customer, "11.90")
    shop.flow.advance(minutes=30)
    assert shop.services == ["customer.addcredits"]

    lost.put_back()
    shop.flow.advance(hours=3)

    assert (shop.services, shop.balance(customer), shop.tasks) == (["customer.addcredits"], "100.00", [])
