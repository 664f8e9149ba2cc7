"""What a workflow may ask the database, or put into the inbox, inside a step.

Plain functions that take the step's own connection: `run.step(name, fn, …)` or `run.setting(name, lambda connection: …)` journals
what they give, so a replay sees the same. Exported to authors by workers/authoring.py.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import canonical_json, table_of
from receiver.event import Event, InvoiceCompleted
from receiver.money import Money
from workers import budgets, control, desk, events, ledger, mirror, operator, policies, runs, spending
from workers.events import EventRow
from workers.ledger import EffectRow
from workers.mirror import Mirror
from workers.operator import Order
from workers.runs import UNFINISHED, RunRow
from workers.terms import Budget

E = TypeVar("E", bound=Event)
_EFFECT, _PURPOSES = table_of(EffectRow), cast(Any, sa.bindparam("of_purposes", expanding=True))
_OF_SERVICE = (
    sa.select(_EFFECT)
    .where(_EFFECT.c.source == sa.bindparam("of_source"), _EFFECT.c.object_id == sa.bindparam("of_object"))
    .where(_EFFECT.c.service == sa.bindparam("of_service"), _EFFECT.c.state == "done")
    .order_by(_EFFECT.c.settled_at, _EFFECT.c.id)
)
_ABOUT = (
    sa.select(_EFFECT)
    .where(_EFFECT.c.source == sa.bindparam("of_source"), _EFFECT.c.object_id == sa.bindparam("of_object"))
    .where(_EFFECT.c.purpose.in_(_PURPOSES), _EFFECT.c.state.not_in(ledger.FREED))
    .order_by(_EFFECT.c.intended_at, _EFFECT.c.id)
)


class PastEffect(BaseModel):
    """One effect as the ledger has it. `version` is its first slot's."""

    model_config = ConfigDict(frozen=True)

    id: str
    run_id: str
    service: str
    object_id: str
    purpose: str
    version: str
    state: str
    reissued: bool
    called_at: datetime | None
    settled_at: datetime | None
    request: dict[str, Any]


def effects_about(connection: Connection, source: str, object_id: str, purposes: Sequence[str]) -> list[PastEffect]:
    """The effects of these purposes about one object that hold their slots, the oldest first."""
    named = {"of_source": source, "of_object": object_id, "of_purposes": list(purposes)}
    return _pasts(connection, connection.execute(_ABOUT, named).mappings().all())


def done_effects(connection: Connection, source: str, object_id: str, service: str) -> list[PastEffect]:
    """The effects of one service about one object that are done, whichever workflow or person wanted them, the oldest first."""
    named = {"of_source": source, "of_object": object_id, "of_service": service}
    return _pasts(connection, connection.execute(_OF_SERVICE, named).mappings().all())


def unknown_effects(connection: Connection, source: str, workflow: str, service: str, *, called_before: datetime) -> list[PastEffect]:
    """Effects of a workflow whose outcome is unknown since before an instant."""
    table = table_of(EffectRow)
    of_workflow = sa.and_(table.c.source == source, table.c.workflow == workflow, table.c.service == service)
    query = sa.select(table).where(table.c.state == "unknown", of_workflow, table.c.calling_at < called_before).order_by(table.c.calling_at)
    return _pasts(connection, connection.execute(query).mappings().all())


def _pasts(connection: Connection, rows: Sequence[sa.RowMapping]) -> list[PastEffect]:
    """The rows as values: their slots with one query, which runs were reissued with another."""
    if not rows:
        return []
    slots = ledger.first_versions(connection, [row["id"] for row in rows])
    reissued = runs.reissued(connection, {row["run_id"] for row in rows})
    return [_past(row, slots.get(row["id"], ""), row["run_id"] in reissued) for row in rows]


def _past(row: sa.RowMapping, version: str, reissued: bool) -> PastEffect:
    said = {name: row[name] for name in ("id", "run_id", "service", "object_id", "purpose", "state", "request")}
    return PastEffect(version=version, reissued=reissued, called_at=row["calling_at"], settled_at=row["settled_at"], **said)


def events_of_customer(connection: Connection, source: str, customer_id: str, types: Sequence[type[E]]) -> list[E]:
    """Events of `types` about a customer or any invoice of theirs, in the order they were recorded."""
    table, objects = table_of(EventRow), table_of(Mirror)
    named = [t.type for t in types]
    owned = sa.and_(objects.c.source == source, objects.c.kind == "invoice", objects.c.customer_id == customer_id)
    about = sa.or_(table.c.customer_id == customer_id, table.c.invoice_id.in_(sa.select(objects.c.object_id).where(owned)))
    query = sa.select(table.c.id).where(table.c.source == source, table.c.type.in_(named), about).order_by(table.c.id)
    ids = connection.execute(query).scalars().all()
    return [cast(E, events.load(connection, id).event) for id in ids]


def events_of_invoice(connection: Connection, source: str, invoice_id: str, types: Sequence[type[E]]) -> list[E]:
    """Events of `types` about one invoice, in the order they were recorded."""
    found = events.concerning(connection, source, customer_id=None, invoice_id=invoice_id, types=[t.type for t in types])
    return [cast(E, recorded.event) for recorded in found]


def events_of_invoices(connection: Connection, source: str, invoice_ids: Sequence[str], types: Sequence[type[E]]) -> dict[str, list[E]]:
    """The same of several invoices at once: each of them with its events."""
    found: dict[str, list[E]] = {id: [] for id in invoice_ids}
    for recorded in events.of_invoices(connection, source, invoice_ids, [t.type for t in types]):
        found[str(getattr(recorded.event, "invoice_id", None))].append(cast(E, recorded.event))
    return found


def amount_used(connection: Connection, source: str, workflow: str, budget: Budget, *, on: date, currency: str, scope: str = "") -> Money:
    """What a budget of Money has used up in its window that the local day `on` is in: what is done, open and unknown."""
    first, name = spending.opens_on(budget.window, on), spending.counter(source, workflow, budget, currency, scope)
    return Money.of_minor_units(budgets.used_between(connection, name, first, first).get(first, 0), currency)


class CustomerKnown(BaseModel):
    """What is known of a customer: `attributes`, None where nobody told any; `tags`; whether `deleted` at the provider."""

    model_config = ConfigDict(frozen=True)

    attributes: dict[str, str] | None = None
    tags: list[str] = []
    deleted: bool = False


def customer_known(connection: Connection, source: str, customer_id: str) -> CustomerKnown:
    """What x_attributes_of, tags_of and is_deleted_customer say, with one look."""
    known = mirror.load(connection, source, "customer", customer_id)
    if known is None:
        return CustomerKnown()
    return CustomerKnown(attributes=_attributes(known.state.fields), tags=_tags(known.state.fields), deleted=known.state.deleted)


def x_attributes_of(connection: Connection, source: str, customer_id: str) -> dict[str, str] | None:
    """The known X_ATTRIBUTES of a customer by name: the last set a webhook about the customer told, or that we wrote since.

    None where nobody told any, for the API never shows them; {} where there are none. Before the first event about the customer itself,
    what an invoice's or a payment's event told of them counts.
    """
    known = mirror.load(connection, source, "customer", customer_id)
    return _attributes(known.state.fields) if known else None


def _attributes(fields: Mapping[str, Any]) -> dict[str, str] | None:
    said = fields.get("x_attributes", fields.get("x_attributes_hint"))
    return None if said is None else {name: _text(value) for name, value in said.items()}


def tags_of(connection: Connection, source: str, customer_id: str) -> list[str]:
    """The known TAGS of a customer, from reads and webhooks. No service writes them."""
    known = mirror.load(connection, source, "customer", customer_id)
    return _tags(known.state.fields) if known else []


def _tags(fields: Mapping[str, Any]) -> list[str]:
    return list(fields.get("tags") or [])


def _text(value: Any) -> str:
    """An attribute's value as the provider takes it."""
    return value if isinstance(value, str) else "" if value is None else canonical_json(value)


def switched_at(connection: Connection, source: str, workflow: str) -> str | None:
    """When an operator switched a workflow on for a source (ISO), or None: only what happened after it is acted on."""
    instant = control.switched_at(connection, source, workflow)
    return None if instant is None else instant.isoformat()


def policy_of_run(connection: Connection, run_id: str) -> dict[str, Any]:
    """The policy another run started under."""
    row = runs.load(connection, run_id)
    return {} if row is None or row["policy_id"] is None else policies.body_of(connection, row["policy_id"])


def completed_without_run(connection: Connection, source: str, workflow: str, *, before: datetime, limit: int) -> list[tuple[int, str]]:
    """(event id, invoice id) of completed, uncancelled invoices that `workflow` never looked at, the oldest first.

    Never what is history, nor what was completed before the workflow was switched on. Where an operator switched it on with existing
    invoices, those it only observed count as not looked at.
    """
    event, objects, run = table_of(EventRow), table_of(Mirror), table_of(RunRow)
    setting = control.get(connection, control.mode_name(source, workflow)) or {}
    existing_too = setting.get("mode") in ("propose", "auto") and setting.get("include_existing")
    looked_at = [run.c.source == source, run.c.workflow == workflow, run.c.invoice_id == event.c.invoice_id]
    if existing_too:
        looked_at.append(sa.or_(run.c.mode != "observe", run.c.status.in_(UNFINISHED)))
    here = sa.and_(objects.c.source == source, objects.c.kind == "invoice", objects.c.object_id == event.c.invoice_id)
    missing = (
        sa.select(event.c.id, event.c.invoice_id)
        .join(objects, here)
        .where(event.c.source == source, event.c.type == InvoiceCompleted.type, event.c.recorded_at < before)
        .where(sa.not_(event.c.historical), sa.not_(objects.c.canceled), sa.not_(objects.c.deleted))
        .where(~sa.exists().where(*looked_at))
    )
    if setting.get("switched_at"):
        missing = missing.where(event.c.at >= datetime.fromisoformat(setting["switched_at"]))
    return [(row[0], row[1]) for row in connection.execute(missing.order_by(event.c.id).limit(limit))]


def give_order(connection: Connection, order: Order, *, source: str, at: datetime, id: str) -> None:
    """Put an order into the inbox, once per `id`; the router carries it out."""
    inbox.append(connection, operator.order_arrival(order, source=source, at=at, id=id))


def close_tasks(connection: Connection, source: str, reason: str, *, at: datetime, actor: str, **about: str) -> int:
    """Close the open tasks with this reason that name these ids, such as invoice="4711": what they asked for was done. In `run.step`."""
    return desk.close_tasks(connection, source, reason, about=about, at=at, actor=actor)


def give_event(connection: Connection, event: Event, *, actor: str, at: datetime, id: str) -> None:
    """Put an event of the author's own into the inbox, once per `id`: it starts and wakes what it would from elsewhere. In `run.step`."""
    inbox.append(connection, operator.signal_arrival(event, actor=actor, at=at, id=id))
