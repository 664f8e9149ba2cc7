"""Every quarter of an hour: all balances, a hundred a call; who is low is looked at, what is stuck is told, once a day it is reckoned up.

Used by workflow.py. It never charges or grants: it gives `credits.look` and `credits.unpaid`, and the run of the customer decides.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import Connection, RowMapping

from workers.authoring import Money, Run, give_event, monsum, x_attributes_of
from workflows.credits import tables
from workflows.credits.amounts import ZERO, cents, is_low
from workflows.credits.conditions import not_enrolled
from workflows.credits.happenings import CreditsLook, CreditsUnpaid
from workflows.credits.policy import CreditsPolicy
from workflows.credits.proof import unexplained

PAGES_MAX = 1000
STUCK_AFTER = timedelta(minutes=30)
LOW_AFTER = timedelta(hours=6)
RECKON_HOUR = 6
ACTOR = "credits"


class Findings(BaseModel):
    """What one sweep came to, by customer: looked at, low for hours without an order, paid and not granted, balance too high by so much."""

    model_config = ConfigDict(frozen=True)

    looked: tuple[str, ...] = ()
    low: tuple[str, ...] = ()
    stuck: dict[str, str] = {}
    unexplained: dict[str, str] = {}
    unpaid: tuple[str, ...] = ()


def sweep(run: Run, policy: CreditsPolicy) -> None:
    """One round over all customers."""
    read_at, balances = run.now(), _balances(run, policy)
    found = run.step("sweep", look_around, run.source, run.id, policy, balances, run.zone, run.now(), read_at)
    for customer_id, uid in found.stuck.items():
        run.alert(f"stuck {uid}", "paid_not_granted", about=f"{run.source}/{customer_id}", customer=customer_id, order=uid)
    for customer_id in found.low:
        run.alert(f"low {customer_id}", "low_without_topup", about=f"{run.source}/{customer_id}", customer=customer_id)
    for customer_id, amount in found.unexplained.items():
        run.task(f"balance {customer_id}", "balance_unexplained", customer=customer_id, more_than_known=amount)
    if found == Findings():
        run.skip("nothing_low")


def _balances(run: Run, policy: CreditsPolicy) -> dict[str, Decimal]:
    """Customer id -> balance, in the policy's currency."""
    found: dict[str, Money] = {}
    offset: str | None = "0"
    for _ in range(PAGES_MAX):
        page = run.read(f"balances {offset}", monsum.balances, str(offset))
        found |= page.balances
        offset = page.next_offset
        if offset is None:
            break
    return {id: cents(balance.amount) for id, balance in found.items() if balance.currency == policy.currency}


def look_around(
    connection: Connection, source: str, run_id: str, policy: CreditsPolicy, balances: dict[str, Decimal], zone: ZoneInfo, now: datetime,
    read_at: datetime,
) -> Findings:  # fmt: skip
    """Note what is seen, give what follows; see Findings. `read_at`: when the first of the balances was asked for."""
    looked, low = [], []
    known, busy = tables.customers_of(connection, source), tables.busy_customers(connection, source)
    for customer_id, balance in balances.items():
        row = known.get(customer_id)
        had = balance > ZERO or (row is not None and row["enrolled_at"] is not None)
        if had and (row is None or row["enrolled_at"] is None):
            tables.put_customer(connection, source, customer_id, enrolled_at=now)
        if not is_low(policy, balance):
            if row is not None and row["low_since"] is not None:
                tables.put_customer(connection, source, customer_id, low_since=None)
            continue
        if not_enrolled(policy, customer_id, x_attributes_of(connection, source, customer_id), has_had_credits=had):
            continue
        if customer_id not in busy and _is_long_low(connection, source, customer_id, row, now):
            low.append(customer_id)
        if customer_id not in busy and not _rests(row, now):
            event = CreditsLook(source=source, at=now, customer_id=customer_id)
            give_event(connection, event, actor=ACTOR, at=now, id=f"{run_id}:{customer_id}")
            looked.append(customer_id)
    return Findings(
        looked=tuple(looked),
        low=tuple(low),
        stuck=_stuck(connection, source, now),
        unexplained=_reckon(connection, source, balances, zone, read_at),
        unpaid=_unpaid(connection, source, run_id, policy, now),
    )


def _rests(row: RowMapping | None, now: datetime) -> bool:
    return row is not None and (row["suspended"] is not None or (row["next_at"] is not None and now < row["next_at"]))


def _is_long_low(connection: Connection, source: str, customer_id: str, row: RowMapping | None, now: datetime) -> bool:
    """Low for hours and nobody was told why: a top-up that died silently. Told once; a grant or a balance that is fine begins anew."""
    if row is None or row["low_since"] is None:
        tables.put_customer(connection, source, customer_id, low_since=now)
        return False
    if now - row["low_since"] < LOW_AFTER or row["suspended"] is not None or row["told"] is not None:
        return False
    tables.put_customer(connection, source, customer_id, told=f"low_without_topup:{now:%Y-%m-%d}")
    return True


def _stuck(connection: Connection, source: str, now: datetime) -> dict[str, str]:
    """Customer -> order that was paid more than half an hour ago and is not granted; each is told once."""
    rows = tables.stuck_orders(connection, source, paid_before=now - STUCK_AFTER)
    for row in rows:
        tables.set_order(connection, source, row["uid"], told_at=now)
    return {row["customer_id"]: row["uid"] for row in rows}


def _reckon(connection: Connection, source: str, balances: dict[str, Decimal], zone: ZoneInfo, read_at: datetime) -> dict[str, str]:
    """Once a local day: customers whose balance is higher than the last one plus what was granted since. Lower is usage.

    What was granted while balances were read counts as granted since: the balance may not show it yet.
    """
    local, found = read_at.astimezone(zone), {}
    if local.hour < RECKON_HOUR:
        return {}
    known, busy = tables.customers_of(connection, source), tables.busy_customers(connection, source)
    granted: dict[str, list[tuple[datetime, Decimal]]] = {}
    for order in tables.orders_of(connection, source, state=tables.GRANTED):
        granted.setdefault(order["customer_id"], []).append((order["ended_at"], Decimal(order["amount"])))
    for customer_id in granted:
        row, balance = known.get(customer_id), balances.get(customer_id)
        done = row is not None and row["reckoned_at"] is not None and row["reckoned_at"].astimezone(zone).date() >= local.date()
        if row is None or balance is None or done or customer_id in busy:
            continue
        if row["reckoned_at"] is not None:
            since = sum((amount for at, amount in granted[customer_id] if at >= row["reckoned_at"]), ZERO)
            more = unexplained(Decimal(row["reckoned"]), since, balance)
            if more > ZERO:
                found[customer_id] = str(more)
        tables.put_customer(connection, source, customer_id, reckoned_at=read_at, reckoned=str(balance))
    return found


def _unpaid(connection: Connection, source: str, run_id: str, policy: CreditsPolicy, now: datetime) -> tuple[str, ...]:
    """Invoices of failed top-ups that are `unpaid_days` old: given to be proposed for cancellation, once each."""
    found = []
    for order in tables.orders_of(connection, source, state=tables.FAILED):
        old = order["opened_at"] <= now - timedelta(days=policy.unpaid_days)
        if order["invoice_id"] and old and order["told_at"] is None:
            event = CreditsUnpaid(source=source, at=now, customer_id=order["customer_id"], invoice_id=order["invoice_id"])
            give_event(connection, event, actor=ACTOR, at=now, id=f"unpaid:{order['uid']}")
            tables.set_order(connection, source, order["uid"], told_at=now)
            found.append(order["invoice_id"])
    return tuple(found)
