"""What a person orders at a provider, carried out: the built-in workflow `by-hand`, one run for each order, keyed by the order's own key.

Owns the event `service.ordered`, which the command line puts into the inbox (workers/cli/orders.py). An order becomes an effect like any
other: planned in a slot, approved where that is needed, called once, settled, parked, audited. No mode holds it, for a person asked for it;
a freeze, a pause, the breaker, limits and, where it reaches a customer, blocks do.
"""

from dataclasses import dataclass, field
from typing import Any

from receiver.event import Disputed, Event, Excluded, Id, Insolvent, Paused, Promised, Signal, Words, event
from workers.errors import NotFound
from workers.ledger import Slot
from workers.lookups import x_attributes_of
from workers.providers import offers
from workers.providers.ordering import Orderable, Target
from workers.registry import EffectDef, NoPolicy, Read, Workflow
from workers.run import Run
from workers.terms import Approval

NAME = "by-hand"
TYPE = "service.ordered"
ATTRIBUTES = "x_attributes"
BLOCKS = (Paused, Disputed, Promised, Excluded, Insolvent)


@event(TYPE)
@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOrdered(Event, Signal):
    """A person ordered one write at the provider. `order`: its own key, by which it is done once. `said`: the fields, by the act's names.

    `noun` and `act`: as in `billhook invoices SOURCE send`. `again`: also where a workflow, or an earlier order, did it already.
    """

    order: Id
    kind: str
    noun: str
    act: str
    object_id: Id
    said: dict[str, Any] = field(default_factory=dict, repr=False)
    reason: Words = ""
    again: bool = False
    customer_id: Id | None = None
    invoice_id: Id | None = None


def ordered(kind: str, noun: str, act: str, target: Target, said: dict[str, Any], **more: Any) -> ServiceOrdered:
    """The event of an order that a kind has. Raises KeyError for one it has not."""
    of = offers.ORDERS[kind][noun, act].of
    more |= {f"{of}_id": target.id} if of else {}
    return ServiceOrdered(source=target.source, order=target.order, kind=kind, noun=noun, act=act, object_id=target.id, said=said, **more)


def _slots(orderable: Orderable, again: bool) -> Any:
    """Creating: our own key. What is done once for an object: the slot its workflows take. Everything else: a slot of the order's own."""
    name = orderable.service.name

    def slots(target: Target, **_: Any) -> list[Slot]:
        if orderable.own_key is not None:
            return [Slot(target.source, target.order if orderable.of else target.id, name)]
        if orderable.once and not again:
            return [Slot(target.source, target.id, orderable.once, f"order {target.order}"[:80], exclusive=True)]
        return [Slot(target.source, target.id, name, target.order[:80])]

    return slots


def _effect(orderable: Orderable, again: bool) -> EffectDef:
    return EffectDef(
        service=orderable.service,
        slot=_slots(orderable, again),
        fresh=Read(orderable.fresh, must=lambda fresh, target, **_: orderable.must(fresh)),
        unless=BLOCKS if orderable.outward else (),
        approval=Approval(when=lambda policy, target, request: True, why="cannot_be_undone") if orderable.approval else None,
    )


EFFECTS = {
    (kind, noun, act, again): _effect(orderable, again)
    for kind, orders in offers.ORDERS.items()
    for (noun, act), orderable in orders.items()
    for again in (False, True)
}


def carry_out(run: Run, event: ServiceOrdered) -> None:
    """One effect, or the reason why not."""
    orderable = offers.order(event.kind, event.noun, event.act)
    if orderable is None:
        run.skip("not_offered")
    target = Target(source=event.source, id=event.object_id, order=event.order, known=_known(run, orderable, event.object_id))
    kwargs = orderable.fields.kwargs(event.said)
    if ATTRIBUTES in kwargs and orderable.own_key is None:
        kwargs["known"] = _attributes(run, event)
    outcome = run.effect(f"{event.noun} {event.act}", EFFECTS[event.kind, event.noun, event.act, event.again], target, **kwargs)
    if outcome.state == "duplicate":
        run.skip("duplicate_intent")


def _known(run: Run, orderable: Orderable, id: str) -> dict[str, Any]:
    """What the object holds now, where the request needs it."""
    if not orderable.reads:
        return {}
    try:
        return dict(run.read("as it is", orderable.fresh, id).known)
    except NotFound:
        run.skip("not_found")


def _attributes(run: Run, event: ServiceOrdered) -> dict[str, str]:
    """The known X_ATTRIBUTES: what a request leaves out may be deleted, so nothing is written while they are not known."""
    known: dict[str, str] | None = run.setting("known x_attributes", lambda c: x_attributes_of(c, event.source, event.object_id))
    if known is None:
        run.skip("x_attributes_unknown")
    return known


BY_HAND = Workflow(
    name=NAME, fn=carry_out, on=(ServiceOrdered,), key=lambda event: event.order, cancel_on=(), policy=NoPolicy, file=__file__, by_hand=True
)  # fmt: skip
