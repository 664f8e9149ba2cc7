"""A notice that a person sent: it counts as its level, the clock starts anew from it, and it is taken in once."""

from datetime import date

from workers.authoring import Event
from workflows.dunning.byhand import NoticeSent

from .cases import L0
from .conftest import Office, Open


def told(office: Office, invoice: str, **said: object) -> Event:
    return NoticeSent(
        source="shop", at=office.flow.clock.now, invoice_id=invoice, customer_id=office.customer_of(invoice), **said  # type: ignore[arg-type]
    )  # fmt: skip


def test_it_counts_as_its_level_and_the_next_one_follows_its_deadline(open_office: Open) -> None:
    office = open_office("2026-03-31 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0)
    office.until("2026-04-01")

    office.flow.signal(told(office, invoice, level=1, sent_on=date(2026, 4, 1)))
    office.until("2026-04-17")

    assert office.notices(invoice)[1:] == [("L1", "2026-04-01", "2026-04-13", "done"), ("L2", "2026-04-17", "2026-04-27", "done")]
    assert office.sent == ["2026-04-17"]
    assert office.figures("L2")["interest"] == "5.36"  # 16 days, for the first Mahnung arrived on 1 April


def test_without_a_level_it_is_the_next_one_and_every_look_takes_it_in_once(open_office: Open) -> None:
    office = open_office("2026-03-31 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0)
    office.until("2026-04-01")

    office.flow.signal(told(office, invoice))
    office.look_again(invoice)
    office.look_again(invoice)

    assert [(name, on) for name, on, _, _ in office.notices(invoice)] == [("L0", "2026-03-23"), ("L1", "2026-04-01")]


def test_beyond_the_last_level_it_is_the_last_one(open_office: Open) -> None:
    office = open_office("2026-03-31 10:00")
    invoice = office.invoice()
    office.until("2026-04-01")

    office.flow.signal(told(office, invoice, level=7))

    assert office.notices(invoice)[-1][0] == "L3"
