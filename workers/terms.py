"""Terms: what an author demands of an effect beyond its slot and its fresh read: budgets, and a person's yes.

Values only. `effect()` of workers/authoring.py checks them at import; workers/spending.py and workers/approvals.py keep to them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, get_args

from receiver.money import Money
from workers.errors import WorkflowInvalid
from workers.places import takes, takes_at_least

Window = Literal["day", "week", "month"]
Full = Literal["wait", "cancel"]
DAILY_CAP = "daily_cap"
NAME_MAX = 40
WHY_MAX = 64


@dataclass(frozen=True)
class Budget:
    """So many effects, or so much Money, per scope and window; effects of one workflow that name the same budget share it.

    `limit`:  policy -> how many (int), or how much (Money): then each takes its own amount.
    `window`: a day, a week (from Monday) or a month of the source's zone.
    `scope`:  (object, **the effect's arguments) -> text, such as a customer's id; None: all of the source together.
    `full`:   "wait" for the next window, with an alert, or "cancel" with the reason budget_full:NAME.
    `amount`: (object, request) -> Money; None: the request's own `amount`.
    """

    name: str
    limit: Callable[[Any], Money | int]
    window: Window = "day"
    scope: Callable[..., str] | None = None
    full: Full = "wait"
    amount: Callable[[Any, Any], Money] | None = None

    def mistake(self) -> str | None:
        """What is wrong with it, and what to write instead; None where nothing is."""
        named = f'of budget "{self.name}" takes'
        checked = (
            (
                isinstance(self.name, str) and 0 < len(self.name) <= NAME_MAX and "/" not in self.name,
                f"a budget's name is a text of 1 to {NAME_MAX} letters without a slash",
            ),
            (
                takes(self.limit, 1),
                f"limit= {named} a function of the policy that returns an int or Money: lambda policy: 5",
            ),
            (self.window in get_args(Window), f'window= {named} "day", "week" or "month"'),
            (self.full in get_args(Full), f'full= {named} "wait" or "cancel"'),
            (self.scope is None or takes_at_least(self.scope, 1), f"scope= {named} a function of the object that returns a text"),
            (
                self.amount is None or takes(self.amount, 2),
                f"amount= {named} a function of the object and the request that returns Money",
            ),
        )
        return next((wrong for fine, wrong in checked if not fine), None)


@dataclass(frozen=True)
class Approval:
    """A person's yes, also in mode auto.

    `when`: (policy, object, request) -> whether it is needed.
    `life`: how long a yes holds; past it the effect expires.
    `why`:  the code that `billhook approvals` shows.
    """

    when: Callable[[Any, Any, Any], bool]
    life: timedelta = timedelta(hours=72)
    why: str = "approval_needed"

    def mistake(self) -> str | None:
        """What is wrong with it, and what to write instead; None where nothing is."""
        checked = (
            (takes(self.when, 3), "when= of an Approval takes a function of the policy, the object and the request"),
            (
                isinstance(self.life, timedelta) and self.life >= timedelta(minutes=1),
                "life= of an Approval takes a timedelta of a minute or more",
            ),
            (
                isinstance(self.why, str) and 0 < len(self.why) <= WHY_MAX,
                f"why= of an Approval takes a text of 1 to {WHY_MAX} letters, such as above_limit",
            ),
        )
        return next((wrong for fine, wrong in checked if not fine), None)


def budgets_of(given: object) -> tuple[Budget, ...] | None:
    """One budget or a sequence of them as a tuple; None where it is neither."""
    found = (given,) if isinstance(given, Budget) else given
    if not isinstance(found, Sequence) or not all(isinstance(one, Budget) for one in found):
        return None
    return tuple(found)


def all_budgets(service: str, given: object, daily_cap: Callable[[Any], int] | None, file: str) -> tuple[Budget, ...]:
    """Every budget of the effect, that of `daily_cap` among them. Raises WorkflowInvalid."""
    found = budgets_of(given)
    if found is None:
        raise WorkflowInvalid(f"effect({service}): budget= takes a Budget or a tuple of them", file=file)
    mistake = next((wrong for wrong in (one.mistake() for one in found) if wrong), None)
    named = [(one.name, one.window) for one in found]
    if mistake is None and len(set(named)) < len(named):
        mistake = "two budgets have one name and window: rename one"
    if mistake is None and any(one.name == DAILY_CAP for one in found):
        mistake = f'a budget may not be called "{DAILY_CAP}": that is what daily_cap= counts'
    if mistake is not None:
        raise WorkflowInvalid(f"effect({service}): {mistake}", file=file)
    return (*found, *((Budget(DAILY_CAP, daily_cap),) if daily_cap else ()))
