"""The simulated Qvickly, whole and synchronous: both APIs to ask, acts to make, callbacks that follow.

Owns logins, faults, the log of calls and what a callback says. qvickly_app.py puts it on HTTP, qvickly_transport.py plugs it straight
into a client. All time comes from the clock it is given.
"""

import hmac
import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from receiver.errors import Rejected
from receiver.sources import php_json
from receiver.sources.qvickly import message_hash
from receiver.sources.qvickly_fields import WRITTEN
from workers.sandbox import qvickly_payments as payments
from workers.sandbox import qvickly_portal as portal
from workers.sandbox.core import BEFORE_STATUS, Call, SandboxReply
from workers.sandbox.faults import BEFORE, Fault, Faults
from workers.sandbox.notices import Notification
from workers.sandbox.outbox import Outbox
from workers.sandbox.qvickly_account import CARD, SWISH, Merchant, Record

# Each minute ten times, each hour ten times, each day seven times, then monthly for three months: topic Callback-URL.
SCHEDULE = (
    *[timedelta(minutes=1)] * 10, *[timedelta(hours=1)] * 10, *[timedelta(days=1)] * 7, *[timedelta(days=30)] * 3,
)  # fmt: skip
# The act, the status it leads to, and the method of a payment that is made for it.
ACTS = {
    "payment.created": ("Created", "1"), "payment.paid": ("Paid", SWISH), "payment.factoring": ("Factoring", "1"),
    "payment.pending": ("Pending", "1"), "payment.approved": ("Approved", "1"), "payment.denied": ("Denied", "1"),
    "payment.cancelled": ("Cancelled", CARD), "payment.failed": ("Failed", CARD),
}  # fmt: skip
NEW_CUSTOMER = "customer.created"
STYLES = ("json", "form", "get")
PAYMENT_FIELDS = ("number", "orderid", "method", "currency", "withtax", "tax", "distributor_status", "due_date", "customer_nr")
HTML = b"<html><body>try again later</body></html>"


class QvicklySandbox:
    """One simulated merchant. `calls`: every API call. `outbox`: callbacks. `faults`: what goes wrong next. `style`: how callbacks come."""

    kind = "qvickly"

    def __init__(
        self,
        *,
        user: str = "17882",
        key: str = "sandbox-key",
        zone: str | ZoneInfo = "Europe/Stockholm",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        style: str = "json",
    ) -> None:
        self.clock, self.style = clock, style
        self._merchant, self._key = user, key
        self.account = Merchant(zone=zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone), clock=clock)
        self.outbox, self.faults = Outbox(schedule=SCHEDULE), Faults()
        self.calls: list[Call] = []
        self.sent: list[Record] = []
        self._tokens: set[str] = set()
        self._before: tuple[datetime, bytes] | None = None  # until when reads still show these records

    def trigger(self, act: str, overrides: dict[str, str] | None = None) -> dict[str, str]:
        """Make `act` happen ("payment.paid", …) and let it call back. Returns the ids of what was touched.

        `overrides` of a payment: its fields, `status` any word, `style` one of STYLES. Raises ValueError naming what is known.
        """
        said, self._before = dict(overrides or {}), None
        if act == NEW_CUSTOMER:
            return {"customer_id": str(self.account.write_customer(None, _known(said, WRITTEN))["mexcParamvaluesetsid"])}
        if act not in ACTS:
            raise ValueError(f"unknown act {act}: one of {', '.join((*ACTS, NEW_CUSTOMER))}")
        style = said.pop("style", self.style)
        if style not in STYLES:
            raise ValueError(f"unknown style {style}: one of {', '.join(STYLES)}")
        status, method = ACTS[act]
        changed = {"status": said.pop("status", status), **_known(said, PAYMENT_FIELDS)}
        record = self.account.payments.get(said.get("number", "")) or self.account.new_payment({"method": method})
        if "number" in said and record["number"] != said["number"]:
            record = self.account.new_payment({"method": method, **changed})
        record.update(changed)
        self.account.payments[record["number"]] = record
        self._call_back(record, style)
        return {"invoice_id": record["number"], "payment_id": record["number"]}

    def seed(self, notification: bytes) -> dict[str, str]:
        """Create the payment a recorded callback tells about, silently. Returns its ids. Raises ValueError."""
        try:
            data = json.loads(notification)["data"]
            record = self.account.new_payment({"number": str(data["number"]), "status": str(data["status"])})
        except (KeyError, TypeError):
            raise ValueError("this is no callback of a payment") from None
        record["orderid"] = str(data.get("orderid") or record["orderid"])
        return {"invoice_id": record["number"], "payment_id": record["number"]}

    def drain(self) -> list[Notification]:
        """Every callback due now, each counted as taken: for in-process delivery."""
        due = self.outbox.due(self.clock())
        for letter in due:
            self.outbox.answered(letter, 200, self.clock())
        return [letter.notification for letter in due]

    def copied(self) -> bytes:
        """Everything that happened at the provider so far, for `put_back`; in this process only."""
        account = (self.account.payments, self.account.customers, self.account.ids, self.account.callbacks)
        return pickle.dumps((account, self.outbox, self.faults.planned, self.calls, self._tokens, self._before))

    def put_back(self, content: bytes) -> None:
        """Be what `copied` saw."""
        account, outbox, planned, calls, self._tokens, self._before = pickle.loads(content)
        self.account.payments, self.account.customers, self.account.ids, self.account.callbacks = account
        for name in Outbox.__dataclass_fields__:
            setattr(self.outbox, name, getattr(outbox, name))
        self.faults.planned[:], self.calls[:] = planned, calls

    def expire_tokens(self) -> None:
        """Refuse every token given out so far."""
        self._tokens.clear()

    def log_in(self, body: bytes) -> SandboxReply:
        """The portal's login: any user, with the merchant's key as password."""
        try:
            said = json.loads(body)["password"]
        except (ValueError, KeyError, TypeError):
            return SandboxReply(status=400, body=b"{}")
        if not hmac.compare_digest(str(said).encode(), self._key.encode()):
            return SandboxReply(status=401, body=b"{}")
        token = f"sandbox-token-{len(self.calls)}-{len(self._tokens)}"
        self._tokens.add(token)
        return _json({"token": token})

    def payment_api(self, body: bytes) -> SandboxReply:
        """One call of the Payment API. Never raises."""
        function, credentials, data, text = payments.parsed(body)
        fault = self.faults.take(function)
        if fault is not None and fault.kind in BEFORE:
            return self._broken(function, fault, _error("9013" if fault.kind == "login" else "5206", self._key))
        right = message_hash(self._key.encode(), text)
        if credentials.get("id") != self._merchant or not hmac.compare_digest(right, str(credentials.get("hash", ""))):
            return self._log(function, data, SandboxReply(status=200, body=_error("9013", self._key)), acted=False)
        self._keep_old(fault)
        try:
            found = payments.carried_out(self._shown(function.startswith("get")), function, data)
        except Rejected as refusal:
            answer = payments.answered(self._key, payments.said_no(refusal))
            return self._log(function, data, SandboxReply(status=200, body=answer), acted=False)
        return self._log(function, data, _spoiled(payments.answered(self._key, found), fault), acted=True)

    def portal_api(self, method: str, path: str, query: str, token: str, body: bytes) -> SandboxReply:
        """One call of the Portal API; `path` begins with "customers" or "merchant". Never raises."""
        service = portal.named(method, path)
        fault, named = self.faults.take(service), {"CUSTOMER_ID": path.rpartition("/")[2]}
        if fault is not None and fault.kind in BEFORE:
            return self._broken(service, fault, b'{"message":"declined"}', no={"login": 401, "decline": 400})
        if token not in self._tokens:
            return self._log(service, named, SandboxReply(status=401, body=b'{"message":"missing token"}'), acted=False)
        self._keep_old(fault)
        reads = method == "GET" or service.startswith("customers.export.")
        try:
            content = json.loads(body) if body else None
            found = portal.carried_out(self._shown(reads), service, path, dict(parse_qsl(query)), content)
        except KeyError:
            return self._log(service, named, SandboxReply(status=404, body=b'{"message":"not found"}'), acted=False)
        except (ValueError, TypeError):
            return self._log(service, named, SandboxReply(status=400, body=b'{"message":"invalid"}'), acted=False)
        answer = found if isinstance(found, bytes) else json.dumps(found).encode()
        return self._log(service, named, _spoiled(answer, fault), acted=True)

    def _call_back(self, record: Record, style: str) -> None:
        text = php_json.encode(payments.brief(record))
        credentials = php_json.encode({"hash": message_hash(self._key.encode(), text)})
        parts = {"credentials": credentials, "data": text}
        body = f'{{"credentials":{credentials},"data":{text}}}'.encode() if style == "json" else urlencode(parts).encode()
        method = "GET" if style == "get" else "POST"
        type, id = f"payment.{record['status'].lower()}", int(record["number"])
        self._write_down(record, method, f'{{"credentials":{credentials},"data":{text}}}')
        self.outbox.publish(Notification(type=type, id=id, body=body, created_at=self.clock(), method=method))

    def _write_down(self, record: Record, method: str, request: str) -> None:
        """The row of the callback log: schema Api-Callbacks."""
        at = f"{self.clock().astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
        self.account.callbacks.append({
            "apiCallbacksid": str(len(self.account.callbacks) + 1), "eid": 17882, "orderid_real": record["orderid"], "createdtime": at,
            "url": "https://receiver.example/callback", "request": json.loads(request), "response": None, "nbroffails": 0,
            "nextcall": at, "success": 0, "return_method": method,
        })  # fmt: skip

    def _keep_old(self, fault: Fault | None) -> None:
        if fault is not None and fault.kind == "late":
            shown = pickle.dumps((self.account.payments, self.account.customers))
            self._before = (self.clock() + timedelta(seconds=fault.seconds), shown)

    def _shown(self, reads: bool) -> Merchant:
        """The records that answer: a read before its time shows what was there before the act."""
        if self._before is None or not reads or self.clock() >= self._before[0]:
            return self.account
        held, customers = pickle.loads(self._before[1])
        return replace(self.account, payments=held, customers=customers)

    def _broken(self, service: str, fault: Fault, refusal: bytes, no: Mapping[str, int] | None = None) -> SandboxReply:
        if fault.kind in ("login", "decline"):
            return self._log(service, {}, SandboxReply(status=(no or {}).get(fault.kind, 200), body=refusal), acted=False)
        headers = (("Retry-After", "7"),) if fault.kind == "rate" else ()
        reply = SandboxReply(status=BEFORE_STATUS.get(fault.kind, 0), body=HTML, content_type="text/html", headers=headers, fault=fault)
        return self._log(service, {}, reply, acted=False)

    def _log(self, service: str, data: Record, reply: SandboxReply, *, acted: bool) -> SandboxReply:
        self.calls.append(Call(at=self.clock(), service=service, data=data, acted=acted, status=reply.status))
        return reply


def _known(said: Record, names: Any) -> Record:
    strangers = sorted(set(said) - set(names))
    if strangers:
        raise ValueError(f"no record has {', '.join(strangers)}: known are {', '.join(sorted(names))}")
    return said


def _error(code: str, key: str) -> bytes:
    return payments.answered(key, {"code": code, "message": "refused", "logid": "1"})


def _json(said: Any) -> SandboxReply:
    return SandboxReply(status=200, body=json.dumps(said).encode())


def _spoiled(body: bytes, fault: Fault | None) -> SandboxReply:
    """A good answer with its fault; what is felt on the wire is left to the carrier."""
    if fault is not None and fault.kind in ("error-after", "gateway-after"):
        return SandboxReply(status=500 if fault.kind == "error-after" else 502, body=HTML, content_type="text/html", fault=fault)
    if fault is not None and fault.kind == "not-json":
        return SandboxReply(status=200, body=HTML, content_type="text/html", fault=fault)
    if fault is not None and fault.kind == "no-status":
        return SandboxReply(status=200, body=b'{"credentials":{},"data":{"foo":"1"}}', fault=fault)
    return SandboxReply(status=200, body=body, fault=fault)
