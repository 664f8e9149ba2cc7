"""A write a person may order at a provider: which service, which fields, which fresh read decides, who must say yes.

Owns the shape of the rows that workers/providers/*_orders.py declare, and how what was typed becomes the arguments of a service. An order
is carried out as an effect (workers/ordered.py); nothing here asks anybody.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from receiver.mistakes import unknown
from workers.providers.reading import Takes
from workers.providers.service import Query, Service

Said = Mapping[str, Any]
Kwargs = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Target:
    """What an order is about. `order`: the order's own key. `known`: what the object was read to hold, where the request needs it."""

    source: str
    id: str
    order: str = ""
    known: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Fields:
    """What may be said. `names`: every name; one that ends with ".*" takes any name behind the dot. `needs`: without which it cannot be.

    `kwargs`: what was said, by those names -> the keyword arguments of the service. `lower`: names are taken in any case.
    """

    names: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    kwargs: Callable[[Said], Kwargs] = dict
    lower: bool = True

    def named(self, said: Said) -> dict[str, Any]:
        """What was said, each name as it is written here. Raises ValueError naming the nearest for a name nobody knows."""
        exact = {name.lower() if self.lower else name: name for name in self.names}
        found = {}
        for name, value in said.items():
            head, dot, tail = name.partition(".")
            key = f"{head}.*" if dot else head
            key = key.lower() if self.lower else key
            if key not in exact or (dot and not tail):
                raise ValueError(f"--set {name}: {unknown(name, self.names, 'field')}")
            found[f"{exact[key][:-1]}{tail}" if dot else exact[key]] = value
        missing = [name for name in self.needs if found.get(name) in (None, "")]
        if missing:
            raise ValueError(f"it needs {', '.join(missing)}: --set {missing[0]}=…")
        return found


def always(_fresh: Any) -> str | None:
    """Nothing forbids it."""
    return None


@dataclass(frozen=True, kw_only=True)
class Orderable:
    """One write. `fresh` is read before the call, and `must` gives of it the reason why not, or None.

    `own_key`:  (what was said, the order's key) -> (what to say with it, the id it creates under): creating is found again by our own key.
    `outward`:  it reaches the customer or asks for money: every block on the object holds it.
    `approval`: somebody must say yes to it besides (`billhook approve`).
    `once`:     the purpose whose one slot it shares with the workflows, such as "send"; "" for a slot of each order's own.
    `of`:       what the id is the id of, for the event: "customer", "invoice" or "".
    `reads`:    its request needs what the object holds now.
    """

    about: str
    service: Service
    fresh: Query[Any]
    must: Callable[[Any], str | None] = always
    fields: Fields = Fields()
    takes: Takes = "one"
    named: str = "ID"
    own_key: Callable[[dict[str, Any], str], tuple[dict[str, Any], str]] | None = None
    outward: bool = False
    approval: bool = False
    once: str = ""
    of: str = ""
    reads: bool = False

    def request(self, target: Target, said: Said, **more: Any) -> BaseModel:
        """The request this comes to. Raises ValueError that names what is wrong, without values."""
        try:
            return self.service.build(target, **self.fields.kwargs(said), **more)
        except ValidationError as error:
            wrong = (f"{'.'.join(str(part) for part in one['loc'])}: {_why(one)}" for one in error.errors(include_input=False))
            raise ValueError("; ".join(dict.fromkeys(wrong))) from None
        except TypeError as error:
            raise ValueError(str(error)) from None


def _why(problem: Mapping[str, Any]) -> str:
    return str(problem["msg"]).removeprefix("Value error, ")


def model_fields(model: type[BaseModel], *, without: Iterable[str] = (), needs: tuple[str, ...] = ()) -> Fields:
    """The fields of a request, by their names."""
    return Fields(names=tuple(name for name in model.model_fields if name not in set(without)), needs=needs)


def typed(text: str) -> Any:
    """A value as it was typed: a list or an object where it is JSON of one, else the text itself. Raises ValueError for half of one."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text, parse_float=str)
    except ValueError:
        raise ValueError("it begins like JSON and is none: close every bracket, and quote names and texts") from None
