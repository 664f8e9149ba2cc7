"""What the picture says of a row, in a few lines: what and when, to whom, how the sum comes about, and by when.

Leaves out what another card says already: a proposal that was carried out the same day, an open claim that its notice states, a task
that stands for a proposal, a turn to open of what goes out at once. Called by workers/simulate/svg.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from workers.simulate.timeline import Row

PARTS = {"interest": "interest", "flat": "flat sum", "fee": "fees"}
WORDED = (*PARTS, "principal", "total", "amount", "currency", "deadline", "to", "per_day", "default_from", "basis")
DONE = {"effect": ("done",), "alert": ("open",), "parked": ("open",), "proposal": ("proposed",)}


@dataclass(frozen=True, kw_only=True)
class Card:
    """The words of one row. `sum`: the line with what is asked for, empty where nothing is."""

    kind: str
    state: str
    on: date
    title: str
    lines: tuple[str, ...]
    sum: str = ""
    deadline: date | None = None


def card_of(row: Row, rows: Sequence[Row]) -> Card | None:
    """The card of a row, or None where another one says it."""
    if any(_says_it(other, row) for other in rows):
        return None
    at, total = datetime.fromisoformat(row.at), _sum(row)
    until = row.figures.get("deadline")
    name = row.name.replace("_", " ").replace(".", " " if row.kind == "state" else ".")
    lines = (f"{name}  {written_day(at.date())}, {row.at[11:16]}", *_lines(row), *([total] if total else []))
    deadline = date.fromisoformat(until) if until and row.kind == "effect" and row.state == "done" else None
    title = " ".join(part for part in (row.at, row.workflow, row.kind, row.name, row.state, row.reason) if part)
    return Card(kind=row.kind, state=row.state, on=at.date(), title=title, lines=lines, sum=total, deadline=deadline)


def written_day(day: date, *, year: bool = False) -> str:
    """A day as it is read, such as 4 May."""
    return f"{day.day} {day.strftime('%B %Y' if year else '%b')}"


def _says_it(other: Row, row: Row) -> bool:
    """Whether the other row's card makes this one needless."""
    if other.key != row.key or other is row:
        return False
    if row.kind == "proposal":
        return (other.kind, other.name, other.state, other.at[:10]) == ("effect", row.name, "done", row.at[:10])
    if row.kind == "claim":
        return row.state == "open" and other.kind == "effect" and other.at == row.at and row.name in other.figures
    if row.kind == "state" and row.state == "open":
        return other.kind == "effect" and other.at == row.at
    if row.kind == "skip":
        return other.kind == "state" and (other.at, other.reason) == (row.at, row.reason)
    return row.kind == "alert" and other.kind in ("proposal", "state") and (other.at, other.reason) == (row.at, row.reason)


def _lines(row: Row) -> Iterator[str]:
    """What became of it and why, to whom, and how the sum comes about."""
    figures = row.figures
    state = "" if row.state in DONE.get(row.kind, ()) or row.kind == "skip" else row.state
    reason = "" if row.reason == row.state else row.reason
    said = ", ".join(part.replace("_", " ") for part in (state, reason) if part)
    if said:
        yield said
    if "to" in figures:
        yield f"to {figures['to']}"
    added = [f"{figures[name]} {word}" for name, word in PARTS.items() if figures.get(name, "0.00") != "0.00"]
    if added and "principal" in figures:
        yield " + ".join([figures["principal"], *added])
    if "default_from" in figures:
        yield f"in default since {written_day(date.fromisoformat(figures['default_from']))}, then {figures['per_day']} a day"
    if "total" in figures and figures.get("amount", figures["total"]) != figures["total"]:
        yield f"in one message over {figures['amount']} {figures.get('currency', '')}".rstrip()
    yield from (f"{name.replace('_', ' ')} {value}" for name, value in figures.items() if name not in WORDED)


def _sum(row: Row) -> str:
    """What is asked for, and by when."""
    figures = row.figures
    money = figures.get("total") or figures.get("amount")
    by = f"by {written_day(date.fromisoformat(figures['deadline']))}" if "deadline" in figures else ""
    return " ".join(part for part in (money, figures.get("currency") if money else "", by) if part)
