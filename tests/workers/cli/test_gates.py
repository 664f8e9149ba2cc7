"""bank-checked, mark-sent and rate: they say what they set free, and do it only with --yes."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from receiver.money import Money
from tests.workers.cli.conftest import Billhook
from workers import mirror
from workers.loading import load_folders
from workflows.dunning import tables
from workflows.dunning.claims import Claim

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def waiting(store: Database) -> Database:
    """Invoice 4711 of customer 501 waits to be known as sent, and 4712 for the bank."""
    load_folders()

    def act(connection: sa.Connection) -> None:
        for id, reason in (("4711", "not_sent"), ("4712", "stale_bank_data")):
            held = mirror.lock(connection, "shop", "invoice", id)
            fields = {"type": "outgoing", "customer_id": "501", "currency": "EUR", "outstanding": "119.00", "total": "119.00"}
            values = {"fields": fields, "customer_id": "501", "completed": True, "seen": True}
            connection.execute(sa.update(table_of(mirror.Mirror)).where(table_of(mirror.Mirror).c.id == held.id).values(**values))
            tables.put_ladder(connection, "shop", id, customer_id="501", currency="EUR", reason=reason, next_name="L0", at=AT)

    store.write(act)
    return store


def told(database: Database) -> list[str]:
    table = table_of(Delivery)
    with database.read() as connection:
        return list(connection.execute(sa.select(table.c.native_type).order_by(table.c.id)).scalars())


def test_what_waits_behind_a_gate_is_listed_with_the_command_that_says_it(billhook: Billhook, waiting: Database) -> None:
    found = {row["gate"]: row for row in billhook("gates", "--source", "shop", "--json").json if row["gate"] != "rate.confirmed"}

    assert found["bank.checked"]["command"] == "billhook bank-checked --through DATE --source shop"
    assert found["bank.checked"]["title"] == "1 notice waits for the bank"
    assert found["invoice.sent"]["fields"] == {"invoice_id": "4711", "customer_id": "501"}
    assert found["invoice.sent"]["amount"] == "119.00 EUR"
    assert "billhook mark-sent 4711" in billhook("gates").out


def test_a_bank_check_says_what_it_would_set_free_and_does_nothing(billhook: Billhook, waiting: Database) -> None:
    shown = billhook("bank-checked", "--through", "2026-11-20")

    assert "invoice 4712 of customer 501: L0, 119.00 EUR" in " ".join(shown.out.split())
    assert "add --yes to do it" in shown.out
    assert told(waiting) == []


def test_a_bank_check_with_yes_is_given_to_billhook(billhook: Billhook, waiting: Database) -> None:
    first = billhook("bank-checked", "--through", "2026-11-20", "--yes", "--json")

    assert first.json == [{"source": "shop", "sets_free": "invoice 4712 of customer 501: L0, 119.00 EUR"}]
    assert told(waiting) == ["operator.bank.checked"]


def test_a_bank_check_of_a_day_ahead_is_refused(billhook: Billhook, store: Database) -> None:
    refused = billhook("bank-checked", "--through", "2999-01-01", "--yes")

    assert (refused.code, "nobody has checked that day yet" in refused.err) == (2, True)


def test_invoices_are_marked_sent_by_customer_and_only_what_waits_is_named(billhook: Billhook, waiting: Database) -> None:
    shown = billhook("mark-sent", "--customer", "501", "--on", "2026-11-02", "--yes", "--json")

    assert shown.json == [{"source": "shop", "sets_free": "invoice 4711 of customer 501: L0, 119.00 EUR"}]
    assert told(waiting) == ["operator.invoice.sent", "operator.invoice.sent"]


def test_marking_sent_on_a_day_ahead_is_refused(billhook: Billhook, waiting: Database) -> None:
    refused = billhook("mark-sent", "--customer", "501", "--on", "2999-01-01", "--yes")

    assert (refused.code, "lies ahead" in refused.err, told(waiting)) == (2, True, [])


def test_marking_sent_what_nobody_named_or_knows_is_refused(billhook: Billhook, waiting: Database) -> None:
    nothing, unknown = billhook("mark-sent", "--on", "2026-11-02"), billhook("mark-sent", "1", "--on", "2026-11-02")

    assert (nothing.code, unknown.code) == (2, 1)
    assert "no open invoice fits" in unknown.err


@pytest.fixture
def claimed(waiting: Database) -> Database:
    """Interest and flat sum of invoice 4711 are open."""
    money = [("interest", "4.69"), ("flat_sum", "40.00")]
    open_claims = [Claim(level=2, kind=kind, amount=Money(Decimal(amount), "EUR")) for kind, amount in money]  # type: ignore[arg-type]
    waiting.write(lambda c: tables.put_claims(c, "shop", "4711", open_claims, at=AT))
    return waiting


def test_claims_are_listed_and_what_settling_them_would_do_is_shown_before_it_is_said(billhook: Billhook, claimed: Database) -> None:
    listed = billhook("claims", "list", "--json").json
    shown, said = billhook("claims", "paid", "4711", "--json"), billhook("claims", "waived", "4711", "--kind", "interest", "--yes")

    assert [(one["claim"], one["level"], one["amount"], one["ladder"]) for one in listed] == [
        ("interest", 2, "4.69 EUR", "open"), ("flat_sum", 2, "40.00 EUR", "open"),
    ]  # fmt: skip
    assert [row["sets_free"] for row in shown.json] == [
        "invoice 4711: flat_sum 40.00 EUR (level 2) becomes paid", "invoice 4711: interest 4.69 EUR (level 2) becomes paid",
    ]  # fmt: skip
    assert (said.code, told(claimed)) == (0, ["operator.claims.settled"])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("claims", "paid", "4712", "--yes"), "no claim of invoice 4712 is open on shop"),
        (("claims", "paid", "4711", "--kind", "fee", "--yes"), "no fee of invoice 4711 is open on shop"),
        (("claims", "waived", "--yes"), "say of which invoice"),
    ],
)
def test_claims_that_are_not_open_or_not_named_are_refused(
    billhook: Billhook, claimed: Database, arguments: tuple[str, ...], why: str
) -> None:
    refused = billhook(*arguments)

    assert (refused.code, why in " ".join(refused.err.replace("│", " ").split()), told(claimed)) == (2, True, [])


def test_of_several_accounts_the_one_whose_claims_they_are_is_named(billhook: Billhook, claimed: Database, place: Path) -> None:
    text = (place / "billhook.toml").read_text(encoding="utf-8")
    (place / "billhook.toml").write_text(
        text + text[text.index("[source.shop]") :].replace("source.shop", "source.other"), encoding="utf-8"
    )

    unnamed, named = billhook("claims", "paid", "4711"), billhook("claims", "paid", "4711", "--source", "shop")

    assert (unnamed.code, named.code, "name the source: --source other|shop" in unnamed.err) == (2, 0, True)


def test_a_rate_is_confirmed_by_its_key_and_an_unknown_key_is_refused(billhook: Billhook, store: Database) -> None:
    listed = billhook("rate", "list", "--json").json
    key = next(row["key"] for row in listed if row["usable"] != "yes")

    wrong, right = billhook("rate", "confirm", "DE 1999-01-01 1.00", "--yes"), billhook("rate", "confirm", key, "--yes")

    assert (wrong.code, right.code) == (2, 0)
    assert told(store) == ["operator.rate.confirmed"]
