"""The fold: order from ids, clocks and reads; absent never overwrites; epochs open and close."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.fold import Entry, Folded, Tail, added, arranged, changes, normalized, order_unsure, still_true

T = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
OUT: dict[str, Any] = {"type": "outgoing", "total": "100", "status": "unpaid", "outstanding": "100"}
OUT_OF_FASTBILL: dict[str, Any] = {"type": "outgoing", "total": "100"}  # its API says no status and no balance
PAID: dict[str, Any] = {**OUT, "status": "paid", "outstanding": "0"}


def push(number: int, fields: dict[str, Any], *, minute: int | None = None, received: int = 0, **said: Any) -> Entry:
    at = None if minute is None else T + timedelta(minutes=minute)
    return Entry(delivery_id=number, fields=fields, sequence=number, created_at=at, received_at=T + timedelta(minutes=received), **said)


def read(number: int, fields: dict[str, Any], *, minute: float, **said: Any) -> Entry:
    at = T + timedelta(minutes=minute)
    return Entry(delivery_id=number, fields=fields, received_at=at, read_at=at, **said)


def told(*entries: Entry) -> list[tuple[str, int]]:
    """(type, delivery that opened it)."""
    return [(change.type, change.opener.delivery_id) for change in changes("invoice", arranged(entries))[1]]


def test_pushes_are_ordered_by_native_id_whatever_their_arrival() -> None:
    entries = [push(3, {}, received=1), push(1, {}, received=3), push(2, {}, received=2)]

    assert [e.delivery_id for e in arranged(entries)] == [1, 2, 3]


def test_a_read_stands_after_the_pushes_created_before_it_started() -> None:
    entries = [push(1, {}, minute=1), push(2, {}, minute=5), read(9, {}, minute=3)]

    assert [e.delivery_id for e in arranged(entries)] == [1, 9, 2]


def test_an_old_notice_that_arrives_after_a_read_does_not_overwrite_what_was_read() -> None:
    newer, older = push(4, {"city": "Köln"}, received=1), push(2, {"city": "Bonn"}, received=9)
    entries = [newer, read(7, {"city": "Ulm"}, minute=5), older]

    assert changes("customer", arranged(entries))[0].fields["city"] == "Ulm"


def test_absent_never_overwrites_and_null_does() -> None:
    state, _ = changes("customer", arranged([push(1, {"city": "Köln", "phone": "1"}), push(2, {"phone": None})]))

    assert state.fields == {"city": "Köln", "phone": None}


def test_a_balance_without_a_status_is_not_judged_by_an_older_status() -> None:
    state, _ = changes("invoice", arranged([push(1, PAID, minute=1), read(2, {"outstanding": "100"}, minute=2)]))

    assert not state.paid
    assert "status" not in state.fields


@pytest.mark.parametrize(
    ("fields", "paid"),
    [
        (PAID, True),
        ({**OUT, "outstanding": "0"}, True),
        ({**OUT, "outstanding": "-3"}, True),
        ({**OUT, "status": "paid"}, True),
        ({**OUT, "total": "0", "outstanding": "0"}, False),
        ({**PAID, "type": "draft"}, False),
        ({**PAID, "type": "credit"}, False),
        ({**PAID, "is_canceled": True}, False),
        ({"type": "outgoing", "total": "100"}, False),
        ({"type": "outgoing", "total": "100", "outstanding": None}, False),
        ({"type": "outgoing", "total": "100", "paid_on": "2026-11-20"}, True),
        ({"type": "outgoing", "total": "100", "paid_on": None}, False),
        ({**OUT, "paid_on": "2026-11-20"}, False),
    ],
)
def test_paid_is_an_outgoing_uncancelled_invoice_with_a_total_and_no_balance(fields: dict[str, Any], paid: bool) -> None:
    assert changes("invoice", [push(1, fields, minute=1)])[0].paid is paid


def test_a_read_that_says_only_when_an_invoice_was_paid_is_not_held_against_an_older_balance() -> None:
    state, found = changes("invoice", arranged([push(1, OUT, minute=1), read(2, {**OUT_OF_FASTBILL, "paid_on": "2026-11-20"}, minute=2)]))

    assert state.paid and [change.type for change in found][-1] == "invoice.paid"


def test_a_received_invoice_is_created_and_paid_and_never_completed() -> None:
    received = {"type": "received", "total": "100", "status": "open"}

    assert told(read(1, received, minute=1), read(2, {**received, "status": "paid"}, minute=2), read(3, received, minute=3)) == [
        ("invoice.created", 1),
        ("invoice.changed", 2),
        ("invoice.changed", 3),
        ("invoice.paid", 2),
        ("invoice.reopened", 3),
    ]


def test_each_time_an_invoice_is_paid_is_an_epoch_of_its_own() -> None:
    entries = [push(1, OUT, minute=1), push(2, PAID, minute=2), push(3, OUT, minute=3), push(4, PAID, minute=4)]
    found = [c for c in changes("invoice", entries)[1] if c.type in ("invoice.paid", "invoice.reopened")]

    assert [(c.type, c.n, sorted(c.segment), c.last) for c in found] == [
        ("invoice.paid", 1, [2], False),
        ("invoice.reopened", 1, [3], False),
        ("invoice.paid", 2, [4], True),
    ]


def test_a_cancellation_ends_an_epoch_without_reopening_the_invoice() -> None:
    entries = [push(1, PAID, minute=1), push(2, {**PAID, "is_canceled": True}, minute=2)]
    found = changes("invoice", entries)[1]

    assert "invoice.reopened" not in [c.type for c in found]
    assert [c.last for c in found if c.type == "invoice.paid"] == [False]


def test_a_draft_is_created_and_only_an_outgoing_invoice_completed() -> None:
    entries = [push(1, {"type": "draft"}, minute=1), push(2, OUT, minute=2), push(3, OUT, minute=3)]

    assert told(*entries) == [("invoice.created", 1), ("invoice.completed", 2)]


def test_only_what_is_printed_makes_a_changed_invoice() -> None:
    first = {**OUT, "due_date": "2026-12-01", "items": [{"quantity": "1"}]}
    entries = [push(1, first, minute=1), push(2, {**first, "status": "overdue", "outstanding": "50"}, minute=2)]

    assert ("invoice.changed", 2) not in told(*entries)
    assert ("invoice.changed", 3) in told(*entries, push(3, {**first, "items": [{"quantity": "2"}]}, minute=3))


def test_a_field_only_one_side_says_is_no_change() -> None:
    assert ("invoice.changed", 2) not in told(push(1, OUT, minute=1), push(2, {**OUT, "due_date": "2026-12-01"}, minute=2))


def test_a_partial_customer_is_never_a_customer_of_its_own() -> None:
    state, found = changes("customer", arranged([push(5, {"city": "Köln"}, partial=True)]))

    assert (state.seen, found, dict(state.fields)) == (False, [], {})


def test_attributes_inside_another_event_do_not_replace_the_customers() -> None:
    state, _ = changes("customer", arranged([push(1, {"x_attributes": {"a": "1"}}), push(2, {"x_attributes": {"a": "2"}}, partial=True)]))

    assert state.fields["x_attributes"] == {"a": "1"}


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({"a": "1"}, {"a": "2"}, True),
        ({"a": "1"}, {}, True),
        ({}, {"a": "1"}, True),
        (None, {"a": "1"}, True),
        (None, {}, False),
        ({"a": "1"}, None, False),
    ],
)
def test_attributes_change_when_both_sides_said_them_or_the_second_has_some(before: Any, after: Any, changed: bool) -> None:
    said = [{} if value is None else {"x_attributes": value} for value in (before, after)]
    _, found = changes("customer", [push(1, said[0]), push(2, said[1])])

    assert [c.fields for c in found if c.type == "customer.updated"] == ([("x_attributes",)] if changed else [])


@pytest.mark.parametrize("name", ["last_update", "hash", "payment_data_url", "dashboard_url", "created"])
def test_what_moves_by_itself_is_no_change_of_a_customer(name: str) -> None:
    assert "customer.updated" not in [c.type for c in changes("customer", [push(1, {name: "a"}), push(2, {name: "b"})])[1]]


def test_a_deletion_leaves_a_tombstone_with_what_was_known() -> None:
    state, found = changes("customer", [push(1, {"city": "Köln"}), push(2, {}, deleted=True)])

    assert (state.deleted, state.fields) == (True, {"city": "Köln"})
    assert [c.type for c in found] == ["customer.created", "customer.deleted"]


def test_what_a_read_did_not_find_is_there_again_with_the_next_read_that_shows_it_and_not_with_an_old_notice() -> None:
    missing, shown, notice = read(2, {}, minute=2, deleted=True), read(3, {"city": "Ulm"}, minute=3), push(4, {"city": "Bonn"}, minute=4)

    assert changes("customer", [push(1, {}, minute=1), missing])[0].deleted
    assert not changes("customer", [push(1, {}, minute=1), missing, shown])[0].deleted
    assert changes("customer", [push(1, {}, minute=1), missing, notice])[0].deleted


def test_what_was_told_as_deleted_stays_so_whatever_a_read_shows() -> None:
    gone, shown = push(2, {}, minute=2, deleted=True), read(3, {"city": "Ulm"}, minute=3)

    assert changes("customer", [push(1, {}, minute=1), gone, shown])[0].deleted


@pytest.mark.parametrize(
    ("type", "state", "true"),
    [
        ("invoice.completed", Folded(completed=True), True),
        ("invoice.completed", Folded(completed=True, canceled=True), False),
        ("invoice.completed", Folded(completed=True, deleted=True), False),
        ("invoice.paid", Folded(completed=True, paid=True), True),
        ("invoice.paid", Folded(completed=True), False),
        ("invoice.reopened", Folded(completed=True), True),
        ("invoice.reopened", Folded(completed=True, paid=True), False),
        ("invoice.reopened", Folded(completed=True, canceled=True), False),
        ("invoice.canceled", Folded(canceled=True, deleted=True), True),
        ("customer.deleted", Folded(deleted=True), True),
        ("customer.created", Folded(seen=True), True),
        ("customer.created", Folded(seen=True, deleted=True), False),
    ],
)
def test_what_a_late_delivery_reveals_is_still_true_only_if_nothing_undid_it(type: str, state: Folded, true: bool) -> None:
    assert still_true(type, state) is true


@pytest.mark.parametrize(
    ("entry", "unsure"),
    [
        (push(1, {}, minute=10), False),
        (push(1, {}, minute=4), True),
        (push(1, {}, received=5), True),
        (push(1, {}, received=50), True),
        (push(1, {}, received=66), False),
        (push(1, {}, received=4), False),
        (push(1, {}, minute=5, partial=True), False),
        (read(1, {}, minute=5), False),
    ],
)
def test_order_is_unsure_near_a_read_and_where_no_clock_was_sent(entry: Entry, unsure: bool) -> None:
    assert order_unsure(entry, [T + timedelta(minutes=4.5)]) is unsure


def test_order_is_sure_where_nothing_was_read() -> None:
    assert not order_unsure(push(2, {}), [])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("59", "59.00", True),
        (59, "59.0", True),
        ("", None, True),
        ([], None, True),
        ({"a": ""}, {}, True),
        ([{"q": "1.0"}], [{"q": "1"}], True),
        ("0077", "77", False),
        ("0", "0.00", True),
        (True, "1", False),
        ("NaN", "NaN", True),
        ("Köln", "Bonn", False),
        ("1e2", "100", False),
        ("1e999999999", "1e999999999", True),
        ("9" * 400, "9" * 400, True),
        ("-0.50", "-0.5", True),
    ],
)
def test_values_compare_as_what_they_mean(one: Any, other: Any, same: bool) -> None:
    assert (normalized(one) == normalized(other)) is same


@st.composite
def stories(draw: st.DrawFn) -> list[Entry]:
    """Pushes with and without ids and clocks, reads and parts, close together, in the order they are routed."""
    entries = []
    for number in range(draw(st.integers(2, 8))):
        said = draw(st.sampled_from([OUT, PAID, {"type": "draft"}, {**OUT, "due_date": "2026-12-01"}, {**OUT, "is_canceled": True}, {}]))
        created, received = draw(st.integers(0, 6)), draw(st.integers(0, 6))
        match draw(st.sampled_from(["push", "push", "push", "unnumbered", "read", "part"])):
            case "push":
                numbered = push(draw(st.integers(1, 9)), said, minute=draw(st.sampled_from([None, created])), received=received)
                entries.append(replace(numbered, delivery_id=number, deleted=draw(st.sampled_from([False, False, True]))))
            case "unnumbered":
                entries.append(replace(push(number, said, minute=created, received=received), sequence=None))
            case "read":
                entries.append(read(number, said, minute=created, baseline=draw(st.booleans()), deleted=draw(st.booleans())))
            case _:
                entries.append(push(number, {"x_attributes": {"a": "1"}}, minute=created, received=received, partial=True))
    return entries


@given(stories())
def test_what_belongs_behind_all_others_is_folded_onto_the_end_with_the_same_outcome(story: list[Entry]) -> None:
    *others, entry = story
    state, found = changes("invoice", arranged(others))
    tail = Tail()
    for one in others:
        tail = tail.then(one, ())
    tail = tail.then(others[-1], found)

    if tail.precedes(entry):
        whole, all_found = changes("invoice", arranged(story))
        assert arranged(story)[-1] is entry
        after, new = added("invoice", state, tail, entry)
        assert after == whole
        assert new == [change for change in all_found if change.opener is entry]


def test_a_push_in_order_belongs_behind_all_others() -> None:
    tail = Tail().then(push(1, OUT, minute=1), ()).then(read(2, OUT, minute=2), ())

    assert tail.precedes(push(3, PAID, minute=3))
    assert tail.precedes(read(3, PAID, minute=3))
    assert not tail.precedes(push(3, PAID, minute=2))
    assert not tail.precedes(push(1, PAID, minute=3))
