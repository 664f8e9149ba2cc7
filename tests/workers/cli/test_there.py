"""Acts given to a console elsewhere: shown, asked about, done once, with the exit codes of the same command here."""

import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from receiver import inbox
from receiver.db import Database
from tests.processes import eventually
from tests.workers.cli.conftest import AT, Billhook, Made
from tests.workers.cli.test_acts import open_items, state_of, unknown
from workers import control, desk, orders
from workers.console.pages import acts, saying
from workers.console.roles import Role
from workers.views import VIEWS


class Terminal(io.StringIO):
    """A person's terminal, with what is typed."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What a person types next."""
    return lambda text: monkeypatch.setattr("sys.stdin", Terminal(f"{text}\n"))


@pytest.mark.usefixtures("router")
def test_a_person_is_shown_what_will_happen_and_asked(there: Billhook, store: Database, made: Made, types: Callable[[str], None]) -> None:
    types("n")
    no = there("approve", made.effect)
    assert (no.code, state_of(store, made.effect)) == (1, "proposed")
    assert (
        "119.00 EUR" in no.err
        and "Do it?" in no.err
        and "cannot be undone" in no.err.lower()
        and "nothing was done" in no.err
        and no.out == ""
    )

    types("y")
    yes = there("approve", made.effect, "--reason", "looks right")

    assert (yes.code, state_of(store, made.effect)) == (0, "approved"), yes.err
    assert "approved" in yes.out and "119.00" not in yes.out


def test_who_cannot_be_asked_says_yes_or_nothing_is_done(there: Billhook, store: Database, made: Made) -> None:
    for words in (("approve", made.effect), ("freeze",), ("freeze", "--json"), ("replay", "--off", "x")):
        ended = there(*words)
        assert ended.code == 2 and "add --yes" in " ".join(ended.err.replace("│", "").split())

    assert state_of(store, made.effect) == "proposed"
    with store.read() as connection:
        assert control.frozen(connection) is None


@pytest.mark.usefixtures("router")
def test_every_order_is_given_from_elsewhere_as_it_is_here(there: Billhook, store: Database, made: Made) -> None:
    store.write(lambda c: desk.park(c, kind="variant", source="shop", subject="delivery:1", reason="other bytes", at=AT, delivery_id=1))
    for subject in ("provider_unreadable", "source_silent"):
        store.write(lambda c, subject=subject: desk.alert(c, source="shop", subject=subject, reason="quiet", at=AT))  # type: ignore[misc]
    item, alerts = *there("parked", "--json").json, sorted(one["id"] for one in there("alerts", "--json").json)

    given = [
        there("acknowledge", str(alerts[0]), "--yes", "--json"), there("ignore", str(alerts[1]), "--yes", "--json"),
        there("close", str(item["id"]), "--reason", "seen", "--yes", "--json"), there("reject", made.effect, "--yes", "--json"),
    ]  # fmt: skip

    assert [(one.code, one.json[0]["outcome"]) for one in given] == [(0, "events")] * 4, [one.out for one in given]
    with store.read() as connection:
        states = {row["id"]: row["state"] for row in VIEWS["alerts"].rows(connection, {}, 9)}
    assert sorted(states.values()) == ["acknowledged", "ignored"]
    assert state_of(store, made.effect) == "cancelled" and there("parked", "--json").json == []


@pytest.mark.usefixtures("router")
def test_a_parked_delivery_is_routed_again_from_elsewhere(there: Billhook, store: Database, made: Made) -> None:
    body = b'{"id": "1", "type": "invoice.created", "invoice": []}'
    arrival = inbox.Arrival(source="shop", origin="push", native_type="invoice.created", native_id="1", body=body, received_at=AT)
    store.write(lambda c: inbox.append(c, arrival))
    [item] = eventually(lambda: open_items(store))

    ended = there("retry", str(item), "--yes")

    assert ended.code == 0 and "routed again" in ended.out, ended.err


@pytest.mark.usefixtures("router")
@pytest.mark.parametrize(("did", "state"), [("did", "done"), ("did-not", "cancelled")])
def test_an_unknown_effect_is_resolved_from_elsewhere(there: Billhook, store: Database, made: Made, did: str, state: str) -> None:
    unknown(store, made)

    answer = there("resolve", made.effect, did, *(["--on", "2026-11-19"] if did == "did" else []), "--yes", "--json")

    assert (answer.code, state_of(store, made.effect)) == (0, state), answer.err
    assert [row["actor"] for row in there("audit", "--type", "resolve", "--json").json] == ["token:laptop"]


@pytest.mark.usefixtures("router")
def test_what_the_router_refuses_ends_as_it_does_here(there: Billhook, billhook: Billhook, store: Database, made: Made) -> None:
    assert there("reject", made.effect, "--yes").code == 0

    here, elsewhere = billhook("approve", made.effect), there("approve", made.effect, "--yes")

    assert (here.code, here.err) == (elsewhere.code, elsewhere.err) and here.code == 1


def test_an_order_that_nobody_routes_ends_with_one(
    there: Billhook, billhook: Billhook, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (acts, orders, saying):
        monkeypatch.setattr(module, "ANSWER_S", 0.0)

    for words in (("approve", made.effect), ("signal", "send.stopped", "--set", "invoice_id=4711")):
        ended = there(*words, "--yes", "--json")
        assert ended.code == 1 and ended.json[0]["outcome"] == "waiting" and "kept as delivery" in ended.json[0]["reason"]


def test_what_holds_and_lets_go_is_set_from_elsewhere(there: Billhook, billhook: Billhook, store: Database) -> None:
    at = datetime.now(UTC)
    value = {"failures": 5, "since": at.isoformat(), "until": at.isoformat()}

    assert there("freeze", "--reason", "bank away", "--yes", "--json").json == [{"frozen": True, "reason": "bank away"}]
    released = there("unfreeze", "--per-minute", "60", "--yes", "--json").json[0]
    assert (released["frozen"], released["was"], released["per_minute"]) == (False, "bank away", 60)
    paused = {"source": "shop", "workflow": "every", "paused": "audit"}
    assert there("pause", "--source", "shop", "--reason", "audit", "--yes", "--json").json == [paused]
    assert there("pause", "--json").json == billhook("pause", "--json").json != []
    assert there("resume", "--source", "shop", "--yes", "--json").json == [{**paused, "paused": None}]
    assert there("mode", "shop", "auto-send", "propose", "--yes", "--json").json[0]["mode"] == "propose"
    assert there("mode", "shop", "auto-send", "off", "--yes").code == 0
    for option in ("--probe", "--close"):
        store.write(lambda c: control.put(c, "breaker:shop", value, at=at))
        assert there("breaker", "shop", option, "--yes", "--json").code == 0
    assert there("breaker", "shop", "--close", "--yes").code == 1
    actors = {(row["act"], row["actor"]) for row in there("audit", "--json").json} - {("token.add", "test")}
    assert {actor for _, actor in actors} == {"token:laptop"}
    assert {act for act, _ in actors} >= {"freeze", "unfreeze", "pause", "resume", "mode", "breaker probe", "breaker close"}


def test_a_replay_is_looked_at_ordered_and_called_off_from_elsewhere(there: Billhook, billhook: Billhook, made: Made) -> None:
    shown = there("replay", str(made.event), "--json")
    assert shown.json == billhook("replay", str(made.event), "--json").json
    assert there("replay", str(made.event)).out == billhook("replay", str(made.event)).out
    assert there("replay", "--list", "--json").json == []

    ordered = there("replay", "--type", "invoice.completed", "--since", "2026-11-19", "--per-minute", "30", "--yes", "--json").json
    off = there("replay", "--off", ordered["replay"], "--yes", "--json")

    assert ordered["events"] == 1 and off.json == [{"replay": ordered["replay"], "called_off": 1}]
    assert there("replay", "--off", ordered["replay"], "--yes").code == 1
    assert there("replay", "--type", "nothing.like.it", "--yes").code == 1


@pytest.mark.usefixtures("router")
def test_gates_show_what_they_free_and_are_opened_from_elsewhere(there: Billhook, billhook: Billhook, made: Made) -> None:
    words = ("bank-checked", "--through", "2026-11-19")

    shown, here = there(*words), billhook(*words)
    said = there(*words, "--yes", "--json")

    assert (shown.out, shown.code) == (here.out, here.code) and "add --yes" in shown.out
    assert (said.code, said.json) == (0, [])
    assert [row["type"] for row in there("events", "--json").json][:1] == ["bank.checked"]
    assert there("mark-sent", "4711", "--on", "2026-11-19").code == billhook("mark-sent", "4711", "--on", "2026-11-19").code == 1


@pytest.mark.usefixtures("router")
def test_a_signal_is_given_from_elsewhere(there: Billhook, made: Made) -> None:
    ended = there("signal", "send.stopped", "--set", "invoice_id=4712", "--yes", "--json")

    assert (ended.code, ended.json[0]["outcome"]) == (0, "events") and "nothing is known of invoice 4712" in ended.json[0]["warning"]
    assert "warning: nothing is known" in ended.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("approve", "nobody"), 1), (("retry", "99"), 1), (("close", "x"), 1), (("signal", "invoice.completed"), 2),
        (("signal", "send.stopped", "--set", "invoice_id=1", "--set", "bogus=1"), 2), (("signal", "send.stopped"), 2),
        (("pause", "--source", "nowhere"), 2), (("pause", "--workflow", "nobody"), 2), (("resume", "--source", "shop"), 1),
        (("mode", "shop", "nobody", "off"), 2), (("mode", "nowhere", "auto-send", "off"), 2), (("unfreeze",), 1),
        (("breaker", "nowhere", "--probe"), 2), (("breaker", "shop", "--probe"), 1), (("replay", "99"), 1),
    ],
)  # fmt: skip
def test_a_mistake_ends_as_it_does_here(there: Billhook, billhook: Billhook, words: tuple[str, ...], code: int) -> None:
    ended = there(*words, "--yes")
    local = billhook(*words, "--yes")

    assert ended.code == local.code == code, (ended.err, local.err)
    assert "Traceback" not in ended.err


def test_an_operators_token_approves_nothing(
    billhook: Billhook, served: str, token: Callable[[Role], str], made: Made, store: Database
) -> None:
    token("operator")

    ended = billhook("--remote", served, "approve", made.effect, "--yes")

    assert ended.code == 1 and "role approver" in ended.err and state_of(store, made.effect) == "proposed"
