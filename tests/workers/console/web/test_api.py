"""The API: a token in its header and nothing else, a preview that does nothing, an act that is what was shown, once."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.event import InvoiceCompleted
from receiver.inbox import Delivery
from tests.workers.console.conftest import AT, Browser, House, Made, make_unknown
from tests.workers.console.test_second_replays import in_auto
from workers import control, events, gates, ledger, replays
from workers.console.pages import acts
from workers.console.roles import Role
from workers.console.web.api import fields
from workers.errors import FieldInvalid
from workers.events import EventRow


class Program:
    """A program with an API token."""

    def __init__(self, house: House, role: Role = "approver", name: str = "backoffice") -> None:
        self._browser, self.token = house.browser(), house.new_token(role, name)

    def post(self, act: str, said: Any, **headers: str) -> httpx.Response:
        sent = {"authorization": f"Bearer {self.token}", "content-type": "application/json", **headers}
        return self._browser.request("POST", f"/api/acts/{act}", content=json.dumps(said), headers=sent)

    def get(self, path: str) -> httpx.Response:
        return self._browser.get(path, Authorization=f"Bearer {self.token}")

    def shown(self, act: str, **said: Any) -> dict[str, Any]:
        answer = self.post(act, said)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def does(self, act: str, **said: Any) -> httpx.Response:
        """Confirm what is shown at once."""
        return self.post(act, {**said, "confirm": self.shown(act, **said)["confirm"]})


@pytest.fixture
def program(people: House) -> Program:
    return Program(people)


def given(store: Database) -> list[sa.RowMapping]:
    table = table_of(Delivery)
    with store.read() as connection:
        return list(connection.execute(sa.select(table).where(table.c.origin == "operator")).mappings())


def state(store: Database, effect: str) -> str:
    with store.read() as connection:
        row = ledger.load(connection, effect)
    assert row is not None
    return str(row["state"])


def change_request(store: Database, effect: str) -> None:
    table = table_of(ledger.EffectRow)
    store.write(lambda c: c.execute(sa.update(table).where(table.c.id == effect).values(request={"to": "somebody else"})))


@pytest.mark.usefixtures("router")
def test_an_approval_is_shown_then_given_under_the_tokens_name(people: House, program: Program, store: Database, made: Made) -> None:
    shown = program.shown("approve", subject=made.effect, reason="looked at it")

    assert shown["done"] is False and shown["about"][0]["amount"] == "119.00 EUR" and given(store) == []

    answer = program.post("approve", {"subject": made.effect, "reason": "looked at it", "confirm": shown["confirm"]}).json()

    assert answer["done"] and answer["rows"] == [{"subject": made.effect, "outcome": "events", "reason": "approved"}]
    assert state(store, made.effect) == "approved"
    assert ("approve", "token:backoffice", made.effect, "looked at it") in people.audit()


@pytest.mark.usefixtures("router")
def test_the_same_act_twice_is_done_once_and_answered_twice(program: Program, store: Database, made: Made) -> None:
    said = {"subject": made.effect, "confirm": program.shown("reject", subject=made.effect)["confirm"]}

    answers = [program.post("reject", said).json() for _ in range(2)]

    assert answers[0] == answers[1] and answers[0]["done"]
    assert len(given(store)) == 1


def test_a_freeze_is_not_done_again_by_a_word_that_was_used(people: House, program: Program, store: Database) -> None:
    said = {"reason": "bank away", "confirm": program.shown("freeze", reason="bank away")["confirm"]}
    assert program.post("freeze", said).json()["rows"] == [{"frozen": True, "reason": "bank away"}]
    assert program.does("unfreeze").json()["rows"][0]["frozen"] is False

    again = program.post("freeze", said)

    assert again.json()["done"]
    with store.read() as connection:
        assert control.frozen(connection) is None
    assert [act for act, *_ in people.audit() if "freeze" in act] == ["freeze", "unfreeze"]


def test_what_has_changed_since_it_was_shown_is_not_done(program: Program, store: Database, made: Made) -> None:
    word = program.shown("approve", subject=made.effect)["confirm"]
    change_request(store, made.effect)

    answer = program.post("approve", {"subject": made.effect, "confirm": word})

    assert answer.status_code == 409 and answer.json()["type"] == "StateConflict" and "look again" in answer.json()["error"]
    assert given(store) == []


def test_a_word_confirms_no_other_act_no_other_field_and_nobody_elses(people: House, program: Program, store: Database, made: Made) -> None:
    word = program.shown("approve", subject=made.effect)["confirm"]
    other = Program(people, name="other")

    assert program.post("reject", {"subject": made.effect, "confirm": word}).status_code == 409
    assert program.post("approve", {"subject": made.effect, "reason": "x", "confirm": word}).status_code == 409
    assert other.post("approve", {"subject": made.effect, "confirm": word}).status_code == 409
    assert program.post("approve", {"subject": made.effect, "confirm": "made.up.word"}).status_code == 409
    assert given(store) == []


def test_a_word_that_was_used_answers_for_no_other_act(program: Program) -> None:
    word = program.shown("freeze")["confirm"]
    assert program.post("freeze", {"confirm": word}).json()["act"] == "freeze"

    assert program.post("unfreeze", {"confirm": word}).status_code == 409


def test_a_freeze_that_somebody_set_meanwhile_is_not_replaced_unseen(program: Program, store: Database) -> None:
    word = program.shown("freeze", reason="bank away")["confirm"]
    store.write(lambda c: control.put(c, "freeze", {"reason": "fraud"}, at=AT))

    assert program.post("freeze", {"reason": "bank away", "confirm": word}).status_code == 409
    with store.read() as connection:
        assert control.frozen(connection) == "fraud"


def test_a_breaker_that_moved_since_is_looked_at_again(program: Program, store: Database) -> None:
    value = {"failures": 5, "since": AT.isoformat(), "until": AT.isoformat()}
    store.write(lambda c: control.put(c, "breaker:shop", value, at=AT))
    word = program.shown("close-breaker", source="shop")["confirm"]
    store.write(lambda c: control.put(c, "breaker:shop", {**value, "failures": 6}, at=AT))

    assert program.post("close-breaker", {"source": "shop", "confirm": word}).status_code == 409


def test_a_replay_that_would_take_or_do_something_else_by_now_is_not_ordered(program: Program, store: Database, made: Made) -> None:
    said = {"customer": "501"}
    by_events = program.shown("replay", **said)["confirm"]
    another, event = InvoiceCompleted(source="shop", at=AT, invoice_id="4713", customer_id="501"), table_of(EventRow)
    store.write(lambda c: c.execute(sa.update(event).where(event.c.id == made.event).values(customer_id="502")))
    store.write(lambda c: events.record(c, another, "invoice.completed:4713", delivery_id=made.delivery, at=AT))
    assert program.post("replay", {**said, "confirm": by_events}).status_code == 409

    alone = {"event": str(made.event)}
    by_mode = program.shown("replay", **alone)["confirm"]
    store.write(lambda c: control.put(c, control.mode_name("shop", "auto-send"), {"mode": "off"}, at=AT))

    assert program.post("replay", {**alone, "confirm": by_mode}).status_code == 409
    assert given(store) == []


def test_a_gate_that_would_free_something_else_by_now_is_not_opened(
    program: Program, store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed = ["the reminder of invoice 4711"]
    monkeypatch.setitem(gates._FREED, gates.BankChecked, {"test": lambda _connection, _event: freed})
    said = {"type": "bank.checked", "source": "shop", "set": {"through": "2026-11-19"}}
    shown = program.shown("say", **said)
    freed.append("the reminder of invoice 4712")

    assert shown["would"] == [{"source": "shop", "sets_free": "the reminder of invoice 4711"}]
    assert program.post("say", {**said, "confirm": shown["confirm"]}).status_code == 409
    assert given(store) == []


def test_a_pause_that_is_another_one_by_now_is_not_ended(program: Program, store: Database) -> None:
    store.write(lambda c: control.put(c, "pause:shop:*", {"reason": "audit"}, at=AT))
    word = program.shown("resume", source="shop")["confirm"]
    store.write(lambda c: control.put(c, "pause:shop:*", {"reason": "audit"}, at=datetime.now(UTC)))

    assert program.post("resume", {"source": "shop", "confirm": word}).status_code == 409
    with store.read() as connection:
        assert control.get(connection, "pause:shop:*") is not None


def test_a_mode_is_set_only_from_the_mode_that_was_shown(program: Program, store: Database) -> None:
    said = {"source": "shop", "workflow": "auto-send", "mode": "auto"}
    word = program.shown("mode", **said)["confirm"]
    assert program.does("mode", **{**said, "mode": "off"}).json()["rows"][0]["mode"] == "off"

    assert program.post("mode", {**said, "confirm": word}).status_code == 409
    with store.read() as connection:
        assert control.get(connection, "mode:shop:auto-send")["mode"] == "off"


def test_a_replay_orders_what_was_shown_and_is_called_off(people: House, program: Program, store: Database, made: Made) -> None:
    shown = program.shown("replay", event=str(made.event))
    assert shown["would"]["events"] == 1 and shown["would"]["replay"] is None and given(store) == []

    name = program.post("replay", {"event": str(made.event), "confirm": shown["confirm"]}).json()["rows"]["replay"]

    assert [row["replay"] for row in program.get("/api/replays").json()] == [name] and len(given(store)) == 1
    assert program.does("replay-off", replay=name).json()["rows"] == [{"replay": name, "called_off": 1}]
    assert program.post("replay-off", {"replay": name}).status_code == 404
    with store.read() as connection:
        assert replays.under_way(connection, now=datetime.now(UTC)) == []


@pytest.mark.usefixtures("router")
def test_an_event_is_said_after_it_was_shown(program: Program, store: Database, made: Made) -> None:
    said = {"type": "send.stopped", "source": "shop", "set": {"invoice_id": "4712"}}

    shown = program.shown("say", **said)
    answer = program.post("say", {**said, "confirm": shown["confirm"]}).json()

    assert shown["about"][0]["invoice_id"] == "4712" and "nothing is known of invoice 4712" in shown["warnings"][0]
    assert answer["rows"][0]["outcome"] == "events" and "nothing is known" in answer["rows"][0]["warning"]


WHOSE: list[tuple[Role, str, int]] = [
    ("viewer", "retry", 403), ("viewer", "freeze", 403), ("operator", "approve", 403), ("operator", "did", 403),
    ("operator", "unfreeze", 403), ("operator", "freeze", 200), ("approver", "freeze", 200),
]  # fmt: skip


@pytest.mark.parametrize(("role", "act", "status"), WHOSE)
def test_a_role_does_what_it_may(people: House, store: Database, role: Role, act: str, status: int) -> None:
    answer = Program(people, role).post(act, {})

    assert answer.status_code == status, answer.text
    assert status == 200 or (answer.json()["type"] == "Forbidden" and "role" in answer.json()["error"])


def test_only_an_approver_sets_the_mode_auto(people: House) -> None:
    ben = Program(people, "operator")
    said = {"source": "shop", "workflow": "auto-send"}

    assert ben.post("mode", {**said, "mode": "auto"}).status_code == 403
    assert ben.post("mode", {**said, "mode": "propose"}).status_code == 200


@pytest.fixture
def two(house: Callable[..., House]) -> House:
    return house(login="accounts", two_people_above=100)


@pytest.mark.usefixtures("router")
@pytest.mark.parametrize("first_by_anna", [False, True])
def test_a_token_is_no_person_whatever_its_name(two: House, store: Database, made: Made, first_by_anna: bool) -> None:
    anna = Program(two, name="anna")
    if first_by_anna:
        browser = two.inside("anna")
        browser.post("/act/approve", subject=made.effect, order="a")

    answers = [anna.does("approve", subject=made.effect) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [409, 409] and "an API token is none" in answers[0].json()["error"]
    assert state(store, made.effect) == "proposed" and given(store) == []


def test_a_token_orders_no_replay_of_too_much(two: House, store: Database, made: Made) -> None:
    event = in_auto(store, made)

    answer = Program(two).does("replay", event=event)

    assert answer.status_code == 409 and "an API token is none" in answer.json()["error"] and given(store) == []


def test_without_a_token_nothing_is_answered_whoever_is_logged_in(people: House, browser: Browser, store: Database) -> None:
    anna, said = people.inside("anna"), {"content-type": "application/json"}

    for who in (anna, browser):
        csrf = {"x-csrf-token": who.token()}
        for answer in (
            who.request("POST", "/api/acts/freeze", content="{}", headers={**said, **csrf}), who.get("/api/now"), who.get("/api/pauses"),
        ):  # fmt: skip
            assert answer.status_code == 401 and answer.json()["type"] == "Forbidden" and "API token" in answer.json()["error"]
    assert people.browser().get("/api/now").status_code == 401


def test_another_sites_page_sends_no_token_and_may_not_ask_to(people: House, program: Program) -> None:
    asked = people.browser().request("OPTIONS", "/api/acts/freeze", headers={"origin": "https://evil.example"})
    form = program.post("freeze", {}, **{"content-type": "application/x-www-form-urlencoded"})
    text = program.post("freeze", {}, **{"content-type": "text/plain"})

    assert asked.status_code == 405 and not [name for name in asked.headers if name.startswith("access-control")]
    assert form.status_code == text.status_code == 415


WRONG: list[tuple[str, Any, int, str]] = [
    ("burn", {}, 404, ""), ("approve", {}, 422, "subject"), ("approve", {"subject": "nobody"}, 404, ""),
    ("approve", {"subject": "a", "colour": "red"}, 422, "colour"), ("approve", {"subject": ["a"]}, 422, "subject"),
    ("approve", {"subject": "a", "set.x": "1"}, 422, "set.x"), ("approve", [], 422, ""),
    ("resend", {"subject": "EFFECT"}, 422, "reason"), ("did", {"subject": "EFFECT", "on": "yesterday"}, 422, "on"),
    ("pause", {}, 422, "source"), ("pause", {"source": "nowhere"}, 422, "source"), ("pause", {"workflow": "x"}, 422, "workflow"),
    ("mode", {"source": "shop", "workflow": "auto-send", "mode": "fast"}, 422, "mode"), ("mode", {"mode": "off"}, 422, "source"),
    ("mode", {"source": "shop", "workflow": "nobody", "mode": "off"}, 422, "workflow"),
    ("mode", {"source": "shop", "workflow": "auto-send", "mode": "off", "include_existing": "no"}, 422, "include_existing"),
    ("unfreeze", {}, 409, ""), ("unfreeze", {"per_minute": "0"}, 422, "per_minute"), ("probe", {}, 422, "source"),
    ("resume", {"source": "shop"}, 409, ""), ("replay", {}, 422, "type"), ("replay", {"event": "99"}, 404, ""),
    ("replay", {"type": "no.such"}, 404, ""),
    ("replay", {"since": "yesterday"}, 422, "type"), ("replay-off", {}, 422, "replay"), ("say", {}, 422, "type"),
    ("say", {"type": "invoice.completed"}, 422, "type"), ("say", {"type": "send.stopped", "source": "shop"}, 422, "set"),
    ("say", {"type": "send.stopped", "set": {"bogus": "1"}}, 422, "set.bogus"),
    ("say", {"type": "send.stopped", "set": {"at": "2026-01-01"}}, 422, "set.at"),
]  # fmt: skip


def test_a_mistake_is_answered_with_the_fields_name_and_does_nothing(program: Program, store: Database, made: Made) -> None:
    for act, said, status, field in WRONG:
        filled = {**said, "subject": made.effect} if isinstance(said, dict) and said.get("subject") == "EFFECT" else said
        answer = program.post(act, filled)

        assert answer.status_code == status, (act, said, answer.text)
        assert answer.json()["error"] and answer.json().get("field", "") == field, (act, said, answer.text)
    assert given(store) == []


def test_what_is_no_json_is_refused_without_being_quoted(program: Program) -> None:
    deep = "[" * 60_000

    for body in ('{"subject": "secret"', "", deep, "secret"):
        answer = program._browser.request(
            "POST",
            "/api/acts/approve",
            content=body,
            headers={"authorization": f"Bearer {program.token}", "content-type": "application/json"},
        )
        assert answer.status_code == 400 and "secret" not in answer.text


def test_fields_are_texts() -> None:
    said = {"a": " x ", "b": 7, "c": True, "d": None, "e": False, "f": "", "set": {"g": "y\0", "h": 2}}

    assert fields(said) == {"a": "x", "b": "7", "c": "yes", "set.g": "y\N{REPLACEMENT CHARACTER}", "set.h": "2"}
    for odd in ({"a": 1.5}, {"a": {}}, {"set": {"a": []}}, {"set": "x", "a": [1]}, "text", None):
        with pytest.raises(FieldInvalid):
            fields(odd)


def test_what_lets_somebody_in_is_not_shown(program: Program, store: Database, made: Made) -> None:
    table = table_of(ledger.EffectRow)
    asks = {"INVOICE_ID": "4711", "hash": "c0ffee-lets-in", "password": "open-sesame"}
    store.write(lambda c: c.execute(sa.update(table).where(table.c.id == made.effect).values(request=asks)))

    answer = program.post("approve", {"subject": made.effect})

    assert answer.status_code == 200 and "4711" in answer.text
    assert "c0ffee" not in answer.text and "sesame" not in answer.text


def test_an_unrouted_order_is_kept_and_said_to_wait(program: Program, store: Database, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "ANSWER_S", 0.0)
    make_unknown(store, made.effect)

    answer = program.does("did", subject=made.effect, on="2026-11-20")

    assert answer.json()["rows"][0]["outcome"] == "waiting" and "kept as delivery" in answer.json()["said"]
    assert len(given(store)) == 1


def test_no_token_and_no_word_reaches_a_log(program: Program, made: Made, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        word = program.shown("approve", subject=made.effect)["confirm"]
        program.post("approve", {"subject": "nobody", "confirm": word})

    ours = " ".join(str(record.__dict__) for record in caplog.records if not record.name.startswith(("httpx", "sqlalchemy")))
    assert program.token not in ours and word not in ours


def test_a_place_that_is_not_there_is_said_in_json(program: Program) -> None:
    for path in ("/api/nothing", "/api/a/b/c", "/api/"):
        answer = program.get(path)
        assert answer.status_code == 404 and answer.json()["type"] == "NotHere", path
