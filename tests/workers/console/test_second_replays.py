"""The rule of two people for a replay."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from urllib.parse import unquote_plus

from sqlalchemy.engine import Connection

from receiver.db import Database
from receiver.event import InvoiceCompleted
from tests.workers.console.conftest import AT, House, Made
from tests.workers.console.pages.test_replays import form_of, ordered
from workers import control, events, mirror
from workers.console import second_replays
from workers.console.roles import Person
from workers.console.second import Verdict
from workers.console.settings import Limits
from workers.previews import Preview

ANNA, BEN = Person("console:anna", "operator"), Person("console:ben", "operator")
LIMITS = Limits(above=Decimal(100))


def starts(mode: str, **totals: int) -> Preview:
    return Preview(source="shop", workflow="auto-send", mode=mode, totals={name: Decimal(total) for name, total in totals.items()})


def say_yes(store: Database, person: Person, *, name: str = "a", after: timedelta = timedelta(), euros: int = 200) -> Verdict:
    said, sums = {"invoice": "4711", "type": ""}, {"EUR": Decimal(euros)}
    return store.write(lambda c: second_replays.yes(c, name, person, events=2, sums=sums, said=said, reason="", at=AT + after))


def heavy(store: Database, *previews: Preview, limits: Limits = LIMITS) -> list[str]:
    with store.read() as connection:
        return second_replays.heavy(connection, second_replays.money(previews), ANNA, limits=limits, at=AT)


def test_only_what_starts_by_itself_weighs_and_by_its_sum(store: Database) -> None:
    assert heavy(store, starts("auto", EUR=60), starts("auto", EUR=41, SEK=100)) == ["EUR"]
    assert heavy(store, starts("auto", EUR=60), starts("propose", EUR=41)) == []
    assert heavy(store, starts("auto", EUR=60_000), limits=Limits()) == []


def test_one_replay_after_the_other_counts_as_the_sum_of_a_day(store: Database) -> None:
    limits, sums = Limits(a_day=Decimal(100)), {"EUR": Decimal(60)}

    def alone(person: Person) -> bool:
        return store.write(lambda c: second_replays.alone_or_held(c, sums, person, limits=limits, at=AT))

    assert [alone(ANNA), alone(ANNA), alone(BEN)] == [True, False, True]
    assert heavy(store, starts("auto", EUR=60), limits=limits) == ["EUR"]


def test_a_first_yes_to_less_money_is_none_to_more(store: Database) -> None:
    say_yes(store, ANNA, euros=200)

    assert say_yes(store, BEN, euros=201) is Verdict.FIRST
    assert say_yes(store, ANNA, euros=150) is Verdict.ENOUGH


def test_the_second_yes_is_another_persons_to_the_same_events_in_time(store: Database) -> None:
    assert say_yes(store, ANNA) is Verdict.FIRST
    assert say_yes(store, ANNA) is Verdict.SAME
    assert say_yes(store, Person("token:x", "operator")) is Verdict.NOBODY
    assert say_yes(store, BEN, name="b") is Verdict.FIRST
    assert say_yes(store, BEN) is Verdict.ENOUGH
    assert say_yes(store, BEN) is Verdict.FIRST
    assert say_yes(store, ANNA, after=timedelta(hours=72)) is Verdict.FIRST


def test_who_comes_second_finds_it_with_what_was_asked_for(store: Database) -> None:
    say_yes(store, ANNA)

    with store.read() as connection:
        (one,) = second_replays.waiting(connection, at=AT)
        later = second_replays.waiting(connection, at=AT + timedelta(hours=72))

    assert (one.by, one.events, one.said) == ("console:anna", 2, {"invoice": "4711"}) and later == []


def test_a_replay_of_too_much_is_ordered_by_the_second_person(house: Callable[..., House], store: Database, made: Made) -> None:
    two, event = house(login="accounts", two_people_above=100), in_auto(store, made)

    told = []
    for name in ("anna", "anna", "ben"):
        person = two.inside(name)
        page = person.get(f"/replay?event={event}").text
        answer = person.post("/replay", event=event, **form_of(page))
        told.append((ordered(store), unquote_plus(answer.headers["location"])))

    assert "takes two people" in page and "asked for by console:anna" in page
    assert ["first of two" in told[0][1], "you said yes already" in told[1][1], "1 ordered" in told[2][1]] == [True] * 3
    assert [after for after, _ in told] == [0, 0, 1]


def test_small_replays_by_page_are_held_once_they_are_too_much(house: Callable[..., House], store: Database, made: Made) -> None:
    anna = house(login="accounts", two_people_above_a_day=200).inside("anna")
    event = in_auto(store, made)
    form = {"event": event, **form_of(anna.get(f"/replay?event={event}").text)}

    told = [unquote_plus(anna.post("/replay", **form).headers["location"]) for _ in range(2)]
    form |= form_of(anna.get(f"/replay?event={event}").text)
    told.append(unquote_plus(anna.post("/replay", **form).headers["location"]))

    assert ["1 ordered" in told[0], "ordered already" in told[1], "first of two" in told[2]] == [True] * 3


def in_auto(store: Database, made: Made) -> str:
    """The id of an event that starts a workflow in auto, about an invoice of 119.00 EUR."""

    def write(connection: Connection) -> str:
        control.put(connection, "baseline:shop", {"at": AT.isoformat(), "done": True}, at=AT)
        control.put(connection, control.mode_name("shop", "auto-send"), {"mode": "auto", "include_existing": True}, at=AT)
        mirror.write_own(connection, "shop", "invoice", "4712", {"currency": "EUR", "total": "119.00"}, touches={}, at=AT)
        told = InvoiceCompleted(source="shop", at=AT, invoice_id="4712", customer_id="501")
        event = events.record(connection, told, "invoice.completed:4712", delivery_id=made.delivery, at=AT)
        assert event is not None
        return str(event.id)

    return store.write(write)
