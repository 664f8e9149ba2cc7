"""E-mail over one's own mail server: the service `mail.send`, beside those of the provider.

Owns the request and its effect class. A mail cannot be read back, so one of which nobody knows is never sent again by itself; its
Message-ID is the same whenever it is made, so that mail programs show a second copy as one. workers/providers/smtp.py carries it.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

from email_validator import EmailNotValidError, validate_email
from pydantic import BaseModel, ConfigDict, Field, field_validator

from workers.providers.service import AtMostOnce, Service

KINDS = frozenset({"monsum", "fastbill"})


class Mail(BaseModel):
    """One message to one address, plain text. `invoice_id`: what it is about. `name`: the Message-ID's left part."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    invoice_id: str = Field(min_length=1, max_length=128)
    recipient: str = Field(repr=False)
    subject: str = Field(min_length=1, max_length=900, repr=False, pattern=r"^[^\r\n]+$")
    message: str = Field(min_length=1, repr=False)
    name: str = Field(pattern=r"^[0-9a-f]{32}$")

    @field_validator("recipient")
    @classmethod
    def _one_address(cls, text: str) -> str:
        return ascii_address(text)


class Accepted(BaseModel):
    """The mail server took the message upon itself."""

    code: int


class Mailer(Protocol):
    """Hands one message to a mail server. Raises OSError (it was not taken, ask again; NotLetIn too), Rejected, or OutcomeUnknown."""

    def send(self, mail: Mail, *, before_write: Callable[[], None] | None = None) -> Accepted: ...


def ascii_address(text: str) -> str:
    """The address as every mail server takes it, its domain in ASCII. Raises ValueError, never quoting it."""
    try:
        found = validate_email(text.strip(), check_deliverability=False, test_environment=True, allow_smtputf8=False)
    except EmailNotValidError:
        raise ValueError("an e-mail address is wanted that every mail server takes, such as ap@example.org") from None
    return str(found.ascii_email)


def _build(obj: Any, *, recipient: str, subject: str, message: str) -> Mail:
    """`obj` has the `source` and the `id` of the invoice it is about."""
    named = "\0".join((obj.source, str(obj.id), recipient, subject, message))
    name = hashlib.sha256(named.encode()).hexdigest()[:32]
    return Mail(invoice_id=str(obj.id), recipient=recipient, subject=subject, message=message, name=name)


send = Service(
    name="mail.send", kinds=KINDS, request=Mail, reply=Accepted, effect_class=AtMostOnce(), build=_build, object_kind="invoice",
    shut_out="mail_server_refuses",
)  # fmt: skip
SERVICES = {send.name: send}
