"""A read a person makes at a provider: what it takes, which filters it knows, and which columns a table shows.

Owns the shape of the rows that workers/providers/*_shell.py declare and workers/cli/objects.py prints. Nothing here knows a provider, and
nothing here writes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from pydantic import BaseModel

from receiver.mistakes import unknown

Row = Mapping[str, Any]
Takes = Literal["nothing", "one", "any"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One read. `run`: (client, ids, filters) -> rows, page by page, as far as they are wanted.

    `takes`: how many ids it needs; `named`: what such an id is. `filters`: the names it can be narrowed with. `about`: what it shows.
    `whole`: one object, all of it is shown. `kinds`: the source kinds that have it, where not all that share the table do.
    """

    about: str
    run: Callable[[Any, Sequence[str], Mapping[str, str]], Iterator[Row]]
    columns: tuple[str, ...] = ()
    takes: Takes = "nothing"
    named: str = "ID"
    filters: tuple[str, ...] = ()
    whole: bool = False
    kinds: frozenset[str] | None = None

    def rows(self, client: Any, ids: Sequence[str], where: Mapping[str, str], *, limit: int) -> list[Row]:
        """At most `limit` rows. Raises ValueError where it is asked with what it does not take, else what the provider's client raises."""
        require_ids(self.takes, self.named, ids)
        narrowed = {name.lower(): value for name, value in where.items()}
        known = {name.lower(): name for name in self.filters}
        for name in narrowed:
            if name not in known:
                raise ValueError(f"--where {name}: {unknown(name, self.filters, 'filter')}")
        return list(islice(self.run(client, ids, {known[name]: value for name, value in narrowed.items()}), limit))


def require_ids(takes: Takes, named: str, ids: Sequence[str]) -> None:
    """Raise ValueError where there are not as many ids as it takes."""
    if takes == "one" and len(ids) != 1:
        raise ValueError(f"name one {named}")
    if takes == "nothing" and ids:
        raise ValueError(f"it takes no {named}: narrow it with --where NAME=VALUE")


def row_of(doc: BaseModel) -> Row:
    """A document as a row: what it knows, by name, the provider's own fields last."""
    said = doc.model_dump(mode="json")
    fields = said.pop("fields", {})
    return {**said, "fields": fields}


def only(doc: BaseModel) -> Iterator[Row]:
    """One row."""
    yield row_of(doc)
