"""One message over one SMTP connection, and an honest word on whether the server took it.

Until the text is on its way every failure proves that nothing was sent: an OSError, to be tried again, or Rejected where the server
said no for good. Once the text is on its way only the server's answer tells; without one the outcome is unknown. Never logs, and no
error holds, an address, a text or a password.
Source: RFC 5321 sections 3.3, 4.2.1 and 4.5.3.2; Python 3.11 smtplib.
"""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from typing import Literal

from receiver.errors import OutcomeUnknown, Rejected
from workers.providers.http import trust
from workers.providers.mail import Accepted, Mail
from workers.providers.service import NotLetIn

Security = Literal["starttls", "tls", "none"]
GREETING_S, ANSWER_S = 4.0, 20.0
GO_AHEAD, TAKEN = 354, 250


@dataclass(frozen=True, kw_only=True)
class SmtpMailer:
    """One mail server as one source uses it. `sender`: "Muster GmbH <rechnung@muster.de>". `login`: user and password, or None."""

    source: str
    host: str
    port: int
    sender: str
    security: Security = "starttls"
    login: tuple[str, str] | None = field(default=None, repr=False)
    tls: ssl.SSLContext = field(default_factory=trust, repr=False)

    def send(self, mail: Mail, *, before_write: Callable[[], None] | None = None) -> Accepted:
        """Accepted once the server said so. Raises OSError (NotLetIn where the settings are wrong), Rejected or OutcomeUnknown."""
        content = written(mail, self.sender).as_bytes(policy=SMTP)
        try:
            server = self._connected()
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as cause:
            raise self._not_let_in(cause) from None
        try:
            self._address(server, mail)
            if before_write is not None:
                before_write()
            return self._hand_over(server, content)
        finally:
            server.close()  # without QUIT: the answer to the text counts, and nothing after it

    def _connected(self) -> smtplib.SMTP:
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=GREETING_S, context=self.tls)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=GREETING_S)
        try:
            server.ehlo_or_helo_if_needed()
            if self.security == "starttls":
                server.starttls(context=self.tls)
                server.ehlo()
            if self.login is not None:
                server.login(*self.login)
        except BaseException:
            server.close()
            raise
        return server

    def _not_let_in(self, cause: OSError) -> OSError:
        """What to correct; `cause` itself where the server only refuses the login for now. Its words may quote a user: not kept."""
        stem = f"BILLHOOK_SMTP_{self.source.upper().replace('-', '_')}_"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NotLetIn(f"its certificate is not that of a host to trust: check host under [source.{self.source}.smtp]")
        if isinstance(cause, smtplib.SMTPNotSupportedError):
            return NotLetIn(f"it offers no STARTTLS or no login: check port and security under [source.{self.source}.smtp]")
        if isinstance(cause, smtplib.SMTPAuthenticationError) and cause.smtp_code < 500:
            return smtplib.SMTPResponseException(cause.smtp_code, "the mail server does not take the login now")
        return NotLetIn(f"it refuses the login: correct {stem}USER and {stem}PASSWORD")

    def _address(self, server: smtplib.SMTP, mail: Mail) -> None:
        """Sender and recipient; a lasting no is Rejected."""
        code, _ = server.mail(parseaddr(self.sender)[1])
        self._refused(code, "sender", wanted=(250,))
        code, _ = server.rcpt(mail.recipient)
        self._refused(code, "recipient", wanted=(250, 251))

    def _hand_over(self, server: smtplib.SMTP, content: bytes) -> Accepted:
        code, _ = server.docmd("DATA")
        self._refused(code, "message", wanted=(GO_AHEAD,))
        if server.sock is not None:
            server.sock.settimeout(ANSWER_S)
        try:
            server.send(_stuffed(content))
            code, _ = server.getreply()
        except OSError as cause:
            raise OutcomeUnknown(provider=self.source, call="mail.send", kind="no_answer") from cause
        if code == -1:
            raise OutcomeUnknown(provider=self.source, call="mail.send", kind="not_smtp")
        self._refused(code, "message", wanted=(TAKEN,))
        return Accepted(code=code)

    def _refused(self, code: int, step: str, *, wanted: tuple[int, ...]) -> None:
        """A 5xx is a lasting no, any other code that is not wanted one for now. The server's words may quote an address: not kept."""
        if code in wanted:
            return
        if 500 <= code < 600:
            why = f"the mail server refuses the {step} ({code})"
            raise Rejected(provider=self.source, call="mail.send", kind="errors", reasons=(why,))
        raise smtplib.SMTPResponseException(code, f"the mail server does not take the {step} now")


def written(mail: Mail, sender: str) -> EmailMessage:
    """The message as it goes out. Auto-Submitted keeps holiday notices away (RFC 3834)."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, mail.recipient, mail.subject
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{mail.name}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.message, cte="quoted-printable")
    return message


def _stuffed(content: bytes) -> bytes:
    """The text as DATA wants it: a line that begins with a dot gets another one, and a dot of its own ends it."""
    lines = content.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"
