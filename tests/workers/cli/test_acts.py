"""Acts of people: each enters the inbox with who and why, and the answer is the router's."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver import inbox
from receiver.db import Database
from tests.processes import eventually
from tests.workers.cli.conftest import AT, Billhook, Made
from workers import desk, ledger, mirror, orders
from workers.views import VIEWS


def state_of(store: Database, effect: str) -> str:
    with store.read() as connection:
        row = ledger.load(connection, effect)
    assert row is not None
    return str(row["state"])


def open_items(store: Database) -> list[int]:
    with store.read() as connection:
        return [row["id"] for row in VIEWS["parked"].rows(connection, {}, 9)]


def unknown(store: Database, made: Made) -> None:
    """The e-mail was called, and nobody knows how it came out."""
    for since, after in (("proposed", "approved"), ("approved", "calling"), ("calling", "unknown")):
        store.write(lambda c, since=since, after=after: ledger.move(c, made.effect, after, since=[since], at=AT))  # type: ignore[misc]


@pytest.mark.usefixtures("router")
def test_an_approved_effect_may_happen_and_who_approved_is_kept(billhook: Billhook, store: Database, made: Made) -> None:
    answer = billhook("approve", made.effect, "--reason", "looks right", "--json")
    [delivery] = billhook("deliveries", "--type", "operator.approve", "--json").json

    assert (answer.code, answer.json[0]["outcome"]) == (0, "events")
    assert state_of(store, made.effect) == "approved"
    assert delivery["actor"].startswith("cli:")


@pytest.mark.usefixtures("router")
def test_a_rejected_effect_does_not_happen(billhook: Billhook, store: Database, made: Made) -> None:
    answer = billhook("reject", made.effect)

    assert answer.code == 0
    assert state_of(store, made.effect) == "cancelled"


@pytest.mark.usefixtures("router")
def test_approving_twice_is_refused_with_the_state_it_is_in(billhook: Billhook, made: Made) -> None:
    billhook("approve", made.effect)

    again = billhook("approve", made.effect)

    assert again.code == 1
    assert "approved" in again.err


@pytest.mark.usefixtures("router")
@pytest.mark.parametrize(("did", "state"), [("did", "done"), ("did-not", "cancelled")])
def test_an_unknown_effect_is_resolved_by_what_a_person_found(
    billhook: Billhook, store: Database, made: Made, did: str, state: str
) -> None:
    unknown(store, made)

    answer = billhook("resolve", made.effect, did, *(["--on", "2026-11-19"] if did == "did" else []))

    assert answer.code == 0, answer.err
    assert state_of(store, made.effect) == state


@pytest.mark.usefixtures("router")
def test_a_parked_item_is_closed_with_a_reason(billhook: Billhook, store: Database, made: Made) -> None:
    store.write(lambda c: desk.park(c, kind="variant", source="shop", subject="delivery:1", reason="other bytes", at=AT, delivery_id=1))
    [item] = billhook("parked", "--json").json

    closed = billhook("close", str(item["id"]), "--reason", "seen")

    assert closed.code == 0, closed.err
    assert billhook("parked", "--json").json == []


def test_an_order_that_nobody_routes_is_kept_and_ends_with_one(
    billhook: Billhook, store: Database, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "ANSWER_S", 0.0)

    answer = billhook("approve", made.effect)

    assert answer.code == 1
    assert "kept as delivery" in answer.out
    assert state_of(store, made.effect) == "proposed"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("approve", "nothing"), 1, "there is no effect nothing"),
        (("retry", "99"), 1, "nothing parked has the id 99"),
        (("close", "x"), 1, "nothing parked has the id x"),
        (("resend", "EFFECT"), 2, "--reason"),
        (("resolve", "EFFECT", "maybe"), 2, "maybe"),
        (("resolve", "EFFECT", "did", "--on", "yesterday"), 2, "--on takes a date"),
        (("signal", "invoice.completed"), 2, "nothing a person can say"),
        (("signal", "send.stopped"), 2, "invoice_id"),
        (("signal", "send.stopped", "--set", "4711"), 2, "name=value"),
        (("signal", "send.stopped", "--set", "invoice_id=1", "--set", "bogus=1"), 2, "no field bogus: its fields are at, invoice_id"),
        (("signal", "send.stopped", "--set", "invoice_id=1", "--set", "source=other"), 2, "no field source"),
        (("retry", "delivery:99"), 1, "there is no delivery 99"),
        (("signal", "send.stopped", "--source", "other"), 2, "no source other"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(billhook: Billhook, made: Made, words: tuple[str, ...], code: int, sentence: str) -> None:
    answer = billhook(*(made.effect if word == "EFFECT" else word for word in words))

    assert answer.code == code
    assert sentence in answer.err and "Traceback" not in answer.err


@pytest.mark.usefixtures("router")
def test_a_signal_becomes_an_event_of_its_source(billhook: Billhook, store: Database) -> None:
    answer = billhook(
        "signal", "block.dispute", "--set", "customer_id=501", "--set", "reason=broken", "--set", "amount=12.50 EUR", "--json"
    )
    [event] = billhook("events", "--type", "block.dispute", "--json").json
    told = billhook("events", "show", str(event["id"]), "--json").json

    assert answer.code == 0, answer.err
    assert (event["source"], event["customer_id"]) == ("shop", "501")
    assert told["data"]["amount"] == {"amount": "12.50", "currency": "EUR"}
    with store.read() as connection:
        held = desk.blocks(connection, source="shop", customer_id="501", invoice_id=None, on=datetime.now(UTC).date())
    assert held == ["dispute"]


@pytest.mark.usefixtures("router")
def test_an_amount_is_in_the_currency_of_the_invoice_it_is_about(billhook: Billhook, store: Database) -> None:
    store.write(lambda c: mirror.write_own(c, "shop", "invoice", "4799", {"currency": "SEK"}, touches={}, at=AT))

    answer = billhook("signal", "invoice.part_cancelled", "--set", "invoice_id=4799", "--set", "amount=500.00")
    [event] = billhook("events", "--type", "invoice.part_cancelled", "--json").json

    assert answer.code == 0, answer.err
    assert billhook("events", "show", str(event["id"]), "--json").json["data"]["amount"] == {"amount": "500.00", "currency": "SEK"}


def test_an_amount_without_a_currency_is_refused_where_the_source_has_several(billhook: Billhook, place: Path) -> None:
    file = place / "billhook.toml"
    file.write_text(file.read_text().replace("[source.shop]\n", '[source.shop]\ncurrencies = ["EUR", "SEK"]\n', 1))

    answer = billhook("signal", "invoice.part_cancelled", "--set", "invoice_id=4799", "--set", "amount=500.00")

    assert answer.code == 2
    assert 'Write it with the amount, as "500.00 SEK"' in " ".join(answer.err.replace("│", "").split())


@pytest.mark.usefixtures("router")
def test_a_signal_about_an_invoice_nobody_knows_is_taken_with_a_warning(billhook: Billhook, made: Made) -> None:
    unknown = billhook("signal", "send.stopped", "--set", "invoice_id=4712", "--json")
    again = billhook("signal", "send.stopped", "--set", "invoice_id=4712")
    known = billhook("signal", "send.stopped", "--set", "invoice_id=4711", "--json")

    assert (unknown.code, unknown.json[0]["outcome"], unknown.json[0]["reason"]) == (0, "events", "1 event")
    assert "nothing is known of invoice 4712 on shop" in unknown.json[0]["warning"]
    assert "warning: nothing is known of invoice 4712" in again.err
    assert known.err == "" and "warning" not in known.json[0]


@pytest.mark.usefixtures("router")
def test_a_parked_delivery_is_routed_again_by_its_own_name_and_by_its_items(billhook: Billhook, store: Database) -> None:
    body = b'{"id": "1", "type": "invoice.created", "invoice": []}'
    arrival = inbox.Arrival(source="shop", origin="push", native_type="invoice.created", native_id="1", body=body, received_at=AT)
    id = store.write(lambda c: inbox.append(c, arrival)).delivery_id
    eventually(lambda: open_items(store))

    by_name = billhook("retry", f"delivery:{id}")
    [item] = eventually(lambda: open_items(store))
    by_item = billhook("retry", str(item))

    assert (by_name.code, by_item.code) == (0, 0), by_name.err + by_item.err
    assert "routed again" in by_name.out and "routed again" in by_item.out
