"""A Flow whose provider is a simulated Qvickly: callbacks with a right hash, both APIs, the same faults.

For tests of workflows that start on `PaymentReported`. Everything else is as in flow.py.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from workers.providers import bundle
from workers.providers.http import Transport
from workers.providers.rate import Rate
from workers.providers.service import Client
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.qvickly_core import QvicklySandbox
from workers.sandbox.qvickly_wire import QvicklyTransport
from workers.testing.flow import Flow
from workers.testing.watch import WatchedTransport

KEY = "sandbox-key"


class QvicklyFlow(Flow):
    """One Qvickly source under test; `merchant` is the sandbox behind it."""

    def __init__(self, *workflows: Callable[..., None] | str, zone: str = "Europe/Stockholm", **said: Any) -> None:
        super().__init__(*workflows, kind="qvickly", zone=zone, currencies=said.pop("currencies", ("SEK",)), **said)

    @property
    def merchant(self) -> QvicklySandbox:
        """The simulated provider."""
        return cast(QvicklySandbox, self.sandbox)

    def _plugged(
        self, kind: str, source: str, zone: str, currencies: Sequence[str], wire: Callable[[MonsumSandbox], Transport], rate: Rate
    ) -> Client:
        merchant = QvicklySandbox(user="17882", key=KEY, zone=zone, clock=lambda: self.clock.now)
        self.sandbox = cast(MonsumSandbox, merchant)
        transport = WatchedTransport(QvicklyTransport(merchant), asked=self._asked, point=self.pass_point)
        here = "http://127.0.0.1:1"
        return bundle.make_qvickly(
            source, f"{here}/qvickly", "17882", KEY, zone, currencies, transport, rate,
            portal=("user", KEY), portal_url=f"{here}/portal/", auth_url=f"{here}/auth/",
        )  # fmt: skip
