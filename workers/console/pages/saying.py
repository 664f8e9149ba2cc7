"""Telling billhook what no provider says: a form drawn from the event's class, and what a gate would set free before it is opened."""

import dataclasses
import types
import uuid
from datetime import UTC, date, datetime
from typing import Any, Literal, Union, get_args, get_origin

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from receiver.event import Event, event_class, kind_of
from receiver.money import Money
from workers import gates, orders
from workers.console.confirm import Input, Question, ask, back, done, is_own
from workers.console.roles import role_of
from workers.console.site import Site, site
from workers.console.web.access import require_act
from workers.currencies import currency_of
from workers.errors import NotHere, NotSayable
from workers.operator import signal_arrival
from workers.saying import event_said, fields_of, meaning_of, sayable, unheard_of

GATES: tuple[type[Event], ...] = (gates.BankChecked, gates.InvoiceSent, gates.RateConfirmed, gates.ClaimsSettled)
UNDONE = {
    "state": "It holds until the event that undoes it is said.", "fact": "This cannot be undone: it stays true.",
    "signal": "This cannot be undone: what it lets go has gone.",
}  # fmt: skip
ANSWER_S = 3.0
NOTHING = "It sets nothing free that waits now."


def listed(request: Request) -> Response:
    """Everything a person can say, by name, each with what it means."""
    names = sorted({*sayable(), *(gate.type for gate in GATES)})
    said = [(name, kind_of(cls), meaning_of(cls)) for name in names if (cls := event_class(name)) is not None]
    return site(request).page(request, "sayings.html.j2", said=said)


def asked(request: Request) -> Response:
    """The form for one event; what stands in the address is filled in. A gate also shows what it would set free."""
    here, cls = site(request), class_of(request.path_params["type"])
    given = {name: value for name, value in request.query_params.items() if value}
    return ask(request, _question(here, cls, given, {"order": uuid.uuid4().hex, "back": back(request)}))


def carry_out(request: Request, form: FormData) -> Response:
    """Give the event; or the form again, with what is wrong. A gate is first shown with what it frees, then opened."""
    require_act(request, "say")
    here, cls = site(request), class_of(request.path_params["type"])
    given = {name: str(value).strip() for name, value in form.items()}
    hidden = {name: given.get(name, "") for name in ("order", "back")}
    try:
        event = said_as(here, cls, given)
    except NotSayable as wrong:
        return ask(request, _question(here, cls, given, hidden), wrong=str(wrong))
    if cls in GATES and not given.get("seen"):
        return ask(request, _question(here, cls, given, {**hidden, "seen": "yes"}, event))
    answer = give(here, event, request.state.person.name, hidden["order"][:64])
    to = hidden["back"]
    return done(f"Said: {cls.type}. {answer.reason}", to if is_own(to) else "/needs")


def give(here: Site, event: Event, actor: str, id: str) -> orders.Answer:
    """Give the event, once for an `id`; "" for a new one."""
    arrival = signal_arrival(event, actor=actor, at=datetime.now(UTC), id=id or None)
    return orders.give(here.database, arrival, patience_s=ANSWER_S)


def class_of(name: str) -> type[Event]:
    """The event of this name. Raises NotHere for one that no person can say."""
    cls = event_class(name)
    if cls is None or (name not in sayable() and cls not in GATES):
        raise NotHere(f"{name} is nothing a person can say: the page Say has what is")
    return cls


def said_as(here: Site, cls: type[Event], given: dict[str, str]) -> Event:
    """The event. Raises NotSayable."""
    source = given.get("source") or (here.sources[0] if len(here.sources) == 1 else "")
    if source not in here.sources:
        raise NotSayable(f"source: choose one of {', '.join(here.sources)}")
    fields = {name: given[name] for name in fields_of(cls) if given.get(name)}
    with here.database.read() as connection:
        currency = currency_of(connection, source, fields, here.settings.sources[source].currencies)
    event = event_said(cls.type, source, fields, facts=GATES, currency=currency)
    through = getattr(event, "through", None)
    if isinstance(through, date) and through > datetime.now(here.chosen.console.tz).date():
        raise NotSayable("through: that day lies ahead, nobody has checked it yet")
    return event


def _question(here: Site, cls: type[Event], given: dict[str, str], hidden: dict[str, str], seen: Event | None = None) -> Question:
    inputs = [
        Input(name="source", label="source", kind="select", value=given.get("source", ""), choices=tuple(here.sources), required=True)
    ]
    inputs += [_input(name, hint, given.get(name, ""), cls) for name, hint in fields_of(cls).items()]
    preview, warnings = frees(here, seen) if seen is not None else ([], [])
    button = "Say it" if cls not in GATES or seen is not None else "Show what it sets free"
    return Question(
        title=f"Say {cls.type}", does=meaning_of(cls), button=button, role=role_of("say"), inputs=inputs, preview=preview,
        warnings=warnings, undo=UNDONE[kind_of(cls)], hidden={name: [value] for name, value in hidden.items()},
    )  # fmt: skip


def frees(here: Site, seen: Event) -> tuple[list[str], list[str]]:
    """What an event would set free, in lines, and what is odd about it."""
    with here.database.read() as connection:
        warning = unheard_of(connection, seen)
        odd = [warning] if warning else []
        try:
            return gates.set_free(connection, seen) or [NOTHING], odd
        except ValueError as wrong:
            return [], [str(wrong), *odd]


def _input(name: str, hint: Any, value: str, cls: type[Event]) -> Input:
    """The form's field for one of the event's."""
    field = next(one for one in dataclasses.fields(cls) if one.name == name)
    required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    plain = next((part for part in get_args(hint) if part is not type(None)), hint) if get_origin(hint) in _UNIONS else hint
    if get_origin(plain) is Literal:
        return Input(name=name, label=_label(name), kind="select", value=value, required=required, choices=tuple(map(str, get_args(plain))))
    kind, about = _KINDS.get(plain, ("text", ""))
    return Input(name=name, label=_label(name), kind=kind, value=value, required=required, about=about)


_UNIONS = (types.UnionType, Union)
_KINDS: dict[Any, tuple[str, str]] = {
    date: ("date", ""), datetime: ("datetime-local", ""), bool: ("checkbox", ""), int: ("number", ""),
    Money: ("text", "Such as 500.00 SEK; without a currency it is the invoice's or the customer's."),
}  # fmt: skip


def _label(name: str) -> str:
    return name.replace("_", " ")
