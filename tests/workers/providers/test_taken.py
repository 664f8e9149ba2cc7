"""Whether a number is taken is asked before a customer is created; what cannot be told counts as taken."""

from tests.workers.providers.qvickly_said import TOKEN, Said, answer, client
from workers.providers import taken
from workers.testing.autodns import AutodnsFlow
from workers.testing.flow import Flow


def test_a_number_of_monsum_is_taken_once_a_customer_has_it() -> None:
    with Flow() as flow:
        shop = flow.runtime.client("shop")
        before = shop.query(taken.monsum_number, "C-1")
        id = flow.sandbox.trigger("customer.created", {"customer_number": "C-1"})["customer_id"]

        assert taken.must_be_free(before) is None
        assert taken.must_be_free(shop.query(taken.monsum_number, "C-1")) == "number_taken"
        assert shop.query(taken.monsum_number, "C-1").by == id


def test_a_number_of_autodns_is_taken_once_a_customer_has_it() -> None:
    with AutodnsFlow() as flow:
        id = flow.user.trigger("customer.created", {})["customer_id"]
        nic = flow.runtime.client("shop")

        assert nic.query(taken.autodns_number, id).taken
        assert not nic.query(taken.autodns_number, "ix/999999").taken
        assert not nic.query(taken.autodns_number, "an-order-key").taken


def test_too_many_hits_to_be_read_count_as_taken() -> None:
    rows = [{"mexcParamvaluesetsid": str(number), "customerid": f"other-{number}"} for number in range(100)]

    assert client(Said(TOKEN, answer(rows))).query(taken.qvickly_number, "1001").taken
