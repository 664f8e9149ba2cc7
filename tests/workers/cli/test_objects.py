"""`billhook customers` and `billhook invoices`: what a source's provider offers, read within its rate, and nothing written down."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from tests.workers.cli.conftest import Billhook
from tests.workers.sandbox.test_app import Served
from workers.cli.objects import in_words, keep, read
from workers.errors import NotHere
from workers.ledger import EffectRow
from workers.limits import Bucket
from workers.providers import offers
from workers.testing.flow import Flow


def test_a_list_is_a_table_and_json_and_leaves_no_trace_but_its_tokens(billhook: Billhook, store: Database, provider: Served) -> None:
    ids = provider.sandbox.trigger("invoice.completed", {"total": "119.00"})

    table = billhook("invoices", "shop", "list", "--where", f"customer_id={ids['customer_id']}")
    rows = billhook("invoices", "shop", "list", "--json").json

    assert table.code == 0 and ids["invoice_id"] in table.out and "119.00 EUR" in table.out
    assert [row["id"] for row in rows] == [ids["invoice_id"]]
    with store.read() as connection:
        kept = [connection.execute(sa.select(sa.func.count()).select_from(table_of(one))).scalar_one() for one in (EffectRow, Delivery)]
        tokens = connection.execute(sa.select(table_of(Bucket).c.tokens)).scalar_one()
    assert kept == [0, 0]
    assert tokens < 50


def test_one_object_is_shown_whole(billhook: Billhook, store: Database, provider: Served) -> None:
    id = provider.sandbox.trigger("customer.created", {"organization": "Muster GmbH"})["customer_id"]

    shown = billhook("customers", "shop", "get", id)

    assert shown.code == 0 and "organization" in shown.out and "Muster GmbH" in shown.out


def test_what_the_provider_does_not_know_is_said(billhook: Billhook, store: Database, provider: Served) -> None:
    said = billhook("customers", "shop", "get", "4711")

    assert said.code == 1 and "the provider of shop knows no 4711" in said.err


def test_without_an_act_what_there_is_is_listed(billhook: Billhook) -> None:
    acts = [row["act"] for row in billhook("customers", "shop", "--json").json]

    assert {"list", "get", "checkvatid"} <= set(acts)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("customers", "shop", "count"), "kind monsum has no `customers count`"),
        (("customers", "shop", "lsit"), "do you mean list"),
        (("customers", "nobody", "list"), "nobody"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(billhook: Billhook, words: tuple[str, ...], why: str) -> None:
    said = billhook(*words)

    assert said.code == 2 and why in said.err


def test_a_read_has_the_rank_of_an_operator() -> None:
    with Flow() as flow:
        flow.sandbox.trigger("customer.created")
        ranks: list[Any] = []
        client = flow.runtime.client
        flow.runtime.client = lambda source, rank: (ranks.append(rank.name), client(source, rank))[1]  # type: ignore[assignment,method-assign]
        reading = offers.reading("monsum", "customers", "list")
        assert reading is not None

        assert len(read(flow.runtime, "shop", reading, (), {}, 10)) == 1
        with pytest.raises(NotHere):
            read(flow.runtime, "shop", offers.READS["monsum"]["customers", "get"], ("nobody",), {}, 1)

    assert ranks[0] == "OPERATOR"


def test_money_is_read_with_its_currency() -> None:
    assert in_words({"amount": "1", "currency": "EUR"}) == "1.00 EUR"
    assert in_words({"amount": "1.00"}) == {"amount": "1.00"}


def test_an_export_goes_into_a_file_nobody_else_reads(billhook: Billhook, place: Path, store: Database) -> None:
    toml = place / "billhook.toml"
    toml.write_text(toml.read_text().replace('kind = "monsum"', 'kind = "qvickly"'))

    assert "write xml or csv" in billhook("customers", "shop", "export", "--format", "pdf").err
    (place / "there.csv").write_text("")
    assert "there already" in billhook("customers", "shop", "export", "--out", "there.csv").err
    keep(b"a;b", place / "new.csv")
    assert (place / "new.csv").stat().st_mode & 0o777 == 0o600


def test_json_of_a_refusal_is_an_object(billhook: Billhook) -> None:
    assert json.loads(billhook("invoices", "shop", "nothing", "--json").out)["exit_code"] == 2


def test_a_link_is_shown_to_who_asks_and_leaves_no_trace(billhook: Billhook, store: Database, provider: Served) -> None:
    id = provider.sandbox.trigger("customer.created")["customer_id"]
    inside = f"/dashboard/{provider.sandbox.account.hash}/"

    (shown,) = billhook("customers", "shop", "link", id, "--json").json
    seen = billhook("customers", "shop", "get", id, "--json").out

    assert inside in shown["dashboard_url"] and "/accountdata/" in shown["accountdata_url"]
    assert inside not in seen
    with store.read() as connection:
        assert [row for table in (EffectRow, Delivery) for row in connection.execute(sa.select(table_of(table)))] == []


def test_a_link_cannot_be_had_of_a_kind_without_one() -> None:
    assert ("customers", "link") in offers.READS["monsum"] and ("customers", "link") not in offers.READS["fastbill"]
    assert all(("customers", "link") not in orders for orders in offers.ORDERS.values())
