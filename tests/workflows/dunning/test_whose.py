"""Customers that are deleted, and invoices that are another one's now: the ladder stops, and a person hears of it."""

from receiver.event import CustomerDeleted
from workers.authoring import LookAgain
from workers.sandbox.account import Record

from .cases import L0, L1
from .conftest import Office, Open

ALONE = {"approve_first_notice": False}


def begun(open_office: Open) -> tuple[Office, str]:
    """An invoice with its reminder, on the day before the next notice."""
    office = open_office("2026-04-01 10:00", policy=ALONE)
    invoice = office.invoice()
    office.reached(invoice, L0)
    office.until("2026-04-02")
    return office, invoice


def moved(office: Office, invoice: str) -> str:
    """The invoice is another customer's at the provider, as after a merge; nobody told yet."""
    other = office.flow.trigger("customer.created")["customer_id"]
    record: Record = office.flow.sandbox.account.invoices[invoice]
    record["CUSTOMER_ID"] = other
    return other


def test_a_deleted_customers_ladders_stop_at_once_and_a_person_is_asked(open_office: Open) -> None:
    office, invoice = begun(open_office)

    office.flow.trigger("customer.deleted", customer_id=office.customer_of(invoice))

    assert office.ladder(invoice) == ("stopped", "customer_deleted")
    assert office.flow.told.count(("task", "customer_deleted")) == 1
    office.until("2026-04-20")
    assert (office.mails, office.flow.told.count(("task", "customer_deleted"))) == ([], 1)


def test_looking_again_does_not_dun_a_customer_who_is_still_deleted(open_office: Open) -> None:
    office, invoice = begun(open_office)
    customer = office.customer_of(invoice)
    office.flow.trigger("customer.deleted", customer_id=customer)
    office.until("2026-04-09")

    office.look_again(invoice)
    office.until("2026-04-10")

    assert (office.ladder(invoice), office.mails) == (("stopped", "customer_deleted"), [])


def test_looking_again_at_a_customer_who_is_still_deleted_asks_a_person_once_more_and_not_each_week(open_office: Open) -> None:
    office, invoice = begun(open_office)
    office.flow.trigger("customer.deleted", customer_id=office.customer_of(invoice))
    office.until("2026-04-09")

    office.look_again(invoice)
    office.until("2026-05-11")

    assert office.flow.told.count(("task", "customer_deleted")) == 2


def test_a_payment_of_a_deleted_customer_still_closes_the_ladder(open_office: Open) -> None:
    office, invoice = begun(open_office)
    office.flow.trigger("customer.deleted", customer_id=office.customer_of(invoice))

    office.flow.trigger("invoice.paid", invoice_id=invoice)

    assert office.ladder(invoice) == ("closed", "paid")


def test_an_invoice_that_was_moved_to_another_customer_waits_for_a_person_and_keeps_its_level(open_office: Open) -> None:
    office, invoice = begun(open_office)
    office.reached(invoice, L1)
    other = moved(office, invoice)
    office.flow.trigger("invoice.changed", invoice_id=invoice)
    office.until("2026-04-22")
    held, told = office.ladder(invoice), office.flow.told.count(("task", "customer_changed"))

    office.flow.signal(LookAgain(source="shop", at=office.flow.clock.now, invoice_id=invoice, customer_id=other))
    office.until("2026-04-24")

    assert (held, told) == (("stopped", "customer_changed"), 1)
    assert [name for name, *_ in office.notices(invoice)] == ["L0", "L1", "L2"]
    assert len(office.mails) == 1


def test_an_invoice_that_was_moved_is_not_taken_for_paid_by_its_old_customers_run(open_office: Open) -> None:
    office, invoice = begun(open_office)
    old = office.customer_of(invoice)
    moved(office, invoice)

    office.flow.trigger("invoice.changed", invoice_id=invoice)
    office.flow.trigger("customer.updated", customer_id=old)

    assert office.ladder(invoice)[0] != "closed"


def test_a_move_that_nobody_told_of_is_seen_by_the_read_before_the_message(open_office: Open) -> None:
    office, invoice = begun(open_office)
    moved(office, invoice)

    office.until("2026-04-07")

    assert (office.mails, office.ladder(invoice)[1]) == ([], "customer_changed")


def test_a_move_between_the_plan_and_the_call_stops_the_call(open_office: Open) -> None:
    office, invoice = begun(open_office)
    office.at_point("intended", lambda: moved(office, invoice))

    office.until("2026-04-07")

    assert (office.mails, office.ladder(invoice)[1]) == ([], "customer_changed")


def test_a_customer_deleted_before_the_ladder_begins_is_not_reminded(open_office: Open) -> None:
    office = open_office("2026-03-10 10:00", policy=ALONE)
    invoice = office.invoice()
    office.flow.trigger("customer.deleted", customer_id=office.customer_of(invoice))

    office.until("2026-03-25")

    assert (office.ladder(invoice), office.mails) == (("stopped", "customer_deleted"), [])
    assert [row["type"] for row in office.events()].count(CustomerDeleted.type) == 1
