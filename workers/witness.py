"""The witness of strict mode: what a workflow function asked for, in which order, and a trap for clocks and chance.

A witness watches one thread through its profile hook and only while a workflow function's own code runs: nothing is patched, other
threads keep their clocks, and billhook's own part and the functions of steps are not looked at. Used by workers/strict.py.
"""

import hashlib
import os
import random
import sys
import sysconfig
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from types import CodeType, FrameType
from typing import Any

from receiver.db import canonical_json
from workers.errors import NotReplayable
from workers.registry import EffectDef

WAY_OUT = "take the time from run.now(), and ids and chance from run.step"
CLOCKS = ("now", "utcnow", "today")
DRAWS = ("random", "getrandbits", "seed", "setstate")
SHARED = getattr(random, "_inst")  # noqa: B009 - the generator behind random.random() and its kin
PASSING = ("logging", "structlog", "importlib", "_frozen_importlib", "_frozen_importlib_external")
LIBRARIES = tuple(os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib", "purelib", "platlib"))

Asked = tuple[str, str, str]


class Witness:
    """What one pass through a workflow function did. `seen` holds (step, kind, hash of an effect's request and slots)."""

    def __init__(self) -> None:
        self.seen: list[Asked] = []
        self.caught: NotReplayable | None = None
        self._armed = False
        self._before: Callable[..., Any] | None = None

    def note(self, name: str, kind: str, asked: str) -> None:
        self.seen.append((name, kind, asked))

    def asked(self, effect: EffectDef, obj: Any, kwargs: Mapping[str, Any]) -> str:
        """Hash of what the effect would ask for, and in which slots; the functions that say so are looked at too."""
        try:
            with self.looking():
                request, slots = effect.service.build(obj, **kwargs), effect.slot(obj, **kwargs)
            told = canonical_json([request.model_dump(mode="json"), [asdict(slot) for slot in slots]])
        except (TypeError, AttributeError, ValueError):
            return "wrong"  # workers/effects.py says what is wrong with it
        return hashlib.sha256(told.encode()).hexdigest()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """The trap is set."""
        before = sys.getprofile()
        sys.setprofile(self._look)
        try:
            yield
        finally:
            sys.setprofile(before)

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """The trap is not set."""
        before = sys.getprofile()
        sys.setprofile(None)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _look(self, frame: FrameType, event: str, arg: Any) -> None:
        impure = _reads_the_world(arg) if event == "c_call" else event == "call" and _seeds_itself(frame)
        if impure and not _passing(frame):
            self.caught = _caught(frame, arg if event == "c_call" else None)
            raise self.caught


def _reads_the_world(called: Any) -> bool:
    if called is time.time or called is time.time_ns or called is os.urandom:
        return True
    owner, name = getattr(called, "__self__", None), called.__name__
    if name in CLOCKS:
        return isinstance(owner, type) and issubclass(owner, date)
    return name in DRAWS and owner is SHARED


def _seeds_itself(frame: FrameType) -> bool:
    code: CodeType = frame.f_code
    if code is random.Random.__init__.__code__:
        return frame.f_locals.get("x") is None
    return code is uuid.uuid1.__code__


def _passing(frame: FrameType) -> bool:
    """Whether a log line or an import looks at the clock: neither comes back into the workflow."""
    at: FrameType | None = frame
    while at is not None:
        if str(at.f_globals.get("__name__", "")).split(".")[0] in PASSING:
            return True
        if not at.f_code.co_filename.startswith(LIBRARIES):
            return False
        at = at.f_back
    return False


def _caught(frame: FrameType, called: Any) -> NotReplayable:
    """Names what was called, and the author's own line it was called from."""
    owner = getattr(called, "__self__", None)
    name = f"{getattr(owner, '__name__', 'random')}.{called.__name__}" if called is not None else ""
    at: FrameType | None = frame
    while at is not None and at.f_code.co_filename.startswith(LIBRARIES):
        name, at = f"{at.f_globals.get('__name__')}.{at.f_code.co_name}", at.f_back
    where = at or frame
    place = f"{where.f_code.co_filename}:{where.f_lineno} in {where.f_code.co_name}"
    return NotReplayable(f"{name} would say something else at a replay ({place}): {WAY_OUT}")
