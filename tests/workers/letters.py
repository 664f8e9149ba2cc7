"""Small workflows the engine's tests run: one per effect class, on the shipped sandbox."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from receiver.db import table_of
from workers import ledger
from workers.authoring import (
    Disputed,
    InvoiceCanceled,
    InvoiceCompleted,
    InvoicePaid,
    Paused,
    Read,
    Run,
    SendStopped,
    Slot,
    effect,
    monsum,
    workflow,
)
from workers.providers.monsum_docs import InvoiceDoc
from workers.providers.service import Idempotent
from workers.registry import EffectDef
from workers.testing.flow import Flow


class Capped(BaseModel):
    """How many letters a day."""

    per_day: int = 100


def completed(doc: InvoiceDoc, obj: Any, **said: Any) -> str | None:
    return "canceled" if doc.is_canceled else None if doc.type == "outgoing" else "draft"


def slots(purpose: str) -> Callable[..., list[Slot]]:
    return lambda i, **said: [Slot(i.source, i.id, purpose, i.doc_version, exclusive=True)]


MAIL = effect(
    monsum.send_by_email,
    slot=slots("send"),
    fresh=Read(monsum.invoice, must=completed),
    unless=(Paused, Disputed, InvoicePaid),
    daily_cap=lambda policy: policy.per_day,
)
POST = effect(monsum.send_by_post, slot=slots("post"), fresh=Read(monsum.invoice, must=completed))
KEYED_SERVICE = replace(monsum.set_paid, effect_class=Idempotent(life=timedelta(hours=1)))
KEYED = effect(KEYED_SERVICE, slot=slots("settle"), fresh=Read(monsum.invoice, must=completed))
TWICE_SERVICE = replace(monsum.send_by_post, effect_class=replace(monsum.send_by_post.effect_class, apart_s=600.0, calls_max=2))  # type: ignore[type-var]
TWICE = effect(TWICE_SERVICE, slot=slots("post"), fresh=Read(monsum.invoice, must=completed))
PAY = effect(monsum.set_paid, slot=slots("settle"), fresh=Read(monsum.invoice, must=completed))


def letter(run: Run, event: InvoiceCompleted, chosen: EffectDef, **said: Any) -> None:
    """Hold five minutes, look, act."""
    run.sleep_until(event.at + timedelta(minutes=5))
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.effect("act", chosen, invoice, **said)


@workflow("t-mail", on=InvoiceCompleted, cancel_on=(InvoiceCanceled, SendStopped), policy=Capped)
def mail(run: Run, event: InvoiceCompleted) -> None:
    letter(run, event, MAIL, recipient="max@example.com", subject="Ihre Rechnung", message="Anbei.")


@workflow("t-post", on=InvoiceCompleted, cancel_on=(InvoiceCanceled, SendStopped))
def post(run: Run, event: InvoiceCompleted) -> None:
    letter(run, event, POST)


@workflow("t-keyed", on=InvoiceCompleted, cancel_on=(SendStopped,))
def keyed(run: Run, event: InvoiceCompleted) -> None:
    letter(run, event, KEYED)


@workflow("t-added-twice", on=InvoiceCompleted)
def twice(run: Run, event: InvoiceCompleted) -> None:
    letter(run, event, TWICE)


@workflow("t-pay", on=InvoiceCompleted, cancel_on=(SendStopped,))
def pay(run: Run, event: InvoiceCompleted) -> None:
    letter(run, event, PAY)


@workflow("t-valid", on=InvoiceCompleted)
def valid(run: Run, event: InvoiceCompleted) -> None:
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    said = {"recipient": "max@example.com", "subject": "Ihre Rechnung", "message": "Anbei."}
    run.effect("act", MAIL_UNCAPPED, invoice, valid_until=event.at + timedelta(hours=1), **said)


MAIL_UNCAPPED = effect(monsum.send_by_email, slot=slots("send"), fresh=Read(monsum.invoice, must=completed))


def effect_row(flow: Flow, number: int = 0) -> sa.RowMapping:
    """One effect, whole, in the order they were intended."""
    table = table_of(ledger.EffectRow)
    return flow.rows(sa.select(table).order_by(table.c.intended_at, table.c.id))[number]


def act(flow: Flow, number: int = -1) -> tuple[str, str | None]:
    """(state, reason) of an effect."""
    _, _, state, reason = flow.effects[number]
    return state, reason


def times(flow: Flow, service: str) -> int:
    """How often the provider did it."""
    return sum(1 for name, _ in flow.calls if name == service)
