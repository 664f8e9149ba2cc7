"""The boards of the shipped workflows: as many questions for many customers and invoices as for a few."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from tests.workers.asked import listening
from workflows.credits import grants, shown, transfers
from workflows.credits import tables as credits
from workflows.dunning import gates
from workflows.dunning import tables as dunning

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def put(connection: Connection, model: type[Any], **row: Any) -> None:
    connection.execute(sa.insert(table_of(model)).values({"source": "shop", **row}))


def ladder(connection: Connection, id: str, *, state: str = "resting") -> None:
    """An invoice in dunning with two notices and a claim."""
    named = {"invoice_id": id, "customer_id": "7"}
    put(connection, dunning.LadderRow, **named, currency="EUR", state=state, changed_at=AT)
    for level, sent in ((1, "done"), (2, "done"), (3, "observed")):
        notice = {"level": level, "copy": 0, "name": f"L{level}", "sent_on": date(2026, 11, level), "deadline_on": date(2026, 11, 20)}
        put(connection, dunning.NoticeRow, **named, **notice, way="email", state=sent, run_id="r")
    claim = {"invoice_id": id, "level": 2, "kind": "fee", "amount": "2.50", "currency": "EUR", "given_up": False, "changed_at": AT}
    put(connection, dunning.ClaimRow, **claim, state="open" if state == "resting" else "waived")


def customer(connection: Connection, id: str) -> None:
    """A customer of prepaid credits who sent 100 twice and used 150 of it, with a grant of 150."""
    money = {"customer_id": id, "currency": "EUR"}
    put(connection, credits.CreditsCustomer, customer_id=id, reckoned="120.00")
    for place in (1, 2):
        came = {"amount": "100.00", "reference": f"{id}-{place}", "received_on": date(2026, 11, place)}
        put(connection, transfers.ReceivedRow, **money, **came, kept_at=AT)
    said = {"uid": f"u{id}", "amount": "150.00"}
    put(connection, credits.CreditsOrder, **money, **said, run_id="r", state="granted", means="transfer", opened_at=AT)
    put(connection, grants.CreditsGrant, **money, **said, granted_at=AT, expires_at=AT + timedelta(days=365))


@pytest.mark.parametrize(
    ("panel", "make"),
    [(gates.ladders, ladder), (gates.claims, ladder), (shown.shown, customer), (grants.expiring, customer)],
)
def test_a_board_asks_no_more_for_many_rows_than_for_one(
    sqlite_database: Database, panel: Callable[[Connection, str], list[object]], make: Callable[[Connection, str], None]
) -> None:
    def asked(ids: str) -> tuple[int, int]:
        sqlite_database.write(lambda c: [make(c, id) for id in ids])
        with sqlite_database.read() as connection, listening(connection) as statements:
            return len(panel(connection, "shop")), len(statements)

    one, few = asked("a")
    many, more = asked("bcdefg")

    assert many > one > 0
    assert more == few


def test_the_board_of_dunning_names_the_last_notice_that_went_out_and_no_closed_ladder(sqlite_database: Database) -> None:
    sqlite_database.write(lambda c: [ladder(c, "1"), ladder(c, "2", state="closed")])

    with sqlite_database.read() as connection:
        lines, claims = gates.ladders(connection, "shop"), gates.claims(connection, "shop")

    assert [(line.invoice, line.reached) for line in lines] == [("1", "L2")]
    assert [(claim.invoice, claim.amount, claim.ladder) for claim in claims] == [("1", "2.50 EUR", "resting")]


def test_the_board_of_credits_tells_each_customers_money_apart(sqlite_database: Database) -> None:
    sqlite_database.write(lambda c: [customer(c, "1"), customer(c, "2")])

    with sqlite_database.read() as connection:
        lines = [(row.customer, row.amount, row.unused) for row in shown.shown(connection, "shop") if row.state == "received"]
        left = [(row.customer, row.left) for row in grants.expiring(connection, "shop")]

    assert lines == [("1", "200.00 EUR", "50.00 EUR"), ("2", "200.00 EUR", "50.00 EUR")]
    assert left == [("1", "120.00 EUR"), ("2", "120.00 EUR")]
