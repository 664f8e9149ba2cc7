"""Orders: what a person has done at a provider. Each shows first what would be sent, and is given only with --yes.

An order enters through the inbox and becomes an effect that the workers carry out (workers/ordered.py); nothing is called from here. The
same command with the same --key is one order, however often it is given.
"""

import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import Database
from workers import control
from workers.cli.output import plain, print_json, show_rows
from workers.cli.session import Session, actor
from workers.cli.trigger import pairs
from workers.errors import StateConflict
from workers.loading import load_folders
from workers.lookups import x_attributes_of
from workers.operator import signal_arrival
from workers.order_outcomes import Outcome, given, outcome
from workers.ordered import ATTRIBUTES, ServiceOrdered, ordered
from workers.providers.ordering import Orderable, Target, typed
from workers.providers.reading import require_ids

LOOK_S = 0.1
KEY_MAX = 64
COLUMNS = ("order", "object_id", "state", "reference", "effect", "reason", "next")
FINE = ("done", "proposed", "skipped")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was typed. `key`: "" for a new one."""

    noun: str
    act: str
    ids: Sequence[str]
    set: Sequence[str] = ()
    file: Path | None = None
    key: str = ""
    again: bool = False
    reason: str = ""
    yes: bool = False
    wait_s: float = 15.0


@dataclass(frozen=True, kw_only=True)
class Preview:
    """One order as it would be given: its event, and the request it comes to."""

    event: ServiceOrdered
    service: str
    request: Mapping[str, Any]
    approval: bool
    delivery: int | None = None


def give(here: Session, source: str, orderable: Orderable, wish: Wish, as_json: bool) -> None:
    """Show the orders; with `yes`, give them and say what became of them. Raises BadParameter for what cannot be ordered like this."""
    kind = here.settings().source(source).kind
    load_folders(here.settings().workflows)
    with here.database() as database:
        with database.read() as connection:
            previews = previewed(connection, source, kind, orderable, wish, at=datetime.now(UTC))
        if not wish.yes:
            _show(previews, as_json)
            return
        deliveries = [one.delivery or database.write(lambda c, one=one: _give(c, one)) for one in previews]  # type: ignore[misc]
        came = _awaited(database, deliveries, wish.wait_s)
    rows = [_row(one, how) for one, how in zip(previews, came, strict=True)]
    show_rows(rows, COLUMNS, as_json=as_json, nothing="")
    if any(how.state not in FINE for how in came):
        raise typer.Exit(1)


def previewed(connection: Connection, source: str, kind: str, orderable: Orderable, wish: Wish, *, at: datetime) -> list[Preview]:
    """Each order as it would be given. Raises BadParameter, and StateConflict where its key was used for another one."""
    try:
        said = orderable.fields.named(_said(wish))
        ids = _ids(orderable, wish)
        return [_preview(connection, source, kind, orderable, wish, id, said, key, at) for id, key in ids]
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from None


def _said(wish: Wish) -> dict[str, Any]:
    """The fields of --file, and those of --set over them. Raises ValueError."""
    said = {name: typed(value) for name, value in pairs(list(wish.set)).items()}
    if wish.file is None:
        return said
    try:
        found = json.loads(wish.file.read_text(encoding="utf-8"), parse_float=str)
    except (OSError, ValueError):
        raise ValueError(f"--file {wish.file}: it cannot be read as JSON") from None
    if not isinstance(found, dict):
        raise ValueError(f"--file {wish.file}: write one JSON object of fields")
    return {**found, **said}


def _ids(orderable: Orderable, wish: Wish) -> list[tuple[str, str]]:
    """(id, order key) of each order: of several, each has the key with its id behind it."""
    key = wish.key or uuid.uuid4().hex[:20]
    if not key.isprintable() or len(key) > KEY_MAX or key != key.strip():
        raise ValueError(f"--key: a text of at most {KEY_MAX} characters, without blanks around it")
    if orderable.takes == "nothing":
        require_ids("nothing", orderable.named, wish.ids)
        return [("", key)]
    if not wish.ids:
        raise ValueError(f"name the {orderable.named}")
    if len(wish.ids) > 1 and orderable.own_key is not None:
        require_ids("one", orderable.named, wish.ids)
    return [(id, key if len(wish.ids) == 1 else f"{key}:{id}") for id in dict.fromkeys(wish.ids)]


def _preview(
    connection: Connection, source: str, kind: str, orderable: Orderable, wish: Wish, id: str, said: dict[str, Any], key: str, at: datetime
) -> Preview:
    if orderable.own_key is not None:
        said, own = orderable.own_key(dict(said), key)
        id = id or own
    target = Target(source=source, id=id, order=key)
    event = ordered(kind, wish.noun, wish.act, target, said, at=at, reason=wish.reason, again=wish.again)
    earlier = given(connection, source, key)
    if earlier is not None and not _same(earlier[1], event):
        raise StateConflict(f"--key {key} was used for another order, {earlier[1].noun} {earlier[1].act}: choose another key")
    more: dict[str, Any] = {}
    if ATTRIBUTES in orderable.fields.kwargs(said) and orderable.own_key is None:
        more["known"] = x_attributes_of(connection, source, id) or {}
    request = orderable.request(target, said, **more).model_dump(mode="json", exclude_none=True)
    delivery = earlier[0] if earlier else None
    return Preview(event=event, service=orderable.service.name, request=request, approval=orderable.approval, delivery=delivery)


def _same(earlier: ServiceOrdered, event: ServiceOrdered) -> bool:
    names = ("kind", "noun", "act", "object_id", "said", "again")
    return all(getattr(earlier, name) == getattr(event, name) for name in names)


def _give(connection: Connection, one: Preview) -> int:
    """Keep the order, and who gave it; its delivery's id."""
    event, who = one.event, actor()
    detail = {"order": event.order, "service": one.service, "fields": sorted(event.said)}
    subject = f"{event.source}/{event.object_id}"
    act = f"{event.noun} {event.act}"
    control.audited(connection, act, at=event.at, actor=who, subject=subject, reason=event.reason, detail=detail)
    return inbox.append(connection, signal_arrival(event, actor=who, at=event.at, id=event.order)).delivery_id


def _awaited(database: Database, deliveries: Sequence[int], wait_s: float) -> list[Outcome]:
    """How the orders stand, as soon as none moves any more, or once the wait is over."""
    until = time.monotonic() + wait_s
    while True:
        with database.read() as connection:
            found = [outcome(connection, id) for id in deliveries]
        if all(one.over for one in found) or time.monotonic() > until:
            return found
        time.sleep(LOOK_S)


def _row(one: Preview, how: Outcome) -> dict[str, Any]:
    told = {name: value for name, value in asdict(how).items() if name != "over"}
    return {"order": one.event.order, "service": one.service, "object_id": one.event.object_id, **told}


def _show(previews: Sequence[Preview], as_json: bool) -> None:
    """What would be ordered, and how to order it."""
    if as_json:
        print_json([_shown(one) for one in previews])
        return
    for one in previews:
        print(f"{one.service} {plain(one.event.object_id)} at {one.event.source} ({one.event.kind}), order {one.event.order}")
        for name, value in _leaves(one.request):
            print(f"  {name}  {plain(value)}")
        if one.delivery is not None:
            print("  it was ordered already under this key: --yes says what became of it, and does nothing again")
    told = "; it is then proposed, and `billhook approve` lets it happen" if previews[0].approval else ""
    print(f"{len(previews)} to be ordered; add --yes to do it{told}")


def _shown(one: Preview) -> dict[str, Any]:
    event = one.event
    said = {"order": event.order, "service": one.service, "object_id": event.object_id, "request": one.request}
    return {**said, "approval": one.approval, "ordered": one.delivery is not None}


def _leaves(value: Any, place: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from _leaves(part, f"{place}.{at}")
    else:
        yield place, value
