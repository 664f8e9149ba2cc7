"""Everything a workflow file imports.

`@workflow` registers a plain function; `effect` declares, at module level, how a provider's service is used. Both check what they
are given at import, so a mistake is found before anything runs. docs/authors.md shows a whole workflow.
"""

import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from receiver.db import Json, UtcDateTime, insert_of, row_id, table_of
from receiver.errors import OutcomeUnknown, Rejected, Retryable
from receiver.event import (
    BlockReleased,
    CustomerCreated,
    CustomerDeleted,
    CustomerUpdated,
    Disputed,
    EmailBounced,
    Event,
    Excluded,
    Fact,
    Insolvent,
    InvoiceCanceled,
    InvoiceChanged,
    InvoiceCompleted,
    InvoiceCreated,
    InvoiceDeleted,
    InvoiceEvent,
    InvoiceOverdue,
    InvoicePaid,
    InvoiceReopened,
    LookAgain,
    Paused,
    PaymentChargeback,
    PaymentFailed,
    PaymentRefunded,
    PaymentReminded,
    PaymentReported,
    Promised,
    SendStopped,
    Signal,
    State,
    SubscriptionCanceled,
    SubscriptionChanged,
    SubscriptionClosed,
    SubscriptionCreated,
    SubscriptionReactivated,
    Tick,
    event,
)
from receiver.money import Money
from receiver.sources.autodns_events import CreditLow, CreditRestored, OrderReported, ProviderNotice
from receiver.sources.catalog import KINDS
from workers.deed import Outcome
from workers.errors import EffectCancelled, EffectExpired, NotFound, WorkflowInvalid
from workers.gates import BankChecked, ClaimsSettled, InvoicePartCancelled, InvoiceSent, RateConfirmed, Waiting, frees, waits_at
from workers.ledger import Slot
from workers.links import Link, Linked, is_locked, linked_customer, linked_recipient
from workers.lookups import (
    CustomerKnown,
    PastEffect,
    amount_used,
    close_tasks,
    completed_without_run,
    customer_known,
    done_effects,
    effects_about,
    events_of_customer,
    events_of_invoice,
    events_of_invoices,
    give_event,
    give_order,
    policy_of_run,
    switched_at,
    tags_of,
    unknown_effects,
    x_attributes_of,
)
from workers.operator import Order
from workers.overview import (
    BlockSpan,
    blocks_of,
    blocks_of_invoices,
    credit_documents,
    events_of_source,
    is_deleted_customer,
    live_keys,
    open_invoices,
    owed_on,
    owner_of_open_invoice,
    synced_at,
)  # fmt: skip
from workers.places import file_of, takes, takes_at_least
from workers.providers import autodns, mail, monsum, qvickly
from workers.providers.monsum_customer import CUSTOMER_NAMES, check_customer_field, check_customer_value
from workers.providers.monsum_docs import CustomerDoc, DocumentDoc, InvoiceDoc, RemindersDoc
from workers.providers.service import Query, Service
from workers.registry import REGISTRY, EffectDef, NoPolicy, Read, Trigger, Workflow, default_key, panel
from workers.run import Run
from workers.schedule import Daily, Every, quiet_before
from workers.simulate.plugs import Line, happening, scenario_table, timeline, untold
from workers.templates import Templates, Text, text_of
from workers.terms import Approval, Budget, all_budgets
from workers.windows import IsOpenDay, Window, closing, every_day, instant, local_day, next_open, parse_window
from workers.workdays import check_place, is_workday

__all__ = [
    "CUSTOMER_NAMES",
    "Approval",
    "BankChecked",
    "BlockReleased",
    "BlockSpan",
    "Budget",
    "ClaimsSettled",
    "CreditLow",
    "CreditRestored",
    "CustomerCreated",
    "CustomerDeleted",
    "CustomerDoc",
    "CustomerKnown",
    "CustomerUpdated",
    "Daily",
    "Disputed",
    "DocumentDoc",
    "EffectCancelled",
    "EffectDef",
    "EffectExpired",
    "EmailBounced",
    "Event",
    "Every",
    "Excluded",
    "Fact",
    "Insolvent",
    "InvoiceCanceled",
    "InvoiceChanged",
    "InvoiceCompleted",
    "InvoiceCreated",
    "InvoiceDeleted",
    "InvoiceDoc",
    "InvoiceEvent",
    "InvoiceOverdue",
    "InvoicePaid",
    "InvoicePartCancelled",
    "InvoiceReopened",
    "InvoiceSent",
    "IsOpenDay",
    "Json",
    "Line",
    "Link",
    "Linked",
    "LookAgain",
    "Money",
    "NotFound",
    "Order",
    "OrderReported",
    "Outcome",
    "OutcomeUnknown",
    "PastEffect",
    "Paused",
    "PaymentChargeback",
    "PaymentFailed",
    "PaymentRefunded",
    "PaymentReminded",
    "PaymentReported",
    "Promised",
    "ProviderNotice",
    "Query",
    "RateConfirmed",
    "Read",
    "Rejected",
    "RemindersDoc",
    "Retryable",
    "Run",
    "SendStopped",
    "Service",
    "Signal",
    "Slot",
    "State",
    "SubscriptionCanceled",
    "SubscriptionChanged",
    "SubscriptionClosed",
    "SubscriptionCreated",
    "SubscriptionReactivated",
    "Templates",
    "Text",
    "Tick",
    "UtcDateTime",
    "Waiting",
    "Window",
    "WorkflowInvalid",
    "amount_used",
    "autodns",
    "blocks_of",
    "blocks_of_invoices",
    "check_customer_field",
    "check_customer_value",
    "check_place",
    "close_tasks",
    "closing",
    "completed_without_run",
    "credit_documents",
    "customer_known",
    "done_effects",
    "effect",
    "effects_about",
    "event",
    "events_of_customer",
    "events_of_invoice",
    "events_of_invoices",
    "events_of_source",
    "every_day",
    "frees",
    "give_event",
    "give_order",
    "happening",
    "insert_of",
    "instant",
    "is_deleted_customer",
    "is_locked",
    "is_workday",
    "linked_customer",
    "linked_recipient",
    "live_keys",
    "local_day",
    "mail",
    "monsum",
    "next_open",
    "open_invoices",
    "owed_on",
    "owner_of_open_invoice",
    "panel",
    "parse_window",
    "policy_of_run",
    "qvickly",
    "row_id",
    "scenario_table",
    "switched_at",
    "synced_at",
    "table_of",
    "tags_of",
    "text_of",
    "timeline",
    "unknown_effects",
    "untold",
    "waits_at",
    "workflow",
    "x_attributes_of",
]

F = TypeVar("F", bound=Callable[..., None])
P = TypeVar("P", bound=Callable[..., list[Any]])


def workflow(
    name: str,
    *,
    on: Trigger | Sequence[Trigger],
    key: Callable[[Any], str] = default_key,
    cancel_on: Sequence[type[Event]] = (),
    policy: type[BaseModel] = NoPolicy,
    about: Literal["object", "customer"] = "object",
    start: Literal["follow", "one-per-key"] = "follow",
    debounce: str | None = None,
    kinds: Collection[str] | None = None,
    only_new: bool = False,
) -> Callable[[F], F]:
    """Register a function as the workflow `name`; the name is kept in the journal and may not change.

    `on`:        event classes, `Every("15m")` or `Daily("09:00")`.
    `key`:       event -> text; one live run per source, workflow and key.
    `cancel_on`: events that end a live run before its next act.
    `policy`:    a pydantic model of [policy.<name>]; its defaults are the workflow's.
    `about`:     whose events a run is given. "object": those of the trigger's invoice, else of its customer. "customer": those of the
                 customer and of all their invoices, each once.
    `start`:     what a trigger comes to while a run of its key is live. "follow": a run of its own once that one ends; of several
                 triggers, one run for the last. "one-per-key": that run is woken and takes it in; one it had not seen is followed.
    `debounce`:  begin so long after the last trigger, such as "30s", at most ten times that after the first; the run gets the last.
    `kinds`:     the kinds of sources it is for, such as ("monsum", "fastbill"); on others it starts on nothing. None: all.
    `only_new`:  the function itself refuses what happened before an operator switched it on (`switched_at`); a replay's preview says so.
    """

    def register(fn: F) -> F:
        triggers = tuple(on) if isinstance(on, Sequence) else (on,)
        for trigger in triggers:
            if not isinstance(trigger, Every | Daily) and not (isinstance(trigger, type) and issubclass(trigger, Event) and trigger.type):
                raise WorkflowInvalid(f'Workflow "{name}": on= takes registered event classes, Every(…) or Daily(…)', file=file_of(fn))
        if not _are(cancel_on, Event):
            raise WorkflowInvalid(f'Workflow "{name}": cancel_on= takes a tuple of registered event classes', file=file_of(fn))
        if not name or not all(c.isalnum() or c == "-" for c in name):
            raise WorkflowInvalid(f'Workflow "{name}": a name is letters, digits and dashes', file=file_of(fn))
        if start not in ("follow", "one-per-key"):
            raise WorkflowInvalid(f'Workflow "{name}": start= takes "follow" or "one-per-key"', file=file_of(fn))
        if about not in ("object", "customer"):
            raise WorkflowInvalid(f'Workflow "{name}": about= takes "object" or "customer"', file=file_of(fn))
        if not isinstance(only_new, bool):
            raise WorkflowInvalid(f'Workflow "{name}": only_new= takes True or False', file=file_of(fn))
        if debounce is not None and any(isinstance(t, Every | Daily) for t in triggers):
            leave_out = "debounce= waits for quiet after events and a schedule has none: leave it out, or make two workflows"
            raise WorkflowInvalid(f'Workflow "{name}": {leave_out}', file=file_of(fn))
        if kinds is not None and (isinstance(kinds, str) or not kinds or not set(kinds) <= set(KINDS)):
            raise WorkflowInvalid(f'Workflow "{name}": kinds= takes a tuple of {", ".join(sorted(KINDS))}', file=file_of(fn))
        if not takes(key, 1):
            raise WorkflowInvalid(f'Workflow "{name}": key= takes a function of the event that returns a text', file=file_of(fn))
        REGISTRY.add(
            Workflow(
                name=name,
                fn=fn,
                on=triggers,
                key=key,
                cancel_on=tuple(cancel_on),
                policy=policy,
                file=file_of(fn),
                about=about,
                start=start,
                debounce=quiet_before(name, debounce, file_of(fn)),
                kinds=None if kinds is None else frozenset(kinds),
                only_new=only_new,
            )
        )
        return fn

    return register


def effect(
    service: Service,
    *,
    slot: Callable[..., Sequence[Slot]] | None = None,
    fresh: Read | None = None,
    unless: Sequence[type[Event]] = (),
    still: Callable[..., str | None] | None = None,
    touches: Sequence[str] = (),
    approval: Approval | None = None,
    budget: Budget | Sequence[Budget] = (),
    daily_cap: Callable[[Any], int] | None = None,
    spike_floor: Callable[[Any], int] | None = None,
) -> EffectDef:
    """Declare an effect: which service, in which slots, after which fresh read, and which States forbid it.

    Raises WorkflowInvalid naming the file where something is missing or of the wrong kind; `slot` and `fresh` are always needed.

    `still`:     (connection, object, local day) -> why it is not right any more, or None; asked in the transaction that commits the
                 call, and of a proposal whenever something happens.
    `touches`:   mirror fields that the call moves at the provider: their first differing webhook is its echo.
    `approval`:  when it needs a person's yes, also in mode auto.
    `budget`:    one Budget or several: how many, or how much Money, per scope and window.
    `daily_cap`: policy -> how many of it may be intended on one local day of the source; short for a Budget per purpose.
    `spike_floor`: policy -> above how many a day more than three times the 14-day average pauses the workflow; needs `daily_cap`.
    """
    file = sys._getframe(1).f_code.co_filename
    if not isinstance(service, Service):
        raise WorkflowInvalid("effect() takes a writing service of workers.providers, such as monsum.send_by_email", file=file)
    if not callable(slot):
        raise WorkflowInvalid(f"effect({service.name}): slot= takes a function that returns a list of Slot", file=file)
    if not isinstance(fresh, Read):
        said = "fresh= takes Read(query, must=…): every effect is decided by a fresh read"
        raise WorkflowInvalid(f"effect({service.name}): {said}", file=file)
    if service.object_kind and fresh.query.object_kind != service.object_kind:
        raise WorkflowInvalid(
            f"effect({service.name}): it changes one {service.object_kind}, and fresh= reads one {fresh.query.object_kind}"
            f" ({fresh.query.name}): read the {service.object_kind}",
            file=file,
        )
    if not takes_at_least(fresh.must, 2):
        raise WorkflowInvalid(
            f"effect({service.name}): must= of Read takes a function of the document that is read and the effect's object, and of the"
            " effect's named arguments",
            file=file,
        )
    if not _are(unless, State):
        raise WorkflowInvalid(f"effect({service.name}): unless= takes a tuple of States, such as (Paused, Disputed)", file=file)
    if still is not None and not takes(still, 3):
        said = "still= takes a function of a connection, the effect's object and the local day"
        raise WorkflowInvalid(f"effect({service.name}): {said}", file=file)
    if approval is not None and not isinstance(approval, Approval):
        raise WorkflowInvalid(f"effect({service.name}): approval= takes Approval(when=…)", file=file)
    if approval is not None and (mistake := approval.mistake()):
        raise WorkflowInvalid(f"effect({service.name}): {mistake}", file=file)
    budgets = all_budgets(service.name, budget, daily_cap, file)
    if any(given is not None and not takes(given, 1) for given in (daily_cap, spike_floor)):
        raise WorkflowInvalid(
            f"effect({service.name}): daily_cap= and spike_floor= take a function of the policy that returns an int", file=file
        )
    if spike_floor is not None and daily_cap is None:
        raise WorkflowInvalid(f"effect({service.name}): spike_floor= counts what daily_cap= reserves: give both", file=file)
    return EffectDef(
        service=service, slot=slot, fresh=fresh, unless=tuple(unless), still=still, touches=tuple(touches), approval=approval,
        budgets=budgets, spike_floor=spike_floor,
    )  # fmt: skip


def _are(given: object, kind: type[Event] | type[State]) -> bool:
    """Whether this is a sequence of registered classes of `kind`."""
    if not isinstance(given, list | tuple):
        return False
    return all(isinstance(one, type) and issubclass(one, kind) and bool(getattr(one, "type", "")) for one in given)
