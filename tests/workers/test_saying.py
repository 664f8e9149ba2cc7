"""What a person may say: an event of the words given, or why it cannot be made of them."""

import pytest

from workers.errors import NotSayable
from workers.saying import event_said
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
        event_said(type, "shop", PART | fields)


def test_a_day_that_is_today_in_a_zone_ahead_is_taken() -> None:
    said = event_said("notice.sent", "shop", PART | {"level": "0", "sent_on": "2026-04-29"})

    assert isinstance(said, NoticeSent) and said.level == 0
