"""The rule of two people: an approval of more than `two_people_above` takes a second person.

`decide` is pure; the page of acts calls `yes`, and gives the order to approve where that says ENOUGH. The first yes is kept in
`control` under the effect's id, bound to exactly its request and amount, and audited. Acts of the command line are not held back:
whoever has a shell on the machine has the database.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.money import parse_decimal
from workers import control, ledger
from workers.console.roles import Person
from workers.operator import APPROVAL_LIFE


class Verdict(StrEnum):
    """ENOUGH: the effect may be approved now. FIRST: this yes is the first of two. SAME: this person already said yes, and another
    one is needed. NOBODY: a program's token is no person, and may not decide about so much. LATE: it waits for no yes now; an order kept
    until it does would be one person's."""

    ENOUGH = "enough"
    FIRST = "first"
    SAME = "same"
    NOBODY = "nobody"
    LATE = "late"


TOLD = {
    Verdict.FIRST: "kept as the first of two: an amount like this takes a second person's approval",
    Verdict.SAME: "you approved it already: an amount like this takes a second person's approval",
    Verdict.NOBODY: "an amount like this takes two people, and an API token is none",
    Verdict.LATE: "it does not wait for approval now: look at it again",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """A first yes: by whom, when, and for which request and amount (ledger.bound_to)."""

    by: str
    at: datetime
    bound: str


def decide(effect: sa.RowMapping, first: First | None, person: Person, *, above: Decimal | None, at: datetime) -> Verdict:
    """What this person's yes comes to. `effect` is its ledger row; `first` the yes before, if any."""
    if above is None or not is_more(effect["amount"], above):
        return Verdict.ENOUGH
    if person.name.startswith("token:"):
        return Verdict.NOBODY
    if first is None or first.bound != ledger.bound_to(effect) or at >= first.at + APPROVAL_LIFE:
        return Verdict.FIRST
    return Verdict.SAME if _who(first.by) == _who(person.name) else Verdict.ENOUGH


def yes(
    connection: Connection, effect_id: str, person: Person, *, above: Decimal | None, at: datetime, reason: str = "", shown: str = ""
) -> Verdict:
    """What a yes to this effect comes to; the first of two is kept. What is wrong with it else is for the router to refuse: ENOUGH.

    `shown`: what the person was shown (ledger.bound_to), or "".
    """
    effect = ledger.load(connection, effect_id)
    if effect is None or shown not in ("", ledger.bound_to(effect)):
        return Verdict.ENOUGH
    if effect["state"] != "proposed":
        return Verdict.LATE if above is not None and is_more(effect["amount"], above) else Verdict.ENOUGH
    verdict = decide(effect, first_of(connection, effect_id), person, above=above, at=at)
    if verdict is Verdict.FIRST:
        keep_first(connection, effect, person, at=at, reason=reason)
    elif verdict is Verdict.ENOUGH and above is not None:
        forget(connection, effect_id, at=at)
    return verdict


def is_more(amount: str | None, above: Decimal) -> bool:
    """Whether "119.00 EUR" is more than `above`, whatever the currency; what moves no money is not, what cannot be read is."""
    if amount is None:
        return False
    try:
        return abs(parse_decimal(amount.partition(" ")[0])) > above
    except ValueError:
        return True


def first_of(connection: Connection, effect_id: str) -> First | None:
    """The first yes that is kept of an effect, or None."""
    value = control.get(connection, _named(effect_id))
    return First(by=value["by"], at=datetime.fromisoformat(value["at"]), bound=value["bound"]) if value else None


def keep_first(connection: Connection, effect: sa.RowMapping, person: Person, *, at: datetime, reason: str = "") -> None:
    """Keep this person's yes as the first of two, in place of one that no longer counts, and audit it."""
    value = {"by": person.name, "at": at.isoformat(), "bound": ledger.bound_to(effect)}
    control.put(connection, _named(effect["id"]), value, at=at, actor=person.name)
    control.audited(connection, "approve.first", at=at, actor=person.name, subject=effect["id"], reason=reason)


def forget(connection: Connection, effect_id: str, *, at: datetime) -> None:
    """Forget the first yes."""
    control.put(connection, _named(effect_id), None, at=at)


def _named(effect_id: str) -> str:
    return f"approval:{effect_id}"


def _who(name: str) -> str:
    """The person behind a name of the audit: cli:anna and console:anna are one."""
    return name.partition(":")[2].lower() or name.lower()
