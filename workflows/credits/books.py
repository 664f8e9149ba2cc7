"""What the books say of a customer before a top-up is planned, and what is written when it is, or is not.

Used by workflow.py inside steps. The amounts used are those of the caps' own counters: done, open and unknown together.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import Connection

from workers.authoring import amount_used, give_event
from workflows.credits import tables
from workflows.credits.amounts import mark_passed
from workflows.credits.effects import CAP_DAY, CAP_MONTH, TopUp, TopUpInvoice
from workflows.credits.happenings import CreditsCap
from workflows.credits.policy import CreditsPolicy

NAME = "credits"
DAY = timedelta(hours=24)
UNCHARGED = (tables.FAILED, tables.CANCELLED)


class Books(BaseModel):
    """`open_uid`, `open_state`: the order that has not ended. `within_day`: top-ups of the last 24 hours that were not given up.

    What a person looked at (`credits.resume`) does not count.
    """

    model_config = ConfigDict(frozen=True)

    open_uid: str | None = None
    open_state: str | None = None
    suspended: str | None = None
    told: str | None = None
    next_at: datetime | None = None
    has_had_credits: bool = False
    within_day: int = 0
    used_day: Decimal
    used_month: Decimal


def books_of(connection: Connection, source: str, customer_id: str, currency: str, zone: ZoneInfo, now: datetime) -> Books:
    """The books of one customer at `now`; days and months are the source's own."""
    row, order = tables.customer_of(connection, source, customer_id), tables.open_order(connection, source, customer_id)
    orders = tables.orders_of(connection, source, customer_id=customer_id)
    today, since = now.astimezone(zone).date(), max(now - DAY, row["resumed_at"] or now - DAY if row else now - DAY)
    used = [
        amount_used(connection, source, NAME, budget, on=today, currency=currency, scope=customer_id).amount
        for budget in (CAP_DAY, CAP_MONTH)
    ]
    return Books(
        open_uid=order["uid"] if order else None,
        open_state=order["state"] if order else None,
        suspended=row["suspended"] if row else None,
        told=row["told"] if row else None,
        next_at=row["next_at"] if row else None,
        has_had_credits=bool(orders) or (row is not None and row["enrolled_at"] is not None),
        within_day=sum(one["opened_at"] > since and one["state"] not in UNCHARGED for one in orders),
        used_day=used[0],
        used_month=used[1],
    )


def open_order(connection: Connection, topup: TopUp, run_id: str, reason: str | None, now: datetime) -> bool:
    """Open the order of a top-up; false where another one of the customer is open. `reason`: why it is less than wanted, or None."""
    said = {"run_id": run_id, "amount": str(topup.amount), "currency": topup.currency, "reason": reason, "opened_at": now}
    return tables.add_order(connection, topup.source, topup.id, topup.uid, **said)


def open_topup(connection: Connection, source: str, customer_id: str) -> TopUp | None:
    """The top-up of the customer's open order, or None."""
    row = tables.open_order(connection, source, customer_id)
    if row is None:
        return None
    amount, balance = Decimal(row["amount"]), Decimal(row["balance_before"] or "0")
    return TopUp(source=source, id=customer_id, uid=row["uid"], amount=amount, currency=row["currency"], balance=balance)


def open_invoice(connection: Connection, source: str, customer_id: str) -> TopUpInvoice | None:
    """The invoice of the customer's open order, or None where it has none: credits given at once are billed elsewhere."""
    row = tables.open_order(connection, source, customer_id)
    if row is None or row["invoice_id"] is None:
        return None
    return TopUpInvoice(source=source, id=row["invoice_id"], uid=row["uid"], amount=Decimal(row["amount"]), currency=row["currency"])


def tell_caps(connection: Connection, topup: TopUp, policy: CreditsPolicy, zone: ZoneInfo, now: datetime) -> list[str]:
    """Give an event for every cap that this top-up brought to 80, 90 or 100 percent; their names."""
    on, told = now.astimezone(zone).date(), []
    for budget, limit in ((CAP_DAY, policy.cap_day), (CAP_MONTH, policy.cap_month)):
        used = amount_used(connection, topup.source, NAME, budget, on=on, currency=topup.currency, scope=topup.id)
        mark = mark_passed(used.amount - topup.amount, used.amount, limit)
        if mark is not None:
            event = CreditsCap(
                source=topup.source, at=now, customer_id=topup.id, reason=budget.name, percent=mark, used=used, limit=policy.money(limit)
            )  # fmt: skip
            give_event(connection, event, actor=NAME, at=now, id=f"{budget.name}:{topup.uid}")
            told.append(budget.name)
    return told


def rest(connection: Connection, source: str, customer_id: str, told: str | None, next_at: datetime | None) -> str:
    """Note why nothing is done now, and when to look again."""
    tables.put_customer(connection, source, customer_id, told=told, next_at=next_at)
    return told or ""


def suspend(connection: Connection, source: str, customer_id: str, reason: str) -> str:
    """No top-up until a person says so."""
    tables.put_customer(connection, source, customer_id, suspended=reason)
    return reason


def resume(connection: Connection, source: str, customer_id: str, now: datetime) -> str:
    """A person looked; the state of the order that is still open, or ""."""
    tables.put_customer(connection, source, customer_id, suspended=None, told=None, next_at=None, resumed_at=now)
    order = tables.open_order(connection, source, customer_id)
    return str(order["state"]) if order else ""


def abandon(connection: Connection, source: str, customer_id: str, now: datetime) -> str:
    """Give up an order whose run is gone and whose invoice was never paid; its uid."""
    order = tables.open_order(connection, source, customer_id)
    if order is None:
        return ""
    tables.set_order(connection, source, order["uid"], state=tables.FAILED, reason="abandoned", ended_at=now)
    return str(order["uid"])


def is_uncharged(connection: Connection, source: str, invoice_id: str) -> bool:
    """Whether it is the invoice of a top-up that came to nothing."""
    order = tables.order_of_invoice(connection, source, invoice_id)
    return order is not None and order["state"] in UNCHARGED


def paid_after_all(connection: Connection, source: str, customer_id: str, invoice_id: str, now: datetime) -> str:
    """The uid of a failed order whose invoice was paid, now `paid_not_granted`; "" where it is none, "busy" where another one is open."""
    order = tables.order_of_invoice(connection, source, invoice_id)
    if order is None or order["state"] not in UNCHARGED:
        return ""
    if tables.open_order(connection, source, customer_id) is not None:
        return "busy"
    said: dict[str, Any] = {"state": tables.NOT_GRANTED, "reason": "paid_late", "paid_at": now, "ended_at": None, "told_at": now}
    if order["means"] == tables.GIVEN_BACK:  # whoever paid it now paid with what had come in for it
        said["means"] = tables.TRANSFER
    tables.set_order(connection, source, order["uid"], **said)
    return str(order["uid"])
