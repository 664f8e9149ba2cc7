"""What was typed becomes the arguments of a service, or a sentence that names what is wrong with it."""

import pytest

from workers.providers import monsum, offers
from workers.providers.bundle import KINDS
from workers.providers.ordering import Fields, Orderable, Target, typed

FIELDS = Fields(names=("email", "x_attributes.*"), needs=("email",))
TARGET = Target(source="shop", id="501")


def test_names_are_taken_in_any_case_and_behind_a_dot() -> None:
    assert FIELDS.named({"EMAIL": "a@b", "X_ATTRIBUTES.Tier": "gold"}) == {"email": "a@b", "x_attributes.Tier": "gold"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"emial": "a@b"}, "do you mean email"),
        ({"email.x": "a@b"}, "no such field"),
        ({"email": "a@b", "x_attributes.": "1"}, "no such field"),
        ({"x_attributes.a": "1"}, "it needs email: --set email="),
    ],
)
def test_a_wrong_name_is_told_with_the_right_one(said: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        FIELDS.named(said)


def test_a_wrong_value_is_named_and_not_quoted() -> None:
    setpaid = offers.ORDERS["monsum"]["invoices", "setpaid"]

    with pytest.raises(ValueError, match="paid_date") as raised:
        setpaid.request(TARGET, {"paid_date": "yesterday-secret"})
    assert "yesterday-secret" not in str(raised.value)


def test_a_request_is_built_of_what_was_said() -> None:
    addcredits = offers.ORDERS["monsum"]["customers", "addcredits"]

    assert addcredits.request(TARGET, {"amount": "12.50"}).model_dump(mode="json") == {"customer_id": "501", "amount": "12.50"}


def test_a_text_that_begins_like_json_is_json() -> None:
    assert typed("12.50") == "12.50"
    assert typed('[{"price": 12.50}]') == [{"price": "12.50"}]
    with pytest.raises(ValueError, match="close every bracket"):
        typed("[1,")


def test_nothing_forbids_an_order_without_a_condition() -> None:
    free = Orderable(about="", service=monsum.capture, fresh=monsum.invoice)

    assert free.must(object()) is None


@pytest.mark.parametrize("kind", sorted(offers.ORDERS))
def test_every_writing_service_of_a_kind_can_be_ordered(kind: str) -> None:
    ordered = {one.service.name for one in offers.ORDERS[kind].values()}
    left = {"mail.send", "webhook.create", "webhook.delete", "poll.confirm", "customers.delete_some"}
    left |= {"customer.createsecurelink"}  # `customers link` asks for it as a read, and keeps the answer nowhere

    assert set(KINDS[kind].services) - ordered <= left


@pytest.mark.parametrize("kind", sorted(offers.ORDERS))
def test_an_order_reads_the_very_kind_of_object_it_changes(kind: str) -> None:
    for name, one in offers.ORDERS[kind].items():
        assert one.service.object_kind in ("", one.fresh.object_kind), name
        assert kind in one.fresh.kinds, name
