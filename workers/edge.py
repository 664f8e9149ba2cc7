"""The edge of the main loops: whatever fails in one round is logged, and the next round tries again.

Shared by the threads of a worker or sweeper process. Equal failures are told once with their traceback and then counted, once a
minute; while the database is in trouble (away, locked, full) the loops rest longer and longer.
"""

import threading
import time
import traceback
from collections.abc import Callable

from receiver.db import is_trouble
from receiver.log import get_logger
from receiver.repeats import Repeats

log = get_logger(__name__)
REST_FIRST_S = 1.0
REST_MOST_S = 10.0
CALM_S = 60.0


class Edge:
    """One process's edge. `clock` counts seconds. `words`: whether what an error says may be logged; else only where it happened."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, words: bool = True) -> None:
        self._clock, self._words = clock, words
        self._failures: Repeats[tuple[str, str, str]] = Repeats(clock=clock)
        self._turn = threading.Lock()
        self._rest_s = 0.0
        self._rests_until = float("-inf")

    def guarded(self, message: str, fn: Callable[[], object], **named: object) -> object:
        """fn(), or None with an error logged. `named` are fields of the log line."""
        try:
            return fn()
        except Exception as error:  # a process's main loop
            self._tell(message, error, named)
            if is_trouble(error):
                self._rest()
            return None
        finally:
            for (said, kind, _), count in self._failures.overdue():
                log.warning("and it failed again in the minute before", reason=said, error_type=kind, count=count)

    @property
    def rest_s(self) -> float:
        """How long the loops should rest from now on; 0 while all is well."""
        return max(0.0, self._rests_until - self._clock())

    def _tell(self, message: str, error: Exception, named: dict[str, object]) -> None:
        """Log the first of its kind with its traceback; those that follow are counted."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        kind = type(error).__name__
        count = self._failures.due((message, kind, f"{place.filename}:{place.lineno}"))
        if count:
            said = {"exc_info": error} if self._words else {"file": place.filename, "line": place.lineno}
            log.error(message, error_type=kind, count=count, **said, **named)

    def _rest(self) -> None:
        """Rest twice as long as the last time. What several threads meet at once is one trouble; after a calm minute it is a new one."""
        with self._turn:
            now = self._clock()
            if now < self._rests_until:
                return
            calm = now - self._rests_until > CALM_S
            self._rest_s = REST_FIRST_S if calm else min(2 * self._rest_s, REST_MOST_S)
            self._rests_until = now + self._rest_s
