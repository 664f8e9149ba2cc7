"""Panels: an author's typed queries, shown to operators as tables.

`@panel("late payers")` registers a function (connection, source) -> list[Row]; Row is a dataclass or a pydantic model and its fields
are the columns. Used by the command line. A panel reads only; what goes wrong in it is named with its line and stops nothing else.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from sqlalchemy.engine import Connection

from receiver.db import is_trouble
from workers.errors import PanelFailed, WorkflowInvalid
from workers.places import file_of, place_of, takes

NAME_MAX = 64


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One registered query. `row` is the class of its rows, `about` the first line of its docstring."""

    name: str
    fn: Callable[[Connection, str], list[Any]]
    row: type[Any]
    file: str
    about: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the row's fields, in their order."""
        return _fields(self.row)

    def rows(self, connection: Connection, source: str) -> list[dict[str, Any]]:
        """What the query finds on a read-only connection, by column. Raises PanelFailed with the place in the author's file."""
        try:
            found = list(self.fn(connection, source))
        except Exception as error:  # an author's bug, named for its author
            if is_trouble(error) and not _writes(error):
                raise
            kind = type(getattr(error, "orig", None) or error).__name__
            raise PanelFailed(f'The panel "{self.name}" fails at {place_of(error, self.file)}: {kind}', file=self.file) from error
        wrong = next((type(one).__name__ for one in found if not isinstance(one, self.row)), None)
        if wrong is not None:
            raise PanelFailed(f'The panel "{self.name}" gives a {wrong}: return {self.row.__name__}, as it is annotated', file=self.file)
        return [{name: getattr(one, name) for name in self.columns} for one in found]


def make_panel(name: str, fn: Callable[[Connection, str], list[Any]]) -> Panel:
    """The panel, checked. Raises WorkflowInvalid naming the file."""
    file = file_of(fn)
    if not takes(fn, 2):
        raise WorkflowInvalid(f'Panel "{name}": it takes two arguments, the connection and the source', file=file)
    if not isinstance(name, str) or not 0 < len(name) <= NAME_MAX or not all(c.isalnum() or c in "- " for c in name):
        raise WorkflowInvalid(f'Panel "{name}": a name is letters, digits, dashes and blanks', file=file)
    try:
        given = get_type_hints(fn).get("return")
    except NameError as cause:
        raise WorkflowInvalid(f'Panel "{name}": what it is annotated with is not known yet: {cause}', file=file) from cause
    row = next(iter(get_args(given)), None)
    if get_origin(given) is not list or not isinstance(row, type) or not _fields(row):
        raise WorkflowInvalid(f'Panel "{name}": annotate it to return list[Row], Row a dataclass or a pydantic model', file=file)
    about = (fn.__doc__ or "").strip().partition("\n")[0]
    return Panel(name=name, fn=fn, row=row, file=file, about=about)


def _fields(row: type[Any]) -> tuple[str, ...]:
    if issubclass(row, BaseModel):
        return tuple(row.model_fields)
    return tuple(field.name for field in dataclasses.fields(row)) if dataclasses.is_dataclass(row) else ()


def _writes(error: BaseException) -> bool:
    """Whether the database refused because it was asked to write: that is the author's."""
    orig = getattr(error, "orig", None)
    return "readonly" in str(orig) or getattr(orig, "sqlstate", None) == "25006"
