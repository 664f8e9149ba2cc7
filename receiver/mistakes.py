"""Mistakes in the configuration, in our words: every one at once, each with the setting's full name and where to correct it.

Used by receiver/settings.py and workers/settings.py. Turns what pydantic found into sentences; a value is never in one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from receiver.errors import SettingsInvalid

Place = tuple[str, ...]
_TIME = "a time with its zone is wanted, such as 2026-01-31T08:00:00+01:00"
# How pydantic's name of a mistake begins, what is wanted instead, and an example where the setting's default is none.
_WANTED = {
    "missing": ("it must be set", ""), "bool_": ("true or false is wanted", ""),
    "ip_": ('a network is wanted, such as "203.0.113.0/24"', ""),
    "date_": ("a date is wanted, such as 2026-01-31", ""), "datetime_": (_TIME, ""), "timezone_": (_TIME, ""),
    "int_": ("a whole number is wanted, such as {}", 8), "float_": ("a number is wanted, such as {}", 0.5),
    "decimal_": ("a number is wanted, such as {}", 0.5), "string_type": ("a text in quotes is wanted, such as {}", "text"),
    "path_type": ("a path in quotes is wanted, such as {}", "folder/file"), "tuple_type": ("a list is wanted, such as {}", ["one", "two"]),
    "list_type": ("a list is wanted, such as {}", ["one", "two"]), "dict_type": ('a table is wanted, such as {{ one = "two" }}', ""),
    "model_": ("a table is wanted", ""),
}  # fmt: skip
_BOUNDS = {
    "greater_than_equal": "at least {ge}", "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}", "less_than": "less than {lt}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mistake:
    """`name` is the setting as the documentation writes it, such as billhook.receiver.port; `where` to correct it, else in the file."""

    name: str
    wrong: str
    where: str = ""


def refusal(mistakes: Sequence[Mistake], config: Path | None) -> SettingsInvalid:
    """All mistakes as one error."""
    file = str(config or "billhook.toml")
    if len(mistakes) == 1:
        [only] = mistakes
        return SettingsInvalid(f"{only.name} cannot be used: {only.wrong}; correct it in {only.where or file}")
    lines = [f"\n  {one.name}: {one.wrong}" + (f"; correct it in {one.where}" if one.where else "") for one in mistakes]
    return SettingsInvalid(f"{len(mistakes)} settings cannot be used; correct them in {file}:{''.join(lines)}")


def unknown(name: str, known: Iterable[str], what: str = "setting") -> str:
    """What is wrong with a name nobody knows: those that are known, and the nearest of them if one is near."""
    names = list(known)
    near = get_close_matches(name, names, n=1)
    all_known = f"known are {', '.join(names) or 'none'}"
    return f"there is no such {what}, do you mean {near[0]} ({all_known})" if near else f"there is no such {what}; {all_known}"


def mistakes_of(
    error: ValidationError, model: type[BaseModel], full: Callable[[Place], str], *, beside: Sequence[str] = ()
) -> list[Mistake]:
    """What pydantic found in `model`, each setting once.

    `full` makes a setting's full name of its place in the model. `beside` may stand in the same table and is read by others.
    """
    found: dict[str, Mistake] = {}
    for problem in error.errors(include_input=False, include_url=False):
        place = _own_part(problem["loc"])
        found.setdefault(full(place), Mistake(full(place), _wrong(problem, model, place, beside)))
    return list(found.values())


def written(model: type[BaseModel]) -> list[str]:
    """The settings of a table, without those that nobody writes there."""
    return [name for name in model.model_fields if name not in getattr(model, "unwritten", ())]


def _wrong(problem: Mapping[str, Any], model: type[BaseModel], place: Place, beside: Sequence[str]) -> str:
    kind = str(problem["type"])
    table = _table_at(model, place[:-1])
    field = table.model_fields.get(place[-1]) if place else None
    if kind == "extra_forbidden":
        return unknown(place[-1], (*beside, *written(table)))
    if kind == "value_error":
        return str(problem["msg"]).removeprefix("Value error, ")
    if kind in _BOUNDS:
        return f"it must be {_BOUNDS[kind].format(**problem['ctx'])}"
    if kind == "literal_error":
        return f"write {problem['ctx']['expected']}"
    choices = [f'"{word}"' for word in get_args(field.annotation)] if field is not None and kind == "missing" else []
    if choices:
        return f"it must be set: write one of {', '.join(choices)}"
    begins = next((word for word in _WANTED if kind.startswith(word)), None)
    if begins is None:
        return str(problem["msg"])
    wanted, example = _WANTED[begins]
    default = field.get_default(call_default_factory=True) if field is not None and not field.is_required() else None
    return wanted.format(_as_toml(default if isinstance(default, _types(example)) and default else example))


def _own_part(place: tuple[int | str, ...]) -> Place:
    """A place as far as its entry in a list: what follows are pydantic's own names."""
    first = next((at for at, part in enumerate(place) if isinstance(part, int)), len(place))
    return tuple(str(part) for part in place[:first])


def _table_at(model: type[BaseModel], place: Place) -> type[BaseModel]:
    """The model of the table at `place`; a part that is no field is a name somebody chose."""
    for part in place:
        field = model.model_fields.get(part)
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return model


def _types(example: object) -> tuple[type, ...]:
    """The types of a default that may stand for `example`."""
    return (list, tuple) if isinstance(example, list) else (str, Path) if isinstance(example, str) else (int, float)


def _as_toml(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_as_toml(entry) for entry in value)}]"
    return f'"{value}"' if isinstance(value, str | Path) else str(value)
