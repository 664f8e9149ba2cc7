"""Posts the sandbox's notifications over HTTP, in order, with the provider's retry schedule.

Owns the loop that watches the outbox and the address it posts to. The post itself runs in a thread; its answer is written back in
the event loop, so that only one thread ever touches the sandbox.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from receiver.errors import OutcomeUnknown, Retryable
from workers.providers.http import Ask, HttpTransport, Transport, basic_auth
from workers.sandbox.autodns_core import AutodnsSandbox
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.outbox import Letter
from workers.sandbox.qvickly_core import QvicklySandbox

# How long the provider waits for an answer is in no source.
ANSWER_WITHIN_S = 15.0
LOOK_EVERY_S = 1.0
SCALE_MAX = 1_000_000.0
ADVANCE_MAX_S = 10 * 366 * 86_400.0
Sandbox = MonsumSandbox | QvicklySandbox | AutodnsSandbox
MEDIA = {b"{": "application/json", b"<": "application/xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where notifications go. The secret is HTTP Basic, or already in the path of `url`."""

    url: str = field(repr=False)
    user: str = ""
    password: str = field(default="", repr=False)

    def ask(self, letter: Letter, agent: str) -> Ask:
        """The very same bytes at every attempt."""
        notification = letter.notification
        headers = {"Content-Type": MEDIA.get(notification.body[:1], "application/x-www-form-urlencoded"), "User-Agent": agent}
        if self.user:
            headers["Authorization"] = basic_auth(self.user, self.password)
        if notification.method == "GET":
            return Ask(url=f"{self.url}?{notification.body.decode()}", method="GET", headers=headers, provider="sandbox")
        return Ask(url=self.url, headers=headers, body=notification.body, provider="sandbox")


class ScaledClock:
    """A clock that runs `scale` times as fast as the wall: ten minutes between attempts become ten seconds at 60. It never goes back."""

    def __init__(self, scale: float = 1.0, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.scale, self._wall = _scale(scale), wall
        self._shown = self._since = wall()

    def __call__(self) -> datetime:
        gone: timedelta = self._wall() - self._since
        return self._shown + gone * self.scale

    def move(self, *, advance_s: float, scale: float) -> None:
        """Ahead by `advance_s` seconds, and `scale` times as fast as the wall from now on. Raises ValueError for what it cannot do."""
        if not 0 <= advance_s <= ADVANCE_MAX_S:
            raise ValueError(f"the clock goes ahead by 0 to {ADVANCE_MAX_S:.0f} seconds (ten years), never back")
        scale, now = _scale(scale), self()
        self._shown, self._since, self.scale = now + timedelta(seconds=advance_s), self._wall(), scale


def _scale(scale: float) -> float:
    if not (math.isfinite(scale) and 0 < scale <= SCALE_MAX):
        raise ValueError(f"the scale of the clock is above 0 and at most {SCALE_MAX:.0f}")
    return scale


class Sender:
    """Sends what is due until cancelled. `wake` cuts a wait short; `clock` is the sandbox's own."""

    def __init__(self, sandbox: Sandbox, target: Target, clock: ScaledClock, *, transport: Transport | None = None) -> None:
        self._sandbox, self._target, self._clock = sandbox, target, clock
        self._transport = transport or HttpTransport(total_s=ANSWER_WITHIN_S)
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Never returns: cancel it."""
        while True:
            await self.send_due()
            self.wake.clear()
            try:
                await asyncio.wait_for(self.wake.wait(), self._pause())
            except TimeoutError:
                continue

    async def send_due(self) -> None:
        """One round: every letter that is due now, one after the other."""
        for letter in self._sandbox.outbox.due(self._clock()):
            status = await asyncio.to_thread(self._post, letter)
            self._sandbox.outbox.answered(letter, status, self._clock())

    def _post(self, letter: Letter) -> int | None:
        agent = "FastBill" if self._sandbox.kind == "fastbill" else "billhook-sandbox"
        try:
            return self._transport.send(self._target.ask(letter, agent)).status
        except (Retryable, OutcomeUnknown):
            return None

    def _pause(self) -> float:
        next_at = self._sandbox.outbox.next_at()
        if next_at is None:
            return LOOK_EVERY_S
        wait = (next_at - self._clock()).total_seconds() / self._clock.scale
        return min(LOOK_EVERY_S, max(0.01, wait))
