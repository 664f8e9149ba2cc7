"""Actors: threads that go on only when they are told to, and stand still at each point.

One of them is at work at any instant, so an interleaving is a list of who went on when. Used by workers/testing/interleaving.py.
"""

import threading
from collections.abc import Callable

BEGUN = "begun"


class WorkerLost(BaseException):
    """This worker is gone, in the middle of what it did."""


class Actor:
    """One actor of a schedule. `at` is the point where it stands, None where it has nothing to do."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.at: str | None = None
        self.error: BaseException | None = None
        self._job: Callable[[], object] | None = None
        self._lost = False
        self._told, self._stands = threading.Lock(), threading.Lock()
        self._told.acquire()
        self._stands.acquire()
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    def begin(self, job: Callable[[], object]) -> None:
        """Give it something to do; it stands before it."""
        self._job, self._lost, self.error, self.at = job, False, None, BEGUN

    def go_on(self) -> str:
        """Let it go on; the point it reached, or "done"."""
        self._told.release()
        self._stands.acquire()
        return self.at or "done"

    def lose(self) -> None:
        """Let it be lost where it stands."""
        if self.at is not None:
            self._lost = True
            self.go_on()

    def stand(self, point: str) -> None:
        """Called in its own thread: wait here until told to go on. Raises WorkerLost."""
        if not self._lost:
            self.at = point
            self._stands.release()
            self._told.acquire()
        if self._lost:
            raise WorkerLost

    def here(self) -> bool:
        """Whether the calling thread is this actor's."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """End the thread."""
        self.lose()
        self._job = None
        self._told.release()
        self._thread.join()

    def _live(self) -> None:
        while True:
            self._told.acquire()
            if self._job is None:
                return
            try:
                if not self._lost:
                    self._job()
            except WorkerLost:
                pass
            except BaseException as error:  # the schedule shows it: whoever made the actor looks
                self.error = error
            self.at = None
            self._stands.release()
