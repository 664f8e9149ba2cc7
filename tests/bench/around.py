"""What a year of work leaves around a million deliveries: a line to route, parked things, alerts and tasks, open and closed, dunning,
credits, an audit, refusals, re-reads, two weeks of pulse, a replay under way, and one customer of a thousand invoices.

`around` puts it onto a database that tests/bench/business.py filled. The rows are as the program writes them; the ledger's chain does
not know what is changed here, so that such a database is for looking at alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.inbox import Refusal
from workers import control, desk, events, ledger, mirror, pulse, replays, rereads, runs
from workflows.credits import grants, transfers
from workflows.credits import tables as credits
from workflows.dunning import tables as dunning

SOURCE, BIG_CUSTOMER = "shop", "big"
CUSTOMERS_EACH, LEVELS, AT_ONCE = 10, 2, 5_000


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many of each are around a million deliveries."""

    waiting: int = 20_000
    proposed: int = 300
    unknown: int = 200
    open_items: int = 300
    closed_items: int = 20_000
    of_one_customer: int = 1_000
    unpaid: int = 5_000
    ladders: int = 2_000
    closed_ladders: int = 10_000
    enrolled: int = 1_000
    orders: int = 5_000
    audited: int = 50_000
    refused: int = 10_000
    rereads: int = 5_000
    replayed: int = 5_000

    @classmethod
    def around(cls, deliveries: int) -> "Size":
        """The same share of fewer deliveries."""
        return cls(**{one.name: max(20, int(one.default) * deliveries // 1_000_000) for one in fields(cls)})  # type: ignore[call-overload]


def around(connection: Connection, deliveries: int, at: datetime) -> None:
    """Work under way among the newest, and the rest of a year; fewer around few deliveries."""
    size = Size.around(deliveries)
    _under_way(connection, size, at)
    _items(connection, size, at)
    _one_big_customer(connection, deliveries // 4, size.of_one_customer)
    _unpaid(connection, deliveries, size)
    _dunning(connection, deliveries, size, at)
    _credits(connection, size, at)
    _told(connection, size, at)
    asked = list(range(deliveries // 3, deliveries // 3 + size.replayed))
    replays.order(connection, asked, replay_id="0123456789ab", workflow="auto-send", actor="cli:anna", reason="", at=at, per_minute=10)
    connection.execute(sa.text("ANALYZE"))


def _under_way(connection: Connection, size: Size, at: datetime) -> None:
    """Runs that wait and that are parked, effects that wait for a yes and that nobody knows of, among the newest."""
    run, effect = table_of(runs.RunRow), table_of(ledger.EffectRow)
    newest = list(connection.execute(sa.select(run.c.id).order_by(run.c.id.desc()).limit(size.waiting + size.open_items)).scalars())
    parked, waiting = newest[: size.open_items], newest[size.open_items :]
    live = {"outcome": None, "ended_at": None, "ready_at": None}
    for first in range(0, len(waiting), AT_ONCE):
        some = sa.update(run).where(run.c.id.in_(waiting[first : first + AT_ONCE]))
        connection.execute(some.values(**live, status="waiting", wake_at=at + timedelta(days=2, minutes=first)))
    connection.execute(sa.update(run).where(run.c.id.in_(parked)).values(**live, status="parked", reason="failed"))
    found = sa.select(effect.c.id, effect.c.run_id, effect.c.source).order_by(effect.c.id.desc())
    rows = connection.execute(found.offset(size.open_items).limit(size.proposed + size.unknown)).all()
    proposed, unknown = rows[: size.proposed], rows[size.proposed :]
    for state, some in (("proposed", proposed), ("unknown", unknown)):
        connection.execute(sa.update(effect).where(effect.c.id.in_([row.id for row in some])).values(state=state, settled_at=None))
    for row in unknown:
        about = {"subject": f"effect:{row.id}", "run_id": row.run_id, "effect_id": row.id}
        desk.park(connection, kind="unknown", source=SOURCE, reason="no answer", at=at, **about)
    for id in parked:
        desk.park(connection, kind="failed", source=SOURCE, subject=f"run:{id}", reason="failed", at=at, run_id=id, detail={"step": "send"})


def _items(connection: Connection, size: Size, at: datetime) -> None:
    """Alerts and tasks that are open, and parked things, alerts and tasks that were closed."""
    for place in range(size.open_items):
        desk.alert(connection, source=SOURCE, subject=f"{SOURCE}/{place}", reason="delivery_method_unknown", at=at)
    closed = {"source": SOURCE, "opened_at": at - timedelta(days=30), "closed_at": at - timedelta(days=29), "actor": "cli:anna"}
    places = range(size.closed_items)
    put(
        connection,
        desk.Parked,
        ({"kind": "failed", "subject": f"run:{n:x}", "run_id": f"{n:x}", "reason": "failed", **closed} for n in places),
    )
    put(connection, desk.Alert, (
        {"subject": f"{SOURCE}/{n}", "reason": "no_email", "last_at": at, "count": 1, "state": "resolved", **closed} for n in places
    ))  # fmt: skip
    still = {**closed, "closed_at": None, "actor": None}
    put(connection, desk.Task, ({"run_id": f"{n:x}", "name": "letter", "reason": "no_email", **closed} for n in places))
    put(connection, desk.Task, ({"run_id": f"t{n:x}", "name": "letter", "reason": "no_email", **still} for n in range(size.open_items)))


def _one_big_customer(connection: Connection, first: int, count: int) -> None:
    """Give `count` invoices in a row to one customer."""
    ids = [str(number) for number in range(first, first + count)]
    told = {events.EventRow: "invoice_id", runs.RunRow: "invoice_id", ledger.EffectRow: "object_id", mirror.Mirror: "object_id"}
    for model, column in told.items():
        table = table_of(model)
        own = sa.and_(table.c.source == SOURCE, table.c[column].in_(ids), *([table.c.kind == "invoice"] if model is mirror.Mirror else []))
        connection.execute(sa.update(table).where(own).values(customer_id=BIG_CUSTOMER))


def _unpaid(connection: Connection, deliveries: int, size: Size) -> None:
    table = table_of(mirror.Mirror)
    ids = [str(one) for one in range(deliveries - size.unpaid + 1, deliveries + 1)]
    own = sa.and_(table.c.source == SOURCE, table.c.kind == "invoice", table.c.object_id.in_(ids))
    connection.execute(sa.update(table).where(own).values(paid=False))


def _dunning(connection: Connection, deliveries: int, size: Size, at: datetime) -> None:
    """Ladders under way on the newest invoices, with their notices and claims, and those that were closed."""
    count, closed = size.ladders, size.closed_ladders
    invoices = [(str(deliveries - place), place < count) for place in range(count + closed)]
    whose = {"source": SOURCE, "changed_at": at}
    put(connection, dunning.LadderRow, (
        {**whose, "invoice_id": id, "customer_id": str(int(id) // CUSTOMERS_EACH), "currency": "EUR",
         "state": dunning.RESTING if live else dunning.CLOSED, "reason": "stale_data" if live else "paid", "next_name": "reminder",
         "next_on": date(2026, 12, 1)}
        for id, live in invoices
    ))  # fmt: skip
    put(connection, dunning.NoticeRow, (
        {"source": SOURCE, "invoice_id": id, "customer_id": str(int(id) // CUSTOMERS_EACH), "level": level, "copy": 0,
         "name": f"level{level}", "sent_on": date(2026, 11, level), "deadline_on": date(2026, 11, 14 + level), "way": "email",
         "state": "done", "run_id": id}
        for id, _ in invoices for level in range(1, LEVELS + 1)
    ))  # fmt: skip
    put(connection, dunning.ClaimRow, (
        {**whose, "invoice_id": id, "level": 2, "kind": "fee", "amount": "2.50", "currency": "EUR", "state": "open" if live else "waived",
         "given_up": False}
        for id, live in invoices
    ))  # fmt: skip


def _credits(connection: Connection, size: Size, at: datetime) -> None:
    """Customers of prepaid credits with what they ordered, were granted and sent in advance; one in a hundred is suspended."""
    customers, money = size.enrolled, {"amount": "100.00", "currency": "EUR", "source": SOURCE}
    put(connection, credits.CreditsCustomer, (
        {"source": SOURCE, "customer_id": str(n), "enrolled_at": at, "suspended": None if n % 100 else "by hand", "reckoned": "250.00"}
        for n in range(customers)
    ))  # fmt: skip
    orders = [(str(n % customers), f"u{n}") for n in range(size.orders)]
    put(connection, credits.CreditsOrder, (
        {**money, "customer_id": customer, "uid": uid, "run_id": uid, "state": credits.CANCELLED, "opened_at": at}
        for customer, uid in orders
    ))  # fmt: skip
    year = {"granted_at": at, "expires_at": at + timedelta(days=365)}
    put(connection, grants.CreditsGrant, ({**money, **year, "customer_id": customer, "uid": uid} for customer, uid in orders))
    put(connection, transfers.ReceivedRow, (
        {**money, "customer_id": str(n), "reference": f"r{n}", "received_on": date(2026, 11, 1), "kept_at": at} for n in range(customers)
    ))  # fmt: skip


def _told(connection: Connection, size: Size, at: datetime) -> None:
    """What people did, what was refused, what is read again, and two weeks of pulse."""
    acts = ("approve", "reject", "pause", "retry")
    put(connection, control.Audit, (
        {"at": at - timedelta(minutes=size.audited - n), "actor": f"console:p{n % 7}", "act": acts[n % 4], "subject": f"e{n}", "reason": "",
         "detail": None}
        for n in range(size.audited)
    ))  # fmt: skip
    refused = {
        "source": SOURCE, "status": 401, "cause": "signature", "method": "POST", "peer": "192.0.2.7", "headers": "{}", "body": b"x" * 900,
        "body_size": 900,
    }  # fmt: skip
    put(connection, Refusal, ({**refused, "at": at - timedelta(seconds=10 * (size.refused - n))} for n in range(size.refused)))
    again = {"source": SOURCE, "kind": "invoice", "reason": "stale", "asked": 1, "attempts": 0}
    put(connection, rereads.Reread, ({**again, "object_id": str(n), "due_at": at + timedelta(seconds=n)} for n in range(size.rereads)))
    minute = {
        "arrived": 40, "routed": 40, "answered": 30, "routing_ms": 80, "routing_p95_ms": 300, "call_ms": 200, "call_p95_ms": 900,
        "waiting_s": 1, "backlog": 3,
    }  # fmt: skip
    beats = range(int(pulse.KEPT / pulse.EVERY))
    put(connection, pulse.Pulse, ({"at": at.replace(second=0, microsecond=0) - n * pulse.EVERY, **minute} for n in beats))


def put(connection: Connection, model: type[Any], rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows; a column that no row names takes its default."""
    given = list(rows)
    for first in range(0, len(given), AT_ONCE):
        connection.execute(sa.insert(table_of(model)), given[first : first + AT_ONCE])
