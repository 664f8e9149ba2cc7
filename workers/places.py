"""Authors' functions: where they are and what they take, for messages to their authors."""

import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def file_of(fn: Callable[..., Any]) -> str:
    """The source file of a function, for messages to its author."""
    try:
        return inspect.getsourcefile(fn) or fn.__module__
    except TypeError:  # an object that can be called has its class's file
        return inspect.getsourcefile(type(fn)) or type(fn).__module__


def takes(fn: object, count: int) -> bool:
    """Whether this is a function that may be called with so many arguments and no names."""
    try:
        return callable(fn) and inspect.signature(fn).bind(*range(count)) is not None
    except TypeError:
        return False
    except ValueError:  # a built-in one that does not say
        return True


def takes_at_least(fn: object, count: int) -> bool:
    """Whether this is a function of so many things and perhaps of named ones."""
    try:
        return callable(fn) and inspect.signature(fn).bind_partial(*range(count)) is not None
    except TypeError:
        return False
    except ValueError:  # a built-in one that does not say
        return True


def missing_name(error: BaseException) -> str:
    """ " (no skp)" of an attribute or a name that code asks for and nothing has; "" of any other error: its text may hold values."""
    name = error.name if isinstance(error, AttributeError | NameError) else None
    return f" (no {name})" if name and name.isidentifier() else ""


def place_of(error: BaseException, file: str) -> str:
    """Where in an author's file an error came about, as "name.py:31"; the file alone where no line of it is in the traceback."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    name = Path(file).name
    return f"{name}:{lines[-1]}" if lines else name
