"""Notifications on their way: when each is due, how often it was tried, and what goes wrong with it on request.

Owns the retry schedule: an answer outside 200–299, or none, is tried five more times at ten-minute steps, the identical bytes, then
never again. Sends nothing itself: sender.py posts over HTTP, the test kit delivers in process. Times come from the caller.
Source: "FastBill Automatic Dokumentation – Notifications", 02 Feb 2016.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workers.sandbox.notices import Notification

RETRIES = 5
RETRY_EVERY = timedelta(minutes=10)


@dataclass(slots=True, kw_only=True)
class Letter:
    """One notification with its attempts so far; `done` once taken or given up."""

    notification: Notification
    due_at: datetime
    attempts: int = 0
    taken: bool = False
    given_up: bool = False

    @property
    def done(self) -> bool:
        return self.taken or self.given_up


@dataclass(kw_only=True)
class Outbox:
    """Every notification the account ever made. `copies` sends each that many times; `lose` drops the next that many;
    `disorder` shuffles what is due together (repeatably, by `seed`); `delay_s` holds each back. `schedule` are the pauses before
    each further attempt."""

    letters: list[Letter] = field(default_factory=list)
    copies: int = 1
    lose: int = 0
    disorder: bool = False
    delay_s: float = 0.0
    seed: int = 1
    schedule: tuple[timedelta, ...] = (RETRY_EVERY,) * RETRIES

    def publish(self, notification: Notification) -> None:
        """Make `notification` due."""
        if self.lose > 0:
            self.lose -= 1
            return
        due_at = notification.created_at + timedelta(seconds=self.delay_s)
        self.letters += [Letter(notification=notification, due_at=due_at) for _ in range(max(1, self.copies))]

    def due(self, now: datetime) -> list[Letter]:
        """What should be sent by `now`, in order unless disorder was asked for."""
        found = [letter for letter in self.letters if not letter.done and letter.due_at <= now]
        if self.disorder:
            random.Random(self.seed).shuffle(found)
        return found

    def next_at(self) -> datetime | None:
        """When the next letter is due, or None."""
        return min((letter.due_at for letter in self.letters if not letter.done), default=None)

    def answered(self, letter: Letter, status: int | None, now: datetime) -> None:
        """The receiver answered `status`, or not at all (None)."""
        letter.attempts += 1
        if status is not None and 200 <= status <= 299:
            letter.taken = True
        elif letter.attempts > len(self.schedule):
            letter.given_up = True
        else:
            letter.due_at = now + self.schedule[letter.attempts - 1]
