"""Everything that waits for a person, ordered by what is at stake: unknown effects first, then approvals, what is parked, gates, tasks,
alerts.

Used by the page Needs you. What is known of each and what moves it is workers/advice.py's; reads only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers import advice, desk, gates, ledger
from workers.console.buttons import GATE_LABELS, Button, button

SHOWN_MAX = 50
Rows = tuple[list["Need"], int]


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing that waits. `acts` are its buttons, `commands` what moves it and has none; `pick` is what its checkbox stands for."""

    kind: str
    id: str
    at: datetime | None
    source: str
    title: str
    reason: str
    known: str
    amount: str = ""
    customer_id: str | None = None
    invoice_id: str | None = None
    link: str = ""
    acts: Sequence[Button] = ()
    commands: Sequence[str] = ()
    pick: str = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """What waits for the same kind of decision. `left` more of it are not shown; `totals` is the money of those shown, by currency."""

    name: str
    title: str
    about: str
    needs: list[Need]
    left: int = 0
    totals: dict[str, Decimal] = field(default_factory=dict)


TITLES = {
    "unknown": ("Did it happen?", "billhook asked, and no answer came. Look at the provider, then say what you found."),
    "approvals": ("Approve or reject", "These wait for a yes. Nothing was asked of a provider yet."),
    "parked": ("Stopped", "These cannot go on by themselves."),
    "gates": (
        "Wait for your word",
        "These go on once somebody states what no provider tells. A button shows first what its statement sets free.",
    ),
    "tasks": ("To do by hand", "No provider's API can do this."),
    "alerts": ("To know", "What a person should have seen."),
}


def groups(connection: Connection, *, sources: Sequence[str] = (), source: str = "", kind: str = "") -> list[Group]:
    """What waits, by the decision it takes; of one source, or of one kind, where they are named. `sources`: whose gates are looked at."""
    made = []
    for name, (title, about) in TITLES.items():
        needs, left = ([], 0) if kind not in ("", name) else _found(connection, name, source, sources)
        if needs:
            made.append(Group(name=name, title=title, about=about, needs=needs, left=left, totals=totals(need.amount for need in needs)))
    return made


def _found(connection: Connection, name: str, source: str, sources: Sequence[str]) -> Rows:
    if name == "gates":
        return behind_gates(connection, [source] if source in sources else sources)
    return _FOUND[name](connection, source)


def behind_gates(connection: Connection, sources: Sequence[str]) -> Rows:
    """What waits behind the gates of these sources."""
    found = [one for name in sources for one in gates.waiting(connection, name, SHOWN_MAX + 1)]
    return [_at_gate(one) for one in found[:SHOWN_MAX]], max(0, len(found) - SHOWN_MAX)


def totals(amounts: Any) -> dict[str, Decimal]:
    """The sum by currency of amounts such as "119.00 EUR"; what is none is passed over."""
    sums: dict[str, Decimal] = {}
    for amount in amounts:
        number, _, currency = str(amount or "").rpartition(" ")
        try:
            sums[currency] = sums.get(currency, Decimal()) + Decimal(number)
        except InvalidOperation:
            continue
    return dict(sorted(sums.items()))


def _approvals(connection: Connection, source: str) -> Rows:
    table = table_of(ledger.EffectRow)
    rows, left = _oldest(connection, table, [table.c.state == "proposed"], source)
    return [_of_effect(connection, row, "approval", row["intended_at"], row["reason"] or "") for row in rows], left


def _unknown(connection: Connection, source: str) -> Rows:
    table = table_of(desk.Parked)
    rows, left = _oldest(connection, table, [table.c.closed_at.is_(None), table.c.kind == "unknown"], source)
    effect, ids = table_of(ledger.EffectRow), [row["effect_id"] for row in rows]
    effects = {one["id"]: one for one in connection.execute(sa.select(effect).where(effect.c.id.in_(ids))).mappings()}
    found = [(row, effects[row["effect_id"]]) for row in rows if row["effect_id"] in effects]
    return [_of_effect(connection, one, "unknown", row["opened_at"], row["reason"]) for row, one in found], left


def _parked(connection: Connection, source: str) -> Rows:
    table = table_of(desk.Parked)
    rows, left = _oldest(connection, table, [table.c.closed_at.is_(None), table.c.kind != "unknown"], source)
    needs = []
    for row in rows:
        link = f"/runs/{row['run_id']}" if row["run_id"] else f"/deliveries/{row['delivery_id']}" if row["delivery_id"] else ""
        title = f"{row['kind'].replace('_', ' ')}: {row['subject']}"
        needs.append(_need(row, row["kind"], row["opened_at"], title, advice.of_parked(connection, row), link))
    return needs, left


def _tasks(connection: Connection, source: str) -> Rows:
    table = table_of(desk.Task)
    rows, left = _oldest(connection, table, [table.c.closed_at.is_(None)], source)
    told = [(row, advice.of_task(connection, row)) for row in rows]
    return [_need(row, "task", row["opened_at"], row["name"], one, f"/runs/{row['run_id']}") for row, one in told], left


def _alerts(connection: Connection, source: str) -> Rows:
    table = table_of(desk.Alert)
    rows, left = _oldest(connection, table, [table.c.closed_at.is_(None), table.c.state == "open"], source)
    return [_need(row, "alert", row["last_at"], row["subject"], advice.of_alert(connection, row), "") for row in rows], left


_FOUND = {"unknown": _unknown, "approvals": _approvals, "parked": _parked, "tasks": _tasks, "alerts": _alerts}


def _oldest(connection: Connection, table: sa.Table, which: list[Any], source: str) -> tuple[list[sa.RowMapping], int]:
    """The oldest rows, and how many more there are, counted up to as many again."""
    query = sa.select(table).where(*which, *([table.c.source == source] if source else [])).order_by(table.c.id).limit(2 * SHOWN_MAX)
    rows = list(connection.execute(query).mappings())
    return rows[:SHOWN_MAX], max(0, len(rows) - SHOWN_MAX)


def _of_effect(connection: Connection, row: sa.RowMapping, kind: str, at: datetime, reason: str) -> Need:
    told = advice.of_effect(connection, row)
    title = f"{row['service']} for {row['object_kind']} {row['object_id']}"
    return Need(
        kind=kind, id=row["id"], at=at, source=row["source"], title=title, reason=reason, known=told["known"], amount=row["amount"] or "",
        customer_id=told["customer_id"], invoice_id=told["invoice_id"], link=f"/effects/{row['id']}", pick=row["id"], **_acts(told["acts"]),
    )  # fmt: skip


def _need(row: sa.RowMapping, kind: str, at: datetime, title: str, told: advice.Advice, link: str) -> Need:
    return Need(
        kind=kind, id=str(row["id"]), at=at, source=row["source"], title=title, reason=row["reason"], known=told["known"],
        customer_id=told["customer_id"], invoice_id=told["invoice_id"], link=link, **_acts(told["acts"]),
    )  # fmt: skip


def _at_gate(one: gates.Waiting) -> Need:
    label = GATE_LABELS.get(one.gate, f"Say {one.gate}")
    href = f"/say/{one.gate}?{urlencode({'source': one.source, **one.fields})}"
    return Need(
        kind="gate", id=one.invoice_id or one.gate, at=None, source=one.source, title=one.title, reason="", known=one.known,
        amount=one.amount, customer_id=one.customer_id, invoice_id=one.invoice_id, acts=[Button(href, label, "good")],
    )  # fmt: skip


def _acts(commands: Sequence[str]) -> dict[str, Any]:
    """The buttons of commands, and those that have none."""
    made = {command: button(command) for command in commands}
    return {
        "acts": [one for one in made.values() if one is not None],
        "commands": [command for command, one in made.items() if one is None],
    }
