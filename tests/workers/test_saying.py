"""What a person may say: an event of the words given, or why it cannot be made of them."""

import dataclasses

import pytest

from receiver.event import event_class
from receiver.sources.autodns_events import CreditLow
from workers.errors import NotSayable
from workers.saying import event_said, money_fields
from workflows.credits.happenings import CreditsReceived
from workflows.dunning.byhand import NoticeSent

PART = {"invoice_id": "4711", "at": "2026-04-28T10:00:00Z"}


@pytest.mark.parametrize(
    ("type", "fields", "why"),
    [
        ("notice.sent", {"level": "-1"}, r"level \(-1: the first one is 0\)"),
        ("notice.sent", {"sent_on": "2062-04-28"}, r"sent_on \(2062-04-28 lies ahead\)"),
        ("invoice.part_cancelled", {"amount": "-500.00"}, r"amount \(-500.00 is not above zero\)"),
        ("invoice.part_cancelled", {"amount": "500.00", "cancelled_on": "2026-04-30"}, r"cancelled_on \(2026-04-30 lies ahead\)"),
        ("block.dispute", {"amount": "0.00", "reason": "wrong goods", "customer_id": "501"}, r"amount \(0.00 is not above zero\)"),
        ("notice.sent", {"level": "first"}, r"level \(Input should be a valid integer"),
    ],
)
def test_what_can_be_read_and_cannot_be_is_refused_with_its_field(type: str, fields: dict[str, str], why: str) -> None:
    with pytest.raises(NotSayable, match=f"{type} cannot be made of this: {why}"):
        event_said(type, "shop", PART | fields, currency="EUR")


def test_a_day_that_is_today_in_a_zone_ahead_is_taken() -> None:
    said = event_said("notice.sent", "shop", PART | {"level": "0", "sent_on": "2026-04-29"})

    assert isinstance(said, NoticeSent) and said.level == 0


@pytest.mark.parametrize("type", ["invoice.part_cancelled", "block.dispute", "block.promise", CreditsReceived.type])
@pytest.mark.parametrize(("said", "amount"), [("500.00", "500.00 SEK"), ("500.00 EUR", "500.00 EUR"), ("500.00 eur", "500.00 EUR")])
def test_an_amount_without_a_currency_is_in_the_one_that_is_known(type: str, said: str, amount: str) -> None:
    fields = {"customer_id": "501", "reason": "broken", "until": "2026-05-05", "received_on": "2026-04-28", "reference": "1"}
    own = {name: fields.get(name, "4711") for name in (one.name for one in dataclasses.fields(event_class(type))) if name in fields}  # type: ignore[arg-type]
    own |= {} if type == CreditsReceived.type else {"invoice_id": "4711"}

    event = event_said(type, "shop", {**own, "at": PART["at"], "amount": said}, currency="SEK")

    assert str(event.amount) == amount  # type: ignore[attr-defined]


def test_an_amount_of_which_nobody_knows_the_currency_is_refused_with_what_to_write() -> None:
    with pytest.raises(NotSayable, match=r'amount \(500.00 of which currency\? Write it with the amount, as "500.00 SEK"\)'):
        event_said("invoice.part_cancelled", "shop", PART | {"amount": "500.00"})


def test_every_field_that_is_an_amount_is_read_as_one() -> None:
    said = {"customer_id": "ix/1", "available": "39.50", "threshold": "50.00 EUR", "n": "1"}

    event = event_said(CreditLow.type, "domains", said, currency="EUR")

    assert isinstance(event, CreditLow) and event.available < event.threshold
    assert money_fields(CreditLow) == {"available", "threshold"}
