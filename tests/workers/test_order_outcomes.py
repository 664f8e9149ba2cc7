"""What became of an order, told to whoever gave it: also while nobody works, and where its key was used before."""

from receiver import inbox
from tests.workers.test_ordered import order
from workers.operator import signal_arrival
from workers.order_outcomes import given, outcome
from workers.ordered import NAME, ordered
from workers.providers.ordering import Target
from workers.testing.flow import Flow


def test_an_order_that_nobody_routes_waits_and_says_so() -> None:
    with Flow(NAME) as flow:
        event = ordered("monsum", "customers", "delete", Target(source="shop", id="1", order="k"), {}, at=flow.clock.now)
        kept = flow.db.write(lambda c: inbox.append(c, signal_arrival(event, actor="ada", at=flow.clock.now, id="k")))

        with flow.db.read() as connection:
            found = outcome(connection, kept.delivery_id)
            assert (found.state, found.over) == ("waiting", False) and "billhook up" in found.next
            assert given(connection, "shop", "k") == (kept.delivery_id, event)
            assert given(connection, "shop", "other") is None and given(connection, "pay", "k") is None


def test_what_waits_for_a_person_names_the_command() -> None:
    with Flow(NAME) as flow:
        delivery = order(flow, "customers", "delete", flow.trigger("customer.created")["customer_id"])

        with flow.db.read() as connection:
            found = outcome(connection, delivery)
        assert found.over and f"billhook approve {found.effect}" in found.next


def test_an_effect_that_is_looked_up_by_itself_asks_nobody_yet() -> None:
    with Flow(NAME) as flow:
        flow.sandbox.faults.add("drop", "customer.update")
        delivery = order(flow, "customers", "update", flow.trigger("customer.created")["customer_id"], {"city": "Bonn"})

        with flow.db.read() as connection:
            found = outcome(connection, delivery)
        assert found.state == "unknown" and "by itself" in found.next


def test_an_order_for_what_is_not_there_says_so() -> None:
    with Flow(NAME) as flow:
        delivery = order(flow, "customers", "update", "4711", {"city": "Bonn"})

        with flow.db.read() as connection:
            found = outcome(connection, delivery)
        assert (found.state, found.reason) == ("cancelled", "not_found") and "does not know it" in found.next
