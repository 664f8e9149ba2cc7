"""What a person may say: the events that are no provider's to tell, made of the words of a form or a command line.

Used by the command line and the console. The gates of workers/gates.py are said in their own ways, after a look at what they set free.
"""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_type_hints

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.event import Event, Fact, event_class, event_types, from_data, kind_of
from receiver.money import Money
from workers import mirror
from workers.errors import NotSayable
from workers.events import EventRow
from workers.ordered import TYPE

DONE_ON = ("sent_on", "cancelled_on", "through")  # days of what was done, so none that lies ahead
OWN = ("source", "at")
NOT_SAID = ("clock.tick", TYPE)  # schedules give the one, `billhook customers` and `billhook invoices` the other


def sayable() -> list[str]:
    """The types a person can say, by name: Signals and States."""
    return sorted(name for name, cls in event_types().items() if kind_of(cls) != "fact" and name not in NOT_SAID)


def rows() -> list[dict[str, str]]:
    """Everything a person can say: {"type", "kind", "fields", "about"}, by type."""
    classes = [(name, cls) for name in sayable() if (cls := event_class(name)) is not None]
    return [{"type": name, "kind": kind_of(cls), "fields": ", ".join(fields_of(cls)), "about": meaning_of(cls)} for name, cls in classes]


def fields_of(cls: type[Event]) -> dict[str, Any]:
    """The event's own fields by name, with their types."""
    hints = get_type_hints(cls)
    return {one.name: hints[one.name] for one in dataclasses.fields(cls) if one.name not in OWN}


def meaning_of(cls: type[Event]) -> str:
    """What the event means, in a line."""
    return " ".join((cls.__doc__ or "").split())


def event_said(
    type: str, source: str, fields: Mapping[str, str], *, facts: tuple[type[Event], ...] = (), currency: str | None = None
) -> Event:
    """The event a person gives; of Facts only `facts`. Raises NotSayable naming what is possible instead.

    `currency`: that of an amount said without one (workers/currencies.py); None where nobody knows.
    """
    cls = event_class(type)
    if cls is None or (issubclass(cls, Fact) and cls not in facts) or type in NOT_SAID:
        raise NotSayable(f"{type} is nothing a person can say; possible are {', '.join(sayable())}")
    names = [one.name for one in dataclasses.fields(cls) if one.name != "source"]
    stray = sorted(fields.keys() - set(names))
    if stray:
        raise NotSayable(f"{type} has no field {', '.join(stray)}: its fields are {', '.join(names)}")
    data: dict[str, Any] = {**fields, "source": source, "at": fields.get("at") or datetime.now(UTC).isoformat()}
    for name in money_fields(cls) & fields.keys():
        data[name] = _money(type, name, fields[name], currency)
    try:
        event = from_data(type, data)
    except ValidationError as error:
        wrong = ", ".join(f"{'.'.join(str(part) for part in one['loc'])} ({one['msg']})" for one in error.errors(include_input=False))
        raise NotSayable(f"{type} cannot be made of this: {wrong}") from None
    if nonsense := _nonsense(event):
        raise NotSayable(f"{type} cannot be made of this: {nonsense}")
    return event


def money_fields(cls: type[Event]) -> set[str]:
    """The fields of an event that are amounts."""
    return {name for name, hint in get_type_hints(cls).items() if Money in (hint, *get_args(hint))}


def _money(type: str, name: str, said: str, currency: str | None) -> dict[str, str]:
    """ "500.00 SEK", or "500.00" where the currency is known. Raises NotSayable where it is not."""
    amount, _, own = said.strip().partition(" ")
    in_force = own.strip().upper() or currency
    if in_force is None:
        raise NotSayable(f'{type} cannot be made of this: {name} ({said} of which currency? Write it with the amount, as "500.00 SEK")')
    return {"amount": amount, "currency": in_force}


def _nonsense(event: Event) -> str | None:
    """What can be read and cannot be: a negative amount or level, a day of what was done that lies ahead in every zone."""
    amount, level, tomorrow = getattr(event, "amount", None), getattr(event, "level", None), event.at.date() + timedelta(days=1)
    if isinstance(amount, Money) and amount.amount <= 0:
        return f"amount ({amount.amount} is not above zero)"
    if isinstance(level, int) and level < 0:
        return f"level ({level}: the first one is 0)"
    ahead = [name for name in DONE_ON if (day := getattr(event, name, None)) is not None and day > tomorrow]
    return f"{ahead[0]} ({getattr(event, ahead[0])} lies ahead)" if ahead else None


def unheard_of(connection: Connection, event: Event) -> str:
    """The warning for an invoice or customer that no delivery and no read ever told of; it may be told of later, so the event counts."""
    named = {kind: getattr(event, f"{kind}_id", None) for kind in ("invoice", "customer")}
    unknown = [f"{kind} {id}" for kind, id in named.items() if id and not _is_known(connection, event.source, kind, id)]
    return f"nothing is known of {' and '.join(unknown)} on {event.source}: is that the id? It was taken all the same" if unknown else ""


def _is_known(connection: Connection, source: str, kind: str, id: str) -> bool:
    if mirror.load(connection, source, kind, id) is not None:
        return True
    table = table_of(EventRow)
    told = sa.select(table.c.id).where(table.c.source == source, table.c[f"{kind}_id"] == id, table.c.type.like(f"{kind}.%"))
    return connection.execute(told.limit(1)).first() is not None
