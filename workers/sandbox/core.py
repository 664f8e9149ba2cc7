"""The simulated provider, whole and synchronous: an API to ask, acts to make, notifications that follow.

Owns login, the envelope, the log of calls and of what went out to people. app.py puts it on HTTP, transport.py plugs it straight
into a client. All time comes from the clock it is given.
"""

import hmac
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from receiver.errors import Rejected
from workers.sandbox.account import Account, Record
from workers.sandbox.acts import Acts
from workers.sandbox.faults import BEFORE, Fault, Faults
from workers.sandbox.notices import Notices, Notification
from workers.sandbox.outbox import Outbox
from workers.sandbox.printed import printed_invoice
from workers.sandbox.seeding import seed
from workers.sandbox.services import SERVICES, Desk
from workers.sandbox.shapes import php_json

LOGIN_ERROR = "LoginError: Wrong API KEY or user credentials."
DECLINED = "the payment was declined"  # the provider's words for it are in no source
KEPT = ("customers", "invoices", "subscriptions", "webhooks", "reminders", "remaining_credits", "vat_answers", "ids", "notices")
BEFORE_STATUS = {"rate": 429, "error-before": 500, "unavailable": 503, "gone": 404, "not-json-before": 502}


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxReply:
    """What goes back. `fault` is the fault the carrier must still make felt (no connection, lost, slow, …)."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One API call as it arrived. `acted`: it changed or read the account; `status` is what was meant to go back."""

    at: datetime
    service: str
    data: Record = field(repr=False)
    acted: bool
    status: int


class MonsumSandbox:
    """One simulated Monsum or FastBill account.

    `calls`: every API call. `sent`: every mail and letter that went out. `outbox`: notifications. `faults`: what goes wrong next.
    """

    def __init__(
        self,
        kind: str = "monsum",
        *,
        user: str = "demo@example.com",
        key: str = "sandbox-key",
        zone: str | ZoneInfo = "Europe/Berlin",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        public_url: str = "http://127.0.0.1:1",
        einvoice: bool = False,
    ) -> None:
        zone = zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone)
        self.kind, self.clock, self.einvoice = kind, clock, einvoice
        self._login = (user, key)
        self.account = Account(kind=kind, zone=zone, clock=clock, public_url=public_url)
        self.outbox, self.faults = Outbox(), Faults()
        self.calls: list[Call] = []
        self.sent: list[Record] = []
        self._before: tuple[datetime, bytes] | None = None  # until when reads still show these objects
        notices = Notices(self.account, self.outbox.publish)
        self._desk = Desk(self.account, notices, self.sent)
        self._acts = Acts(self.account, notices)

    @property
    def acts(self) -> tuple[str, ...]:
        """What can be made to happen, by name."""
        return tuple(self._acts.known)

    def trigger(self, act: str, overrides: dict[str, str] | None = None) -> dict[str, str]:
        """Make `act` happen ("invoice.completed", …) and let it notify. Returns the ids of what was touched.

        Raises ValueError naming the known acts, or an override that no record has.
        """
        self._before = None
        return self._acts.perform(act, overrides or {})

    def seed(self, notification: bytes) -> dict[str, str]:
        """Create the objects a recorded notification tells about, silently. Returns their ids. Raises ValueError."""
        self._before = None
        return seed(self.account, notification)

    def drain(self) -> list[Notification]:
        """Every notification due now, each counted as taken: for in-process delivery."""
        due = self.outbox.due(self.clock())
        for letter in due:
            self.outbox.answered(letter, 200, self.clock())
        return [letter.notification for letter in due]

    def copied(self) -> bytes:
        """Everything that happened at the provider so far, for `put_back`; in this process only."""
        account = {name: getattr(self.account, name) for name in KEPT}
        return pickle.dumps((account, self.outbox, self.faults.planned, self.calls, self.sent, self._before))

    def put_back(self, content: bytes) -> None:
        """Be what `copied` saw."""
        account, outbox, planned, calls, sent, self._before = pickle.loads(content)
        for name, value in account.items():
            setattr(self.account, name, value)
        for name in Outbox.__dataclass_fields__:
            setattr(self.outbox, name, getattr(outbox, name))
        self.faults.planned[:], self.calls[:], self.sent[:] = planned, calls, sent

    def document(self, invoice_id: str) -> bytes | None:
        """The printed invoice as PDF, with an e-invoice inside where the account or the invoice has it; None if unknown."""
        invoice = self.account.invoices.get(invoice_id)
        if invoice is None:
            return None
        wanted = str(invoice.get("_EINVOICE", self.einvoice)).lower() in ("1", "true", "yes")
        return printed_invoice(invoice, einvoice=wanted)

    def handle(self, body: bytes, auth: tuple[str, str] | None) -> SandboxReply:
        """One API call: parse, log in, act, answer. Never raises."""
        try:
            asked = json.loads(body, parse_float=str)
        except (ValueError, RecursionError):
            return self._errors({"SERVICE": ""}, ["unknown SERVICE: ", "request is not JSON"])
        if not isinstance(asked, dict):
            return self._errors({"SERVICE": ""}, ["unknown SERVICE: "])
        ask = _upper(asked)
        service = str(ask.get("SERVICE") or "")
        fault = self.faults.take(service)
        if fault is not None and fault.kind in BEFORE:
            return self._broken(ask, service, fault)
        return self._answer(ask, service, auth, fault)

    def _answer(self, ask: Record, service: str, auth: tuple[str, str] | None, fault: Fault | None) -> SandboxReply:
        if not self._known(auth):
            return self._log(ask, service, self._errors({"SERVICE": service}, [LOGIN_ERROR], status=401), acted=False)
        found = SERVICES.get(service)
        if found is None or self.kind not in found[1]:
            errors = [f"unknown SERVICE: {service}", "unknown SERVICE: "]
            return self._log(ask, service, self._errors({"SERVICE": service}, errors), acted=False)
        if fault is not None and fault.kind == "late":
            shown = pickle.dumps((self.account.customers, self.account.invoices))
            self._before = (self.clock() + timedelta(seconds=fault.seconds), shown)
        try:
            response = found[0](self._shown(service), ask)
        except Rejected as refusal:
            return self._log(ask, service, self._errors(_echo(ask), list(refusal.reasons)), acted=False)
        except (ValueError, TypeError, AttributeError):
            return self._log(ask, service, self._errors(_echo(ask), ["missing / invalid field: DATA"]), acted=False)
        said = _reply(_echo(ask), response)
        return self._log(ask, service, _spoiled(said, ask, fault), acted=True)

    def _shown(self, service: str) -> Desk:
        """The desk that answers: a read before its time shows what was there before the act."""
        if self._before is None or not service.endswith(".get") or self.clock() >= self._before[0]:
            return self._desk
        customers, invoices = pickle.loads(self._before[1])
        return Desk(replace(self.account, customers=customers, invoices=invoices), self._desk.notices, self.sent)

    def _known(self, auth: tuple[str, str] | None) -> bool:
        said = auth or ("", "")
        return all(hmac.compare_digest(one.encode(), other.encode()) for one, other in zip(said, self._login, strict=True))

    def _broken(self, ask: Record, service: str, fault: Fault) -> SandboxReply:
        if fault.kind == "login":
            return self._log(ask, service, self._errors({"SERVICE": service}, [LOGIN_ERROR], status=401), acted=False)
        if fault.kind == "decline":
            return self._log(ask, service, self._errors(_echo(ask), [DECLINED]), acted=False)
        status = BEFORE_STATUS.get(fault.kind, 0)
        headers = (("Retry-After", "7"),) if fault.kind == "rate" else ()
        body = b"<html><body>try again later</body></html>"
        reply = SandboxReply(status=status, body=body, content_type="text/html", headers=headers, fault=fault)
        return self._log(ask, service, reply, acted=False)

    def _errors(self, echo: Record, errors: list[str], status: int = 400) -> SandboxReply:
        return SandboxReply(status=status, body=php_json({"REQUEST": echo, "RESPONSE": {"ERRORS": errors}}).encode())

    def _log(self, ask: Record, service: str, reply: SandboxReply, *, acted: bool) -> SandboxReply:
        data = ask.get("DATA") or ask.get("FILTER") or {}
        self.calls.append(Call(at=self.clock(), service=service, data=dict(data), acted=acted, status=reply.status))
        return reply


def _upper(asked: Record) -> Record:
    """Clients also send lower-case keys, and nulls: FILTER and DATA become maps with upper-case names."""
    ask: Record = {str(name).upper(): value for name, value in asked.items()}
    for part in ("FILTER", "DATA"):
        inner = ask.get(part)
        ask[part] = {str(name).upper(): value for name, value in inner.items()} if isinstance(inner, dict) else {}
    return ask


def _echo(ask: Record) -> Record:
    shown: Record = {"SERVICE": ask["SERVICE"]}
    shown |= {part: _as_text(ask[part]) for part in ("FILTER", "DATA") if ask[part]}
    return shown | {name: ask[name] for name in ("LIMIT", "OFFSET") if ask.get(name)}


def _as_text(value: Any) -> Any:
    """The echo turns numbers into text and empty maps into lists."""
    if isinstance(value, dict):
        return {name: _as_text(inner) for name, inner in value.items()} or []
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _reply(echo: Record, response: Any) -> Record:
    if response is None:
        return {"REQUEST": echo | {"DATA": dict(echo.get("DATA") or {}) | {"RESPONSE": []}}}
    return {"REQUEST": echo, "RESPONSE": response}


def _spoiled(said: Record, ask: Record, fault: Fault | None) -> SandboxReply:
    body = php_json(said).encode()
    if fault is None:
        return SandboxReply(status=200, body=body)
    if fault.kind in ("error-after", "gateway-after"):
        return SandboxReply(
            status=500 if fault.kind == "error-after" else 502, body=b"Internal Server Error", content_type="text/plain", fault=fault
        )
    if fault.kind == "not-json":
        return SandboxReply(status=200, body=b"<html><body>Wartung</body></html>", content_type="text/html", fault=fault)
    if fault.kind == "no-status":
        return SandboxReply(
            status=200, body=php_json({"REQUEST": {"SERVICE": ask["SERVICE"]}, "RESPONSE": {"FOO": 1}}).encode(), fault=fault
        )
    return SandboxReply(status=200, body=body, fault=fault)
