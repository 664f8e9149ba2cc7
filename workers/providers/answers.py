"""A provider's answer as a JSON document whose every text a database can keep.

Used by the clients of providers that speak JSON, before anything is decided on an answer. Nothing here calls anybody.
"""

import json
import re
from typing import Any

from receiver.db import keepable

_MAY_HOLD_ONE = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]|\x00|\xed[\xa0-\xbf]")


def document(body: bytes) -> Any:
    """A JSON document with fractions as text, so that no amount passes through a float; None where it is none."""
    try:
        said = json.loads(body, parse_float=str, parse_constant=_refuse)
        return kept(said) if _MAY_HOLD_ONE.search(body) else said
    except (ValueError, RecursionError):
        return None


def kept(said: Any) -> Any:
    """The same JSON value, its texts and names as a database keeps them. Raises RecursionError."""
    if isinstance(said, str):
        return keepable(said)
    if isinstance(said, dict):
        return {keepable(name): kept(value) for name, value in said.items()}
    return [kept(value) for value in said] if isinstance(said, list) else said


def _refuse(constant: str) -> None:
    raise ValueError(constant)
