"""A message that was overtaken: by a dispute other than the one it was planned with, or by a notice a person sent meanwhile."""

from decimal import Decimal
from typing import Any

import pytest

from workers.authoring import BlockReleased, Disputed, Money
from workflows.dunning.byhand import NoticeSent

from .cases import L0, L1
from .conftest import Office, Open

UNDISPUTED = {"dun_undisputed_part": True}


def disputed(office: Office, invoice: str, amount: str | None, **said: Any) -> Disputed:
    part = None if amount is None else Money(Decimal(amount), "EUR")
    whose = {"customer_id": office.customer_of(invoice), "invoice_id": invoice, **said}
    return Disputed(source="shop", at=office.flow.clock.now, reason="wrong goods", amount=part, **whose)


def test_only_the_undisputed_part_is_dunned_where_the_policy_says_so(open_office: Open) -> None:
    office = open_office("2026-04-01 10:00", policy=UNDISPUTED)
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.flow.signal(disputed(office, invoice, "500.00"))

    office.until("2026-04-21")

    assert office.figures("L2") == {"principal": "690.00", "interest": "2.72", "flat_sum": "40.00", "fee": "0.00", "total": "732.72"}
    assert "690,00" in office.mails[-1]["message"]


@pytest.mark.parametrize(
    ("policy", "amount", "said"),
    [
        ({}, "500.00", {}),
        (UNDISPUTED, None, {}),
        (UNDISPUTED, "1187.00", {}),
        (UNDISPUTED, "500.00", {"invoice_id": None}),
    ],
    ids=["the policy holds all of it", "no amount was named", "too little is left", "the customer disputes, not one invoice"],
)
def test_a_dispute_holds_the_whole_invoice(open_office: Open, policy: dict[str, Any], amount: str | None, said: dict[str, Any]) -> None:
    office = open_office("2026-04-01 10:00", policy=policy)
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.flow.signal(disputed(office, invoice, amount, **said))

    office.until("2026-04-23")

    assert (office.ladder(invoice), office.sent) == (("resting", "disputed"), [])


def test_a_larger_dispute_between_the_plan_and_the_call_stops_the_call(open_office: Open) -> None:
    office = open_office("2026-04-20 10:00", policy=UNDISPUTED)
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.flow.signal(disputed(office, invoice, "100.00"))
    office.at_point("read", lambda: office.block(disputed(office, invoice, "600.00")))

    office.until("2026-04-21")
    first = office.sent
    office.until("2026-04-22")

    assert first == []
    assert office.figures("L2")["principal"] == "590.00"


def test_a_dispute_that_ended_before_the_call_has_the_whole_planned_anew(open_office: Open) -> None:
    office = open_office("2026-04-20 10:00", policy=UNDISPUTED)
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.flow.signal(disputed(office, invoice, "100.00"))
    customer = office.customer_of(invoice)
    ended = BlockReleased(source="shop", at=office.flow.clock.now, customer_id=customer, invoice_id=invoice, kind="dispute")
    office.at_point("read", lambda: office.block(ended))

    office.until("2026-04-30")

    assert office.flow.effects[0][2:] == ("cancelled", "dispute_ended")
    assert office.figures("L2")["principal"] == "1190.00"


def test_a_notice_sent_by_hand_withdraws_the_proposal_and_counts_once(open_office: Open) -> None:
    office = open_office("2026-04-20 10:00", policy={"approve_above": "100.00"})
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.grants = False
    office.until("2026-04-21")
    proposed = len(office.flow.ids("proposed"))

    told = NoticeSent(
        source="shop", at=office.flow.clock.now, invoice_id=invoice, customer_id=office.customer_of(invoice), level=2
    )  # fmt: skip
    office.flow.signal(told)

    assert (proposed, office.flow.ids("proposed")) == (1, [])
    assert office.flow.effects[0][2:] == ("cancelled", "sent_by_hand")
    assert office.notices(invoice)[2:] == [("L2", "2026-04-21", "2026-05-04", "done")]
    office.grants = True
    office.until("2026-05-08")
    assert [name for name, *_ in office.notices(invoice)] == ["L0", "L1", "L2", "L3"]


def test_a_notice_sent_by_hand_between_the_plan_and_the_call_stops_the_call(open_office: Open) -> None:
    office = open_office("2026-04-20 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    told = NoticeSent(source="shop", at=office.flow.clock.now, invoice_id=invoice, customer_id=office.customer_of(invoice))
    office.at_point("read", lambda: office.block(told))

    office.until("2026-04-21")

    assert office.mails == []


@pytest.mark.parametrize(
    "fields", [{"x_attributes.dunning": "off"}, {"tags": "vip"}], ids=["an attribute a notification tells", "a tag only a read shows"]
)
def test_a_customer_taken_out_while_the_proposal_waits_gets_no_message(open_office: Open, fields: dict[str, str]) -> None:
    office = open_office("2026-03-20 10:00", policy={"exclude": ["dunning=off", "vip"]})
    invoice = office.invoice()
    office.grants = False
    office.until("2026-03-23")

    office.flow.trigger("customer.updated", customer_id=office.customer_of(invoice), **fields)
    office.approve()
    office.until("2026-03-25")

    assert (office.sent, office.flow.effects[0][2:]) == ([], ("cancelled", "excluded"))
    assert office.ladder(invoice)[1] == "excluded"


def test_a_payment_type_that_changed_while_the_proposal_waits_is_looked_at_anew(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00")
    invoice = office.invoice()
    office.grants = False
    office.until("2026-03-23")

    office.flow.sandbox.account.invoices[invoice]["PAYMENT_TYPE"] = "2"
    office.approve()
    office.until("2026-03-25")

    assert (office.sent, office.flow.effects[0][2:]) == ([], ("cancelled", "payment_type_changed"))
    assert office.ladder(invoice)[1] == "collection_not_failed"
