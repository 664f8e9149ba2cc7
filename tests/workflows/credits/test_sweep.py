"""What the sweep sees by itself: a balance that stays low while nothing is tried and nobody was told why."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from receiver.db import Database
from workflows.credits import tables
from workflows.credits.policy import CreditsPolicy
from workflows.credits.sweep import Findings, look_around

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def swept(database: Database, hours: float, balance: str = "11.90") -> Findings:
    """What a sweep so many hours after noon finds of customer 501, who had credits once."""
    balances, zone = {"501": Decimal(balance)}, ZoneInfo("Europe/Berlin")
    at = NOON + timedelta(hours=hours)
    asked_at = at - timedelta(minutes=5)
    return database.write(lambda c: look_around(c, "shop", f"run-{hours}", CreditsPolicy(), balances, zone, at, asked_at))


def granted(database: Database, uid: str, amount: str, at: datetime) -> None:
    """So much was granted to customer 501."""
    said = {"state": tables.GRANTED, "amount": amount, "currency": "EUR", "run_id": uid, "opened_at": at, "ended_at": at}
    database.write(lambda c: tables.add_order(c, "shop", "501", uid, **said))


def test_a_balance_that_is_low_for_six_hours_without_a_reason_is_told_once(sqlite_database: Database) -> None:
    found = [swept(sqlite_database, hours).low for hours in (0, 5.5, 6, 7)]

    assert found == [(), (), ("501",), ()]


def test_a_balance_that_recovers_or_was_explained_is_not_told(sqlite_database: Database) -> None:
    swept(sqlite_database, 0)
    swept(sqlite_database, 3, balance="50.00")
    swept(sqlite_database, 4)
    recovered = swept(sqlite_database, 7).low
    sqlite_database.write(lambda c: tables.put_customer(c, "shop", "501", told="cap_day:2026-11-20"))

    assert (recovered, swept(sqlite_database, 11).low) == ((), ())


def test_what_was_granted_while_the_balances_were_read_is_not_unexplained_a_day_later(sqlite_database: Database) -> None:
    granted(sqlite_database, "first", "50.00", NOON - timedelta(days=2))
    granted(sqlite_database, "meanwhile", "85.00", NOON - timedelta(minutes=2))

    found = [swept(sqlite_database, hours, balance).unexplained for hours, balance in ((0, "15.00"), (24, "100.00"), (48, "140.00"))]

    assert found == [{}, {}, {"501": "40.00"}]
