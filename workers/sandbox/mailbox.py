"""A mail server without a wire: what `mail.send` hands over is kept beside the mails the simulated provider sends.

Owns where a fault planned for `mail.send` is felt. For the test kit and `simulate`.
"""

from collections.abc import Callable

from receiver.errors import OutcomeUnknown
from workers.providers.mail import Accepted, Mail, send
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.transport import LOST, NOT_CONNECTED


class LocalMailer:
    """Takes every mail into `sandbox.sent`."""

    def __init__(self, sandbox: MonsumSandbox) -> None:
        self._sandbox = sandbox

    def send(self, mail: Mail, *, before_write: Callable[[], None] | None = None) -> Accepted:
        """Accepted. Raises ConnectionRefusedError before the text, OutcomeUnknown after it, as the faults ask."""
        fault = self._sandbox.faults.take(send.name)
        if fault is not None and fault.kind in NOT_CONNECTED:
            raise ConnectionRefusedError("the mail server is away")
        if before_write is not None:
            before_write()
        told = {"invoice_id": mail.invoice_id, "to": mail.recipient, "subject": mail.subject, "message": mail.message, "name": mail.name}
        self._sandbox.sent.append({"service": send.name, **told})
        if fault is not None and fault.kind in LOST:
            raise OutcomeUnknown(provider="mail", call=send.name, kind=LOST[fault.kind])
        return Accepted(code=250)
