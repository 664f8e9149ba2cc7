"""How what a step gives is kept: as JSON, the result of `run.step` by the return annotation of its function.

Used by workers/run.py. Every refusal is a StepInvalid that names the step; the value is never quoted.
"""

import inspect
import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, get_type_hints

from pydantic import PydanticUserError, TypeAdapter
from pydantic_core import PydanticSerializationError, to_jsonable_python
from sqlalchemy.engine import Connection

from receiver.db import canonical_json
from workers.errors import StepInvalid

T = TypeVar("T")


def kept_as(name: str, fn: Callable[..., T], file: str) -> TypeAdapter[T]:
    """How what `fn` returns becomes JSON and comes back. Raises StepInvalid where its annotation does not say."""
    try:
        return _adapter(fn)
    except (NameError, TypeError, PydanticUserError) as cause:
        raise StepInvalid(f'The result of step "{name}" cannot be kept: annotate what its function returns', file=file) from cause


def plain(name: str, adapter: TypeAdapter[T], value: T, file: str) -> Any:
    """`value` as JSON. Raises StepInvalid where it is not what was annotated."""
    try:
        return adapter.dump_python(value, mode="json", warnings="error")
    except PydanticSerializationError as cause:
        raise StepInvalid(
            f'The result of step "{name}" cannot be kept: return plain data (None, bool, int, str, Decimal, dates, lists, dicts, '
            "dataclasses, pydantic models) that fits what its function is annotated to return",
            file=file,
        ) from cause


def plain_ids(name: str, ids: dict[str, Any], file: str) -> dict[str, Any]:
    """What people are told beside the reason, as JSON values. Raises StepInvalid."""
    try:
        return dict(to_jsonable_python(ids))
    except PydanticSerializationError as cause:
        raise StepInvalid(f'What "{name}" tells is no plain data: give texts, numbers, dates and amounts', file=file) from cause


def plain_json(name: str, value: Any, file: str) -> Any:
    """A setting as a replay will see it. Raises StepInvalid."""
    try:
        return json.loads(canonical_json(value))
    except (TypeError, ValueError) as cause:
        raise StepInvalid(
            f'The setting "{name}" is no JSON value: return None, bool, int, str, lists and dicts of these', file=file
        ) from cause


@lru_cache(maxsize=512)
def wants_connection(fn: Callable[..., Any]) -> bool:
    """Whether the first parameter of a step's function is annotated Connection."""
    try:
        first = next(iter(inspect.signature(fn).parameters.values()), None)
    except (TypeError, ValueError):
        return False
    return first is not None and first.annotation in (Connection, "Connection")


@lru_cache(maxsize=512)
def _adapter(fn: Callable[..., Any]) -> TypeAdapter[Any]:
    return TypeAdapter(get_type_hints(fn).get("return", Any))
