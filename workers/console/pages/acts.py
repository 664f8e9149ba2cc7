"""Acts on effects, runs and what is parked: approve, reject, resolve, resend, retry, close; one or several at once.

Every act is an order in the inbox, with who gave it and why; the id of its form makes pressing twice do it once.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from receiver.db import table_of
from workers import advice, desk, ledger, orders, runs
from workers.console import second, undoing
from workers.console.confirm import Input, Question, ask, back, done, is_own
from workers.console.read.needs import totals
from workers.console.roles import Person, Role, role_of
from workers.console.site import Site, site
from workers.console.web.access import require
from workers.errors import NotHere
from workers.operator import Order, order_arrival
from workers.views import row_number

MANY, ANSWER_S = 200, 3.0
FIRST_DAY = date(2000, 1, 1)
HELD = "held"
EFFECT_FACTS = ("source", "workflow", "service", "state", "reason", "amount", "request")
RUN_FACTS = ("workflow", "key", "status", "reason")
OrderAct = Literal["approve", "reject", "resolve", "resend", "retry", "close", "acknowledge", "ignore", "reopen"]


@dataclass(frozen=True, kw_only=True)
class Act:
    """One act. `does` says what it will do, `undo` what takes it back; `takes` what its subject is."""

    name: str
    order: OrderAct
    title: str
    does: str
    undo: str
    button: str
    takes: Literal["effect", "run", "item"] = "effect"
    tone: str = "good"
    needs_reason: bool = False
    did: bool | None = None

    @property
    def role(self) -> Role:
        return role_of(self.name)

    @property
    def two_people(self) -> bool:
        """Whether the rule of two people is one of this act: what an approver alone may do to an effect."""
        return self.takes == "effect" and self.role == "approver"


ACTS = {
    act.name: act
    for act in (
        Act(
            name="approve", order="approve", title="Approve", button="Approve",
            does="A worker carries it out at once, unless something stands against it by then: a block, a pause, a payment that came.",
            undo="Reject takes it back until a worker begins with it; what was carried out cannot be undone.",
        ),
        Act(
            name="reject", order="reject", title="Reject", button="Reject", tone="danger",
            does="Nothing is sent or booked. Its slot is free again: the workflow may plan anew when its reason comes back.",
            undo="This cannot be undone: only its workflow plans it again.",
        ),
        Act(
            name="did", order="resolve", did=True, title="It happened", button="It happened",
            does="billhook takes it as done and never does it again. Look at the provider first.",
            undo="This cannot be undone: look at the provider before you say so.",
        ),
        Act(
            name="did-not", order="resolve", did=False, title="It did not happen", button="It did not happen",
            tone="danger",
            does="billhook frees its slot, and its workflow plans it anew. If it did happen after all, it will then happen twice.",
            undo="This cannot be undone: look at the provider before you say so.",
        ),
        Act(
            name="resend", order="resend", title="Send again", button="Send again", tone="danger", needs_reason=True,
            does="What is done already is done once more, on purpose.",
            undo="This cannot be undone.",
        ),
        Act(
            name="retry", order="retry", title="Try again", button="Try again", takes="run",
            does="The run, or the delivery, is tried at once. What it has done already it does not do again.",
            undo="This cannot be undone; pausing the workflow holds back what it would call.",
        ),
        Act(
            name="close", order="close", title="Close", button="Close", takes="item", tone="plain",
            does="It leaves this list. A run that is parked with it ends; nothing that was not called yet is called.",
            undo="This cannot be undone. What comes again is listed again.",
        ),
        Act(
            name="acknowledge", order="acknowledge", title="I see to it", button="I see to it", takes="item",
            does="Nobody is told again while it lasts. It stays in the list of alerts.",
            undo="It can be taken back: the line that confirms it leads there.",
        ),
        Act(
            name="ignore", order="ignore", title="Ignore", button="Ignore", takes="item", tone="plain",
            does="Nobody hears of it while it lasts; it is still counted. Once it is over and comes back, it is told anew.",
            undo="It can be taken back: the line that confirms it leads there.",
        ),
        Act(
            name="reopen", order="reopen", title="Open again", button="Open again", takes="item",
            does="It waits under Needs you again, and is told again while it lasts.",
            undo="It can be taken back: the line that confirms it leads there.",
        ),
    )
}  # fmt: skip


def asked(request: Request) -> Response:
    """The page that asks for an act on the subjects in the address."""
    act, here = _act(request), site(request)
    require(request, act.role)
    subjects = list(dict.fromkeys(request.query_params.getlist("subject")))
    hidden = {"order": [uuid.uuid4().hex], "back": [back(request)]}
    return ask(request, _question(here, act, subjects, hidden, request.state.person))


def _act(request: Request) -> Act:
    name = request.path_params["act"]
    if name not in ACTS:
        raise NotHere(f"there is no act {name}")
    return ACTS[name]


def _question(here: Site, act: Act, subjects: list[str], hidden: Mapping[str, list[str]], person: Person) -> Question:
    if not 0 < len(subjects) <= MANY:
        raise NotHere(f"say which: one to {MANY} of them")
    with here.database.read() as connection:
        effects = _effects(connection, subjects) if act.takes == "effect" else {}
        about = [_known(connection, act, subject, here, effects) for subject in subjects]
        bound = [ledger.bound_to(effects[subject]) for subject in subjects if subject in effects] if act.order == "approve" else []
        heavy = _weighed(connection, here, act, subjects, person, counted=False) if act.two_people else frozenset()
    inputs = [Input(name="reason", label="Why", required=act.needs_reason, about="It is kept in the audit.")]
    if act.did:
        inputs.insert(0, Input(name="on", label="On which day", kind="date", about="Empty: today."))
    many = f" {len(subjects)}" if len(subjects) > 1 else ""
    money = ", ".join(f"{total} {currency}" for currency, total in totals(one.get("amount") for one in about).items())
    preview = [f"Together {money}."] if len(about) > 1 and money else []
    warnings = [
        f"So much {currency} takes two people: yours is the first yes, and somebody else's carries it out." for currency in sorted(heavy)
    ]
    return Question(
        title=act.title + (f": {len(subjects)} of them" if many else ""), does=act.does, button=act.button + many, role=act.role,
        tone=act.tone, about=about, preview=preview, warnings=warnings, inputs=inputs, undo=act.undo,
        hidden={**hidden, "subject": subjects, "bound": bound},
    )  # fmt: skip


def _effects(connection: Connection, ids: list[str]) -> dict[str, sa.RowMapping]:
    """The effects that there are, by id, in one look; an approval is one of exactly the requests and amounts that are shown."""
    table = table_of(ledger.EffectRow)
    return {row["id"]: row for row in connection.execute(sa.select(table).where(table.c.id.in_(ids))).mappings()}


def _known(connection: Connection, act: Act, subject: str, here: Site, effects: Mapping[str, sa.RowMapping]) -> dict[str, Any]:
    """What is known of one subject, for the page. Raises NotHere."""
    if act.takes == "effect":
        row = effects.get(subject)
        if row is None:
            raise NotHere(f"there is no effect {subject}")
        told = advice.of_effect(connection, row)
        facts = {name: row[name] for name in EFFECT_FACTS if row[name]}
        first = second.first_of(connection, subject) if act.two_people else None
        yes = {"yes before by": first.by} if first and first.bound == second.bound_to(row, act.name) else {}
        return {"effect": subject, "known": told["known"], **facts, "customer": told["customer_id"], **yes}
    if act.takes == "run":
        of, source = orders.to_retry(connection, subject)
        run = runs.load(connection, of)
        facts = {name: run[name] for name in RUN_FACTS if run[name]} if run is not None else {}
        return {"run": of, "source": source, **facts}
    return {"item": subject, **_item(connection, subject), "source": orders.to_close(connection, subject, here.sources)}


def _item(connection: Connection, subject: str) -> dict[str, Any]:
    kind, _, number = subject.rpartition(":")
    models: dict[str, Any] = {"alert": desk.Alert, "task": desk.Task, "": desk.Parked}
    table = table_of(models.get(kind, desk.Parked))
    row = connection.execute(sa.select(table).where(table.c.id == row_number(number))).mappings().first()
    return {} if row is None else {name: row[name] for name in ("kind", "subject", "reason", "opened_at") if row.get(name)}


def carry_out(request: Request, form: FormData) -> Response:
    """Give the order of the form, once for each subject; then back, with what the router said."""
    act, here = _act(request), site(request)
    person = require(request, act.role)
    subjects, bounds = ([str(one) for one in form.getlist(name)] for name in ("subject", "bound"))
    said = {name: str(form.get(name, "")).strip() for name in ("reason", "on", "order", "back")}
    wrong = why_not(act, said, here.chosen.console.tz)
    if wrong:
        question = _question(here, act, subjects, {"order": [said["order"]], "back": [said["back"]]}, person)
        return ask(request, question, wrong=wrong)
    with here.database.read() as connection:
        undo = undoing.of_alerts(connection, act.order, subjects)
    answers = ordered(here, act, said, subjects, bounds, person)
    return done(in_words(act, answers), said["back"] if is_own(said["back"]) else "/needs", undo)


def shown(here: Site, act: Act, subject: str, person: Person) -> Question:
    """What is shown before an act on one thing. Raises NotHere or StateConflict."""
    return _question(here, act, [subject], {}, person)


def ordered(here: Site, act: Act, said: Mapping[str, str], subjects: list[str], bounds: list[str], person: Person) -> list[orders.Answer]:
    """Give the order for each subject. `said`: reason, on (a day of the account's zone) and order, the id that makes it one."""
    answers, heavy = [], _heavy(here, act, subjects[:MANY], person)
    for place, subject in enumerate(subjects[:MANY]):
        source, of = _whose(here, act, subject)
        bound = bounds[place] if len(bounds) == len(subjects) else ""
        order = Order(act=act.order, subject=of, reason=said["reason"], actor=person.name, did=act.did, on=said["on"] or None, bound=bound)
        arrival = order_arrival(order, source=source, at=datetime.now(UTC), id=f"{said['order'][:64]}:{place}")
        held = _held(here, act, order, person, heavy) if act.two_people else None
        answers.append(held or orders.give(here.database, arrival, patience_s=ANSWER_S if len(subjects) == 1 else 0.0))
    return answers


def _weighed(connection: Connection, here: Site, act: Act, subjects: list[str], person: Person, *, counted: bool) -> frozenset[str]:
    at, limits = here.database.machine_now(connection), here.chosen.console.limits
    return second.weigh(connection, act.name, act.order, subjects, person, limits=limits, at=at, counted=counted)


def _heavy(here: Site, act: Act, subjects: list[str], person: Person) -> frozenset[str]:
    """The currencies in which this form decides about too much for one person; what is not too much is counted."""
    if not act.two_people or not here.chosen.console.limits.any:
        return frozenset()
    return here.database.write(lambda connection: _weighed(connection, here, act, list(dict.fromkeys(subjects)), person, counted=True))


def _held(here: Site, act: Act, order: Order, person: Person, heavy: frozenset[str]) -> orders.Answer | None:
    """What a yes came to that is no order yet, where the rule of two people holds it; None where it is one."""
    limits = here.chosen.console.limits

    def say_yes(connection: Connection) -> second.Verdict:
        at, said = here.database.machine_now(connection), {"reason": order.reason, "shown": order.bound}
        return second.yes(connection, order.subject, person, limits=limits, at=at, act=act.name, order=act.order, heavy=heavy, **said)

    verdict = here.database.write(say_yes)
    return orders.Answer(HELD, second.TOLD[verdict]) if verdict in second.TOLD else None


def why_not(act: Act, said: Mapping[str, str], zone: ZoneInfo) -> str:
    """What is wrong with an answer's fields, or ""."""
    if act.needs_reason and not said["reason"]:
        return "Say why: it is kept in the audit."
    try:
        if said["on"] and not FIRST_DAY <= date.fromisoformat(said["on"]) <= datetime.now(zone).date():
            return "That day lies ahead, or too far back: on which day did it happen?"
    except ValueError:
        return "The day is written such as 2026-11-21."
    return "" if said["order"].isalnum() else "This form is damaged: go back and press the button again."


def _whose(here: Site, act: Act, subject: str) -> tuple[str, str]:
    """(source, subject) of the order. Raises NotHere or StateConflict."""
    with here.database.read() as connection:
        if act.takes == "effect":
            return orders.source_of_effect(connection, subject), subject
        if act.takes == "run":
            of, source = orders.to_retry(connection, subject)
            return source, of
        return orders.to_close(connection, subject, here.sources), subject


def in_words(act: Act, answers: list[orders.Answer]) -> str:
    """What came of the orders, in a sentence."""
    if len(answers) == 1:
        outcome, reason = answers[0].outcome, answers[0].reason
        return f"{act.title}: {'refused: ' if outcome == 'refused' else ''}{reason}"
    refused, held = ([answer for answer in answers if answer.outcome == outcome] for outcome in ("refused", HELD))
    ordered = f"{act.title}: {len(answers) - len(held)} ordered" + (f", {len(held)} not: {held[0].reason}" if held else "")
    return ordered + (f", {len(refused)} refused: {refused[0].reason}" if refused else "")
