"""What an act of a program would do, and what came of it: between the API (pages/doing.py) and what does it (pages/done.py, held.py)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workers.console.confirm import Question
from workers.console.roles import Person
from workers.console.site import Site

Said = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What would happen. `bound` is what the confirmation is one of, and must be the same when it comes; `would`: rows, where there are.

    `kept` is for the act itself: what its page's form carries along.
    """

    question: Question
    bound: Any
    would: Any = None
    kept: Any = None


@dataclass(frozen=True, kw_only=True)
class Came:
    """What came of it, in a sentence and in rows."""

    told: str
    rows: Any


Look = Callable[[Site, str, Said, Person], Shown]
Carry = Callable[[Site, str, Said, Person, Shown, str], Came]
