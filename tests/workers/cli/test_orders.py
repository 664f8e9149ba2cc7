"""Orders from the command line: shown first, given with --yes, one for each key, and told what became of them."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from tests.workers.cli.conftest import Billhook
from tests.workers.sandbox.test_app import Served
from workers.control import Audit
from workers.settings import WorkerSettings, build
from workers.sweeper import Sweeper

SET = ("--set", "email=neu@example.com")
UPDATE = ("customers", "shop", "update", "501", *SET)


def deliveries(store: Database) -> list[Any]:
    with store.read() as connection:
        return list(connection.execute(sa.select(table_of(Delivery))).mappings())


def test_nothing_is_ordered_before_it_was_shown(billhook: Billhook, store: Database) -> None:
    shown = billhook(*UPDATE)

    assert shown.code == 0 and "customer.update 501" in shown.out and "neu@example.com" in shown.out and "--yes" in shown.out
    assert deliveries(store) == []


def test_a_preview_in_json_has_the_whole_request(billhook: Billhook, store: Database) -> None:
    (shown,) = billhook("invoices", "shop", "cancel", "7", "--json", "--key", "k").json

    assert shown == {
        "order": "k", "service": "invoice.cancel", "object_id": "7", "request": {"invoice_id": "7"}, "approval": True, "ordered": False
    }  # fmt: skip


def test_an_order_is_kept_once_for_its_key_and_with_who_gave_it(billhook: Billhook, store: Database) -> None:
    for _ in range(2):
        said = billhook(*UPDATE, "--key", "k-1", "--yes", "--wait", "0", "--reason", "asked by phone")

    assert said.code == 1 and "not_routed" in said.out
    (kept,) = deliveries(store)
    assert (kept["origin"], kept["native_id"]) == ("operator", "k-1") and kept["actor"].startswith("cli:")
    with store.read() as connection:
        (audit,) = connection.execute(sa.select(table_of(Audit))).mappings()
    assert (audit["act"], audit["subject"], audit["reason"]) == ("customers update", "shop/501", "asked by phone")
    assert audit["detail"]["fields"] == ["email"]


def test_a_key_that_was_used_for_something_else_is_refused(billhook: Billhook, store: Database) -> None:
    billhook(*UPDATE, "--key", "k-1", "--yes", "--wait", "0")

    said = billhook("customers", "shop", "delete", "501", "--key", "k-1", "--yes")

    assert said.code == 1 and "k-1 was used for another order, customers update" in said.err


def test_several_are_several_orders(billhook: Billhook, store: Database) -> None:
    rows = billhook("customers", "shop", "delete", "1", "2", "--key", "k", "--json").json

    assert [(row["order"], row["object_id"]) for row in rows] == [("k:1", "1"), ("k:2", "2")]


def test_fields_come_from_a_file_and_set_wins(billhook: Billhook, store: Database, place: Path) -> None:
    (place / "new.json").write_text('{"customer_type": "business", "organization": "Alt GmbH", "days_for_payment": 14}')

    (shown,) = billhook("customers", "shop", "create", "-f", "new.json", "--set", "organization=Neu GmbH", "--key", "C-1", "--json").json

    fields = shown["request"]["fields"]
    assert (fields["organization"], fields["days_for_payment"]) == ("Neu GmbH", "14")
    assert (fields["customer_number"], fields["customer_ext_uid"]) == ("C-1", "C-1")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("customers", "shop", "update", "501", "--set", "emial=x"), "do you mean email"),
        (("customers", "shop", "update", *SET), "name the ID"),
        (("customers", "shop", "create", "501", "--set", "customer_type=business"), "takes no ID"),
        (("customers", "shop", "create", *SET), "it needs customer_type"),
        (("customers", "shop", "addcredits", "501", "--set", "amount=many"), "amount"),
        (("invoices", "shop", "create", "1", "2", "--set", "items=[]"), "name one customer's ID"),
        (("invoices", "shop", "send", "7"), "it needs recipient, subject, message"),
        (("invoices", "shop", "setpaid", "7", "--where", "a=b"), "not --where"),
        (("invoices", "shop", "list", "--set", "a=b"), "not --set"),
        (("invoices", "shop", "setpaid", "7", "--key", "x" * 65), "--key"),
        (("invoices", "shop", "activate", "7"), "has no `invoices activate`"),
    ],
)
def test_what_cannot_be_ordered_is_refused_with_the_way_out(billhook: Billhook, store: Database, words: tuple[str, ...], why: str) -> None:
    said = billhook(*words)

    assert said.code == 2 and why in said.err.replace("\n", " ")


@pytest.mark.parametrize("text", ["[1]", "{", ""])
def test_a_file_that_is_no_object_is_named(billhook: Billhook, store: Database, place: Path, text: str) -> None:
    (place / "new.json").write_text(text)

    assert "--file new.json" in billhook("customers", "shop", "update", "501", "-f", "new.json").err


def test_nobody_orders_by_a_signal(billhook: Billhook, store: Database) -> None:
    said = billhook("signal", "service.ordered", "--set", "order=1")

    assert said.code == 2 and "is nothing a person can say" in said.err


@pytest.fixture
def at_work(store: Database, provider: Served) -> Iterator[None]:
    """Somebody who routes and advances, in this process."""
    runtime, over = build(WorkerSettings(), database=store), threading.Event()
    sweeper = Sweeper(runtime=runtime, drives=True)

    def work() -> None:
        while not over.wait(0.02):
            sweeper.sweep()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def told(out: str) -> Any:
    """The row; what the worker logs in this process stands before it."""
    (row,) = json.loads(out.splitlines()[-1])
    return row


def test_the_worker_carries_an_order_out_and_the_command_says_what_became_of_it(
    billhook: Billhook, store: Database, provider: Served, at_work: None
) -> None:
    id = provider.sandbox.trigger("invoice.created")["invoice_id"]

    done, asked = (told(billhook("invoices", "shop", act, id, "--yes", "--json").out) for act in ("complete", "cancel"))
    again = billhook("invoices", "shop", "complete", id, "--yes")

    assert (done["state"], done["reply"]["status"]) == ("done", "success") and done["reference"]
    assert asked["state"] == "proposed" and f"billhook approve {asked['effect']}" in asked["next"]
    assert again.code == 1 and "not_draft" in again.out
    assert billhook("prove").code == 0
