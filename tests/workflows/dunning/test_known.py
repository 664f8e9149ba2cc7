"""What is known of several invoices is read once for a step, and is what each question by itself would give."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from receiver.db import table_of
from workers.authoring import Disputed, InvoiceSent, LookAgain, PaymentFailed, Promised, blocks_of, customer_known, events_of_invoice
from workers.events import EventRow
from workflows.dunning.account import Account
from workflows.dunning.byhand import NoticeSent
from workflows.dunning.known import TYPES, known_of
from workflows.dunning.outlook import look
from workflows.dunning.policy import DunningPolicy

from .conftest import Office, Open


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that go to any database meanwhile."""
    said: list[str] = []

    def note(*told: Any) -> None:
        said.append(" ".join(str(told[2]).split()))

    sa.event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        sa.event.remove(Engine, "before_cursor_execute", note)


def several(office: Office, count: int) -> list[str]:
    """Overdue invoices of one customer."""
    first = office.invoice()
    return [first, *(office.invoice(customer_id=office.customer_of(first)) for _ in range(count - 1))]


def account(office: Office, invoice: str) -> Account:
    return Account(
        source="shop", customer_id=office.customer_of(invoice), currency="EUR", policy=DunningPolicy(), zone=office.zone,
        now=office.flow.clock.now,
    )  # fmt: skip


def test_events_and_blocks_of_several_are_those_of_each(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00")
    invoices = several(office, 3)
    customer, now = office.customer_of(invoices[0]), office.flow.clock.now
    about = {"source": "shop", "customer_id": customer}
    office.flow.trigger("customer.updated", customer_id=customer, **{"x_attributes.plan": "gold"})
    office.flow.signal(Disputed(**about, at=now, invoice_id=invoices[0], reason="x"))  # type: ignore[arg-type]
    office.flow.signal(Promised(**about, at=now, invoice_id=None, reason="x", until=date(2026, 4, 1)))  # type: ignore[arg-type]
    office.flow.signal(PaymentFailed(**about, at=now, invoice_id=invoices[1]))  # type: ignore[arg-type]
    office.flow.signal(LookAgain(**about, at=now, invoice_id=invoices[1]))  # type: ignore[arg-type]

    own = table_of(EventRow)
    office.flow.db.write(lambda c: c.execute(own.update().where(own.c.type == LookAgain.type).values(echo=True)))

    with office.flow.db.read() as connection:
        known = known_of(connection, "shop", customer, invoices)
        singly = {id: events_of_invoice(connection, "shop", id, TYPES) for id in invoices}
        blocks = {id: blocks_of(connection, "shop", customer_id=customer, invoice_id=id) for id in invoices}

    assert (known.events, known.blocks) == (singly, blocks)
    assert [len(blocks[id]) for id in invoices] == [2, 1, 1]
    assert [type(one) for one in known.told(invoices[1], (PaymentFailed, InvoiceSent))] == [InvoiceSent, PaymentFailed]
    assert (known.words, known.deleted) == (frozenset({"plan=gold"}), False)


def test_what_was_not_read_is_asked_for(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00")
    one, other = several(office, 2)

    with office.flow.db.read() as connection:
        known = known_of(connection, "shop", office.customer_of(one), [one])
        reading = account(office, one).reading(connection, [one])
        told = reading.told(connection, other, (InvoiceSent,))

    assert (known.knows(one, (InvoiceSent,)), known.knows(one, (NoticeSent,)), known.knows(other, (InvoiceSent,))) == (True, False, False)
    assert [event.invoice_id for event in told] == [other]


def test_a_deleted_customer_is_known_as_one(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00")
    customer = office.customer_of(office.invoice())
    office.flow.trigger("customer.deleted", customer_id=customer)

    with office.flow.db.read() as connection:
        assert customer_known(connection, "shop", customer).deleted
        assert customer_known(connection, "shop", "nobody").tags == []


def test_events_and_blocks_are_read_once_however_many_invoices_a_look_is_about(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00")
    invoices = several(office, 6)
    office.flow.clock.move(office.flow.clock.now + timedelta(days=1))

    with statements() as said:
        office.flow.db.write(lambda connection: look(connection, account(office, invoices[0])))

    asked = [text.partition(" FROM ")[2].split()[0] for text in said if text.startswith("SELECT")]
    assert (asked.count("block"), asked.count("mirror")) == (1, 2)
    assert len([text for text in said if "event.invoice_id IN" in text]) == 1
    assert len([text for text in said if "event.invoice_id = " in text]) == 0


def test_a_ladder_of_which_nothing_new_is_said_is_not_written_again(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00")
    invoices = several(office, 2)
    office.flow.db.write(lambda connection: look(connection, account(office, invoices[0])))

    with statements() as said:
        office.flow.db.write(lambda connection: look(connection, account(office, invoices[0])))

    assert not [text for text in said if text.startswith("UPDATE dunning_ladder")]
