"""A Flow whose provider is a simulated AutoDNS: messages by poll or push, an account that runs low, the same faults.

For tests of workflows that start on `OrderReported`, `CreditLow` and the like. Everything else is as in flow.py.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, cast

from workers.providers import bundle
from workers.providers.http import Transport
from workers.providers.rate import Rate
from workers.providers.service import Client
from workers.sandbox.autodns_core import AutodnsSandbox
from workers.sandbox.autodns_wire import AutodnsTransport
from workers.sandbox.core import MonsumSandbox
from workers.testing.flow import Flow
from workers.testing.watch import WatchedTransport

KEY = "sandbox-key"


class AutodnsFlow(Flow):
    """One AutoDNS source under test; `user` is the sandbox behind it.

    `poll`: messages are polled. `customers`: those that are watched. `own_pace`: no faster than the provider takes calls.
    """

    def __init__(
        self, *workflows: Callable[..., None] | str, poll: bool = True, customers: Sequence[str] = (), credit_low: str | None = None,
        own_pace: bool = False, **said: Any,
    ) -> None:  # fmt: skip
        self._settings = {"polls": poll, "watched": customers, "credit_low": None if credit_low is None else Decimal(credit_low)}
        self._own_pace = own_pace
        super().__init__(*workflows, kind="autodns", **said)

    @property
    def user(self) -> AutodnsSandbox:
        """The simulated provider."""
        return cast(AutodnsSandbox, self.sandbox)

    def connect(self) -> None:
        """Read the baseline, and poll for the first time: from then on the next poll is known."""
        super().connect()
        self._at_last(lambda: self.sweeper.sweep())
        self.settle()

    def _plugged(
        self, kind: str, source: str, zone: str, currencies: Sequence[str], wire: Callable[[MonsumSandbox], Transport], rate: Rate
    ) -> Client:
        user = AutodnsSandbox(user="reseller", key=KEY, zone=zone, clock=lambda: self.clock.now)
        self.sandbox = cast(MonsumSandbox, user)
        transport = WatchedTransport(AutodnsTransport(user), asked=self._asked, point=self.pass_point)
        settings: dict[str, Any] = self._settings | {"rate": bundle.KINDS["autodns"].rate if self._own_pace else rate}
        return bundle.make_autodns(source, "http://127.0.0.1:1/v1", "reseller", KEY, zone, currencies, transport, **settings)
