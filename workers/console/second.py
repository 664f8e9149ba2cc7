"""The rule of two people: what comes to more than `two_people_above` takes a second person, alone or as one of many decided together.

`decide` is pure; the pages of acts `weigh` everything that one press of a button decides, call `yes` for each, and give the order where
that says ENOUGH. The first yes is kept in `control` under the effect's id, bound to the act and exactly its request and amount, and
audited. Acts of the command line are not held back: whoever has a shell on the machine has the database.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.money import parse_decimal
from workers import control, ledger, standing
from workers.console import alone
from workers.console.roles import Person
from workers.console.settings import Limits
from workers.operator import APPROVAL_LIFE


class Verdict(StrEnum):
    """ENOUGH: it may be done now. FIRST: this yes is the first of two. SAME: this person already said yes, and another
    one is needed. NOBODY: a program's token is no person, and may not decide about so much. LATE: it waits for no such yes now; an
    order kept until it does would be one person's."""

    ENOUGH = "enough"
    FIRST = "first"
    SAME = "same"
    NOBODY = "nobody"
    LATE = "late"


TOLD = {
    Verdict.FIRST: "kept as the first of two: an amount like this takes a second person's yes",
    Verdict.SAME: "you said yes already: an amount like this takes a second person's",
    Verdict.NOBODY: "an amount like this takes two people, and an API token is none",
    Verdict.LATE: "it does not wait for that now: look at it again",
}
UNREADABLE = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """A first yes: by whom, when, and for which act, request and amount (`bound_to`)."""

    by: str
    at: datetime
    bound: str

    def counts(self, bound: str, *, at: datetime) -> bool:
        """Whether it is one to exactly this, and not too old."""
        return self.bound == bound and at < self.at + APPROVAL_LIFE


def decide(
    effect: sa.RowMapping, first: First | None, person: Person, *, limits: Limits, at: datetime, act: str = "approve",
    heavy: Collection[str] = (),
) -> Verdict:  # fmt: skip
    """What this person's yes comes to. `effect` is its ledger row; `first` the yes before, if any.

    `heavy`: the currencies in which all that is decided with it is too much for one person. What has a first yes waits for the second,
    whether it is decided with others again or alone.
    """
    asked = first is not None and first.counts(bound_to(effect, act), at=at)
    if not limits.any or not (asked or takes_two(effect["amount"], limits, heavy)):
        return Verdict.ENOUGH
    if person.name.startswith("token:"):
        return Verdict.NOBODY
    if first is None or not asked:
        return Verdict.FIRST
    return Verdict.SAME if who(first.by) == who(person.name) else Verdict.ENOUGH


def weigh(
    connection: Connection, act: str, order: str, effect_ids: Sequence[str], person: Person, *, limits: Limits, at: datetime,
    counted: bool,
) -> frozenset[str]:  # fmt: skip
    """The currencies in which these effects together are too much for this person alone. `order`: the order's act for workers/standing.

    What somebody else said yes to before is that person's too, and not summed. With `counted`, what is not too much is counted as
    decided alone now: for a press of the button, not for its page.
    """
    name, sums = who(person.name), dict[str, Decimal]()
    if not limits.any:
        return frozenset()
    for id in effect_ids:
        effect = ledger.load(connection, id)
        if effect is not None and not standing.refusal(order, dict(effect)) and not _seconded(connection, effect, person, act, at):
            currency, amount = _money(effect["amount"])
            sums[currency] = sums.get(currency, Decimal()) + amount
    if counted:
        alone.await_turn(connection, name, at=at)
    before = alone.lately(connection, name, at=at)
    heavy = frozenset(currency for currency, total in sums.items() if is_heavy(total, before.get(currency, Decimal()), limits))
    if counted and limits.a_day is not None:
        alone.add(connection, name, {currency: total for currency, total in sums.items() if total and currency not in heavy}, at=at)
    return heavy


def yes(
    connection: Connection, effect_id: str, person: Person, *, limits: Limits, at: datetime, act: str = "approve", order: str = "approve",
    heavy: Collection[str] = (), reason: str = "", shown: str = "",
) -> Verdict:  # fmt: skip
    """What a yes to this effect comes to; the first of two is kept. What is wrong with it else is for the router to refuse: ENOUGH.

    `shown`: what the person was shown (ledger.bound_to), or "". Another one is no way around a second person.
    """
    effect = ledger.load(connection, effect_id)
    if effect is None:
        return Verdict.ENOUGH
    if shown not in ("", ledger.bound_to(effect)):
        return Verdict.LATE if limits.any else Verdict.ENOUGH
    if standing.refusal(order, dict(effect)):
        return Verdict.LATE if takes_two(effect["amount"], limits, heavy) else Verdict.ENOUGH
    verdict = decide(effect, first_of(connection, effect_id), person, limits=limits, at=at, act=act, heavy=heavy)
    if verdict is Verdict.FIRST:
        keep_first(connection, effect, person, at=at, act=act, reason=reason)
    elif verdict is Verdict.ENOUGH and limits.any:
        forget(connection, effect_id, at=at)
    return verdict


def takes_two(amount: str | None, limits: Limits, heavy: Collection[str] = ()) -> bool:
    """Whether "119.00 EUR" takes two people, by itself or with what is decided together with it; what moves no money does not."""
    if amount is None or not limits.any:
        return False
    currency, number = _money(amount)
    return currency == UNREADABLE or currency in heavy or is_heavy(number, Decimal(), limits)


def is_heavy(total: Decimal, before: Decimal, limits: Limits) -> bool:
    """Whether so much at once, after so much before, is more than one person may decide."""
    at_once = limits.above is not None and total > limits.above
    return at_once or (limits.a_day is not None and total > 0 and before + total > limits.a_day)


def who(name: str) -> str:
    """The person behind a name of the audit: cli:anna and console:anna are one."""
    return name.partition(":")[2].lower() or name.lower()


def bound_to(effect: sa.RowMapping, act: str) -> str:
    """What a first yes is one to: the act, the request and the amount."""
    return ledger.bound_to(effect) if act == "approve" else f"{act}:{ledger.bound_to(effect)}"


def first_of(connection: Connection, effect_id: str) -> First | None:
    """The first yes that is kept of an effect, or None."""
    value = control.get(connection, _named(effect_id))
    return First(by=value["by"], at=datetime.fromisoformat(value["at"]), bound=value["bound"]) if value else None


def keep_first(
    connection: Connection, effect: sa.RowMapping, person: Person, *, at: datetime, act: str = "approve", reason: str = ""
) -> None:
    """Keep this person's yes as the first of two, in place of one that no longer counts, and audit it."""
    value = {"by": person.name, "at": at.isoformat(), "bound": bound_to(effect, act)}
    control.put(connection, _named(effect["id"]), value, at=at, actor=person.name)
    control.audited(connection, f"{act}.first", at=at, actor=person.name, subject=effect["id"], reason=reason)


def forget(connection: Connection, effect_id: str, *, at: datetime) -> None:
    """Forget the first yes."""
    control.put(connection, _named(effect_id), None, at=at)


def _seconded(connection: Connection, effect: sa.RowMapping, person: Person, act: str, at: datetime) -> bool:
    """Whether somebody else said yes to it before."""
    first = first_of(connection, effect["id"])
    return first is not None and first.counts(bound_to(effect, act), at=at) and who(first.by) != who(person.name)


def _money(amount: str | None) -> tuple[str, Decimal]:
    """(currency, how much) of "119.00 EUR"; UNREADABLE for what cannot be read."""
    if amount is None:
        return "", Decimal()
    number, _, currency = amount.partition(" ")
    try:
        return currency, abs(parse_decimal(number))
    except ValueError:
        return UNREADABLE, Decimal()


def _named(effect_id: str) -> str:
    return f"approval:{effect_id}"
