"""Posts the sandbox's notifications over HTTP, in order, with the provider's retry schedule.

Owns the loop that watches the outbox and the address it posts to. The post itself runs in a thread; its answer is written back in
the event loop, so that only one thread ever touches the sandbox.
"""

import asyncio
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
    """A clock that runs `scale` times as fast as the wall: ten minutes between attempts become ten seconds at 60."""

    def __init__(self, scale: float = 1.0, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.scale, self._wall = scale, wall
        self._began = wall()

    def __call__(self) -> datetime:
        gone: timedelta = self._wall() - self._began
        return self._began + gone * self.scale


class Sender:
    """Sends what is due until cancelled. `wake` cuts a wait short."""

    def __init__(
        self,
        sandbox: MonsumSandbox | QvicklySandbox | AutodnsSandbox,
        target: Target,
        *,
        scale: float = 1.0,
        transport: Transport | None = None,
    ) -> None:
        self._sandbox, self._target, self._scale = sandbox, target, scale
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
        for letter in self._sandbox.outbox.due(self._sandbox.clock()):
            status = await asyncio.to_thread(self._post, letter)
            self._sandbox.outbox.answered(letter, status, self._sandbox.clock())

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
        wait = (next_at - self._sandbox.clock()).total_seconds() / self._scale
        return min(LOOK_EVERY_S, max(0.01, wait))
