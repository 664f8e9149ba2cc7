"""The mirror on both databases: snapshots folded under a lock, own writes, echoes."""

from datetime import timedelta
from typing import Any

from receiver.db import Database
from workers import mirror
from workers.fold import Entry
from workers.mirror import Applied, Held
from workers.testing.flow import START


def entry(number: int, fields: dict[str, Any], *, minute: int | None = None) -> Entry:
    at = START + timedelta(minutes=number if minute is None else minute)
    return Entry(delivery_id=number, fields=fields, sequence=number, created_at=at, received_at=at)


def applied(database: Database, *entries: Entry, kind: str = "invoice") -> list[Applied]:
    def act(connection: Any, one: Entry) -> Applied:
        return mirror.apply(connection, mirror.lock(connection, "shop", kind, "9"), one, at=START)

    return [database.write(lambda c, one=one: act(c, one)) for one in entries]  # type: ignore[misc]


def held(database: Database, kind: str = "invoice") -> Held:
    with database.read() as connection:
        found = mirror.load(connection, "shop", kind, "9")
    assert found is not None
    return found


def write_own(database: Database, fields: dict[str, Any], touches: dict[str, Any] | None = None, *, minute: int = 5) -> None:
    at = START + timedelta(minutes=minute)
    database.write(lambda c: mirror.write_own(c, "shop", "invoice", "9", fields, touches=touches or {}, at=at))


OUT = {"type": "outgoing", "total": "100", "outstanding": "100", "customer_id": "7", "shipment": None}


def test_an_object_nobody_spoke_of_is_not_there(database: Database) -> None:
    with database.read() as connection:
        assert mirror.load(connection, "shop", "invoice", "9") is None


def test_what_was_folded_is_what_is_stored(database: Database) -> None:
    last = applied(database, entry(1, OUT), entry(2, {"outstanding": "0"}))[-1]

    assert (last.before.paid, last.after.paid) == (False, True)
    assert held(database).state == last.after
    assert held(database).revision == 2


def test_a_late_delivery_is_put_in_its_place(database: Database) -> None:
    in_order = applied(database, entry(1, OUT), entry(2, {"title": "a"}), entry(3, {"title": "b"}))[-1]
    database.write(lambda c: [c.exec_driver_sql(f"DELETE FROM {name}") for name in ("snapshot", "mirror")])
    late = applied(database, entry(3, {"title": "b"}), entry(1, OUT), entry(2, {"title": "a"}))[-1]

    assert late.after == in_order.after


def test_our_own_write_differs_in_nothing_from_its_webhook(database: Database) -> None:
    applied(database, entry(1, OUT))
    write_own(database, {"number": "26/001"})
    (told,) = applied(database, entry(6, OUT | {"number": "26/001"}))

    assert [change.type for change in told.changes if change.opener.delivery_id == 6] == []


def test_two_own_writes_are_two_entries_of_their_own(database: Database) -> None:
    applied(database, entry(1, OUT))
    write_own(database, {"status": "paid", "outstanding": "0"}, minute=2)
    applied(database, entry(3, {"status": "unpaid", "outstanding": "100"}))
    write_own(database, {"status": "paid", "outstanding": "0"}, minute=4)
    (told,) = applied(database, entry(5, {"status": "paid", "outstanding": "0"}))

    openers = [change.opener.delivery_id for change in told.changes if change.type == "invoice.paid"]
    assert len(set(openers)) == 2
    assert all(opener < 0 for opener in openers)


def test_the_first_delivery_that_differs_only_in_what_we_touched_is_an_echo(database: Database) -> None:
    applied(database, entry(1, OUT))
    write_own(database, {}, {"shipment": "effect-1"})

    echo, later = applied(database, entry(6, OUT | {"shipment": "S1"}), entry(7, OUT | {"shipment": "S2"}))

    assert (echo.echo, later.echo) == (True, False)


def test_a_delivery_that_differs_in_more_is_no_echo(database: Database) -> None:
    applied(database, entry(1, OUT))
    write_own(database, {}, {"shipment": "effect-1"})

    (told,) = applied(database, entry(6, OUT | {"shipment": "S1", "total": "200"}))

    assert not told.echo


def test_what_moves_by_itself_does_not_hide_an_echo(database: Database) -> None:
    applied(database, entry(1, OUT | {"extra": {"a": 1}, "total": "100"}))
    write_own(database, {}, {"shipment": "effect-1"})

    (told,) = applied(database, entry(6, OUT | {"extra": {"a": 2}, "total": "100.00", "shipment": "S1"}))

    assert told.echo


def test_a_delivery_in_order_reads_no_earlier_ones(database: Database) -> None:
    applied(database, entry(1, OUT), entry(2, {"outstanding": "0"}))
    database.write(lambda c: c.exec_driver_sql("DELETE FROM snapshot"))
    (told,) = applied(database, entry(3, {"outstanding": "100"}))

    assert [(change.type, change.n) for change in told.changes] == [("invoice.reopened", 1)]
    assert held(database).state == told.after


def test_epochs_are_counted_on_when_earlier_ones_are_not_read(database: Database) -> None:
    paid, open_ = {"outstanding": "0"}, {"outstanding": "100"}
    told = applied(database, entry(1, OUT), entry(2, paid), entry(3, open_), entry(4, paid), entry(5, open_))

    found = [(change.type, change.n) for one in told for change in one.changes if change.segment]
    assert found == [("invoice.paid", 1), ("invoice.reopened", 1), ("invoice.paid", 2), ("invoice.reopened", 2)]
