"""What came in by transfer before: kept once, used once, and given back where nothing was set paid with it."""

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from receiver.db import Database
from workers import mirror
from workers.authoring import Money
from workflows.credits import books, tables, transfers
from workflows.credits import lost as books_lack
from workflows.credits.effects import TopUp
from workflows.credits.happenings import CreditsReceived
from workflows.credits.transfers import Opened, Purse

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)


def told(amount: str = "100.00", reference: str = "4711", **said: Any) -> CreditsReceived:
    known = {"customer_id": "501", "amount": Money(Decimal(amount), "EUR"), "received_on": date(2026, 11, 18), **said}
    return CreditsReceived(source="shop", at=NOW, reference=reference, **known)


def keep(database: Database, *all_told: CreditsReceived) -> list[str]:
    return [database.write(lambda c, one=one: transfers.keep(c, one, NOW)) for one in all_told]  # type: ignore[misc]


def opened(connection: Connection, amount: str, uid: str = "billhook-topup-1") -> Opened:
    asked = TopUp(source="shop", id="501", uid=uid, amount=Decimal(amount), currency="EUR", balance=Decimal(5), by_transfer=True)
    return transfers.open_order(connection, asked, "run", None, NOW, TODAY)


def end(connection: Connection, state: str, uid: str = "billhook-topup-1") -> None:
    """The order came to this."""
    tables.set_order(connection, "shop", uid, state=state, ended_at=NOW)


def left(database: Database, today: date = TODAY) -> str:
    with database.read() as connection:
        return str(transfers.purse_of(connection, "shop", "501", "EUR", today).left)


def test_one_reference_is_kept_once_and_another_amount_or_customer_under_it_differs(database: Database) -> None:
    found = keep(database, told(), told("100.0"), told("90.00"), told(customer_id="502"), told(reference="4712"))

    assert found == ["kept", "known", "differs", "differs", "kept"]
    assert left(database) == "200.00"


def test_another_currency_and_a_day_to_come_count_for_nothing(database: Database) -> None:
    keep(database, told(amount="9.00"), told(reference="2", amount="1.00", received_on=date(2026, 11, 21)))
    database.write(lambda c: transfers.keep(c, CreditsReceived(
        source="shop", at=NOW, customer_id="501", amount=Money(Decimal(5), "SEK"), received_on=TODAY, reference="3"), NOW))  # fmt: skip

    assert (left(database), left(database, date(2026, 11, 21))) == ("9.00", "10.00")


def test_what_an_order_uses_is_gone_and_its_day_is_that_of_the_last_transfer_it_needs(database: Database) -> None:
    keep(database, told("30.00", "1"), told("30.00", "2", received_on=date(2026, 11, 19)), told("30.00", "3", received_on=TODAY))

    first = database.write(lambda c: opened(c, "30.00"))
    database.write(lambda c: end(c, tables.GRANTED))
    second = database.write(lambda c: opened(c, "30.01", "billhook-topup-2"))

    assert (first.paid_on, second.paid_on, left(database)) == (date(2026, 11, 18), TODAY, "29.99")


def test_more_than_is_left_opens_nothing_and_takes_nothing(database: Database) -> None:
    keep(database, told())
    database.write(lambda c: (opened(c, "60.00"), end(c, tables.GRANTED)))

    again = database.write(lambda c: opened(c, "40.01", "billhook-topup-2"))

    assert (again, left(database)) == (Opened(reason="received_used"), "40.00")
    with database.read() as connection:
        assert tables.open_order(connection, "shop", "501") is None


def test_two_transactions_at_once_do_not_use_the_same_money(postgres_database: Database) -> None:
    keep(postgres_database, told())
    begun, found = threading.Event(), list[Opened]()

    def first(connection: Connection) -> None:
        opened(connection, "60.00")
        thread.start()
        begun.wait(5)
        end(connection, tables.GRANTED)

    def second(connection: Connection) -> Opened:
        transfers.purse_of(connection, "shop", "501", "EUR", TODAY)
        begun.set()
        return opened(connection, "60.00", "billhook-topup-2")

    thread = threading.Thread(target=lambda: found.append(postgres_database.write(second)))
    postgres_database.write(first)
    thread.join(10)

    assert (found, left(postgres_database)) == ([Opened(reason="received_used")], "40.00")


@pytest.mark.parametrize(
    ("state", "given_back"), [(tables.OPEN, True), (tables.INVOICED, True), (tables.CAPTURING, False), (tables.PAID, False)]
)
def test_an_order_gives_its_money_back_where_it_ends_before_an_invoice_was_set_paid(
    state: str, given_back: bool, database: Database
) -> None:
    keep(database, told())
    database.write(lambda c: (opened(c, "60.00"), end(c, state)))

    database.write(lambda c: (tables.give_back(c, "shop", "billhook-topup-1"), end(c, tables.FAILED)))

    assert left(database) == ("100.00" if given_back else "40.00")


def test_money_that_was_given_back_is_used_once_the_invoice_of_that_order_is_paid_after_all(database: Database) -> None:
    keep(database, told())
    database.write(lambda c: (opened(c, "60.00"), tables.give_back(c, "shop", "billhook-topup-1"), end(c, tables.FAILED)))
    database.write(lambda c: tables.set_order(c, "shop", "billhook-topup-1", invoice_id="9"))

    database.write(lambda c: books.paid_after_all(c, "shop", "501", "9", NOW))

    assert left(database) == "40.00"


def test_a_top_up_that_the_books_lack_may_have_used_what_came_in(database: Database) -> None:
    keep(database, told())
    lost = {"ext_uid": "billhook-topup-9", "type": "outgoing", "customer_id": "501", "total": "70", "currency": "EUR", "outstanding": "0"}

    database.write(lambda c: mirror.write_own(c, "shop", "invoice", "9", lost, touches={}, at=NOW))

    with database.read() as connection:
        purse = transfers.purse_of(connection, "shop", "501", "EUR", TODAY)
    database.write(lambda c: books_lack.adopt(c, "shop", "501", 14, NOW))
    assert purse == Purse(received=Decimal("100.00"), left=Decimal("30.00"))
    assert left(database) == "30.00"
