"""The simulated AutoDNS, whole and synchronous: an API to ask, acts to make, messages that follow by poll, by push, or both.

Owns the login, faults, the log of calls and what a message says. autodns_wire.py puts it on HTTP and plugs it straight into a client. All
time comes from the clock it is given.
"""

import hmac
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from receiver.errors import PayloadInvalid, Rejected
from receiver.sources.autodns_fields import WRITTEN
from receiver.sources.autodns_message import message_in
from receiver.sources.autodns_xml import write_xml
from workers.sandbox import autodns_api as api
from workers.sandbox.autodns_account import CLIENT, OWN_NUMBER, Holder, Record
from workers.sandbox.core import BEFORE_STATUS, Call, SandboxReply
from workers.sandbox.faults import BEFORE, Fault, Faults
from workers.sandbox.notices import Notification
from workers.sandbox.outbox import Outbox

ACTS = (
    "customer.created", "customer.updated", "customer.checked", "account.spent", "account.charged", "invoice.created", "invoice.sent",
    "invoice.paid", "invoice.failed", "order.succeeded", "order.failed", "notice.transfer_start",
)  # fmt: skip
STYLES = ("poll", "json", "xml", "both")
HTML = b"<html><body>try again later</body></html>"
READS = ("customer.get", "account.get", "invoice.get", "invoice.search", "poll.get")
_LISTS = ("addressLines", "emails", "billingEmails", "comments", "billingUsers")
_INVOICE_ACTS: dict[str, Record] = {
    "created": {}, "sent": {"status": "SENT"}, "paid": {"status": "FINISHED", "failed": False},
    "failed": {"status": "POSTPENDING", "failed": True},
}  # fmt: skip
_encoded = msgspec.json.Encoder(decimal_format="number")


class AutodnsSandbox:
    """One simulated user. `calls`: every API call. `outbox`: pushes. `faults`: what goes wrong next. `style`: how messages come."""

    kind = "autodns"

    def __init__(
        self,
        *,
        user: str = "reseller",
        key: str = "sandbox-key",
        context: int = 4,
        zone: str | ZoneInfo = "Europe/Berlin",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        style: str = "poll",
    ) -> None:
        self.clock, self.style = clock, style
        self._login, self._context = (user, key), str(context)
        self.account = Holder(zone=zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone), clock=clock)
        self.outbox, self.faults = Outbox(schedule=()), Faults()
        self.calls: list[Call] = []
        self.sent: list[Record] = []
        self._before: tuple[datetime, bytes] | None = None  # until when reads still show these records

    def trigger(self, act: str, overrides: dict[str, str] | None = None) -> dict[str, str]:
        """Make `act` happen ("order.succeeded", …) and let it tell. Returns the ids of what was touched.

        `overrides`: fields by their JSON names, `amount` of an act on the account, `style` one of STYLES. Raises ValueError naming what
        is known.
        """
        said, self._before = dict(overrides or {}), None
        style = said.pop("style", self.style)
        if act not in ACTS:
            raise ValueError(f"unknown act {act}: one of {', '.join(ACTS)}")
        if style not in STYLES:
            raise ValueError(f"unknown style {style}: one of {', '.join(STYLES)}")
        kind, _, what = act.partition(".")
        if kind == "customer":
            return self._customer(what, said, style)
        if kind == "account":
            return self._spend(what, said)
        if kind == "invoice":
            return self._invoice(what, said)
        return self._order(what, said, style) if kind == "order" else self._notice(what, said, style)

    def seed(self, notification: bytes) -> dict[str, str]:
        """Create the customer a recorded message tells about, silently. Returns its id. Raises ValueError."""
        try:
            message = message_in(notification, zone=self.account.zone)
        except PayloadInvalid:
            raise ValueError("this is no message of AutoDNS") from None
        if message.customer_id and message.customer_id not in self.account.customers:
            client, _, number = message.customer_id.partition("/")
            self.account.write_customer(None, {"client": client, "number": int(number)})
        return {"customer_id": message.customer_id} if message.customer_id else {"order_id": message.id}

    def drain(self) -> list[Notification]:
        """Every push due now, each counted as taken: for in-process delivery."""
        due = self.outbox.due(self.clock())
        for letter in due:
            self.outbox.answered(letter, 200, self.clock())
        return [letter.notification for letter in due]

    def copied(self) -> bytes:
        """Everything that happened at the provider so far, for `put_back`; in this process only."""
        held = replace(self.account, clock=_nobody)
        return pickle.dumps((held, self.outbox, self.faults.planned, self.calls, self._before))

    def put_back(self, content: bytes) -> None:
        """Be what `copied` saw."""
        held, outbox, planned, calls, self._before = pickle.loads(content)
        self.account = replace(held, clock=self.clock)
        for name in Outbox.__dataclass_fields__:
            setattr(self.outbox, name, getattr(outbox, name))
        self.faults.planned[:], self.calls[:] = planned, calls

    def handle(self, method: str, path: str, login: tuple[str, str] | None, context: str, body: bytes) -> SandboxReply:
        """One call of the API; `path` is below /v1/. Never raises."""
        service = api.named(method, path)
        if not service:
            return SandboxReply(status=404, body=b"{}")
        fault, data = self.faults.take(service), self._about(service, path)
        if fault is not None and fault.kind in BEFORE:
            return self._log(service, data, self._broken(service, fault), acted=False)
        if not self._known(login) or context != self._context:
            return self._log(service, data, _denied(), acted=False)
        if fault is not None and fault.kind == "late":
            self._before = (self.clock() + timedelta(seconds=fault.seconds), pickle.dumps(replace(self.account, clock=_nobody)))
        try:
            content = json.loads(body, parse_float=Decimal) if body else None
            found, named = api.carried_out(self._shown(service), service, path, content)
        except Rejected as refusal:
            return self._log(service, data, SandboxReply(status=400, body=api.said_no(service, refusal)), acted=False)
        except KeyError:
            missing = Rejected(reasons=("It is not there.",), code="EF0404")
            return self._log(service, data, SandboxReply(status=404, body=api.said_no(service, missing)), acted=False)
        except (ValueError, TypeError):
            return self._log(service, data, SandboxReply(status=400, body=b"{}"), acted=False)
        later = service == "customer.update" and self.account.customers[data["CUSTOMER_ID"]]["pending"]
        answer = api.answered(self.account, service, found, named, later=later)
        return self._log(service, data, _spoiled(answer, fault), acted=True)

    def _customer(self, what: str, said: Record, style: str) -> dict[str, str]:
        holder, values = self.account, {name: _listed(name, value) for name, value in said.items()}
        _known_names(values, {*WRITTEN, "number", "client", "customer_id"})
        try:
            if what == "created":
                record = holder.write_customer(None, values)
            else:
                id = str(values.pop("customer_id", None) or next(iter(holder.customers), ""))
                record = holder.finish_check(id) if what == "checked" else holder.write_customer(id, values)
        except (Rejected, KeyError) as wrong:
            raise ValueError(f"no such customer, or not a customer's value: {wrong}") from None
        id = f"{record['client']}/{record['number']}"
        if what != "created":
            self._tell({"job": self._job("SUCCESS", "update"), "object": _of_customer(record)}, style)
        return {"customer_id": id}

    def _spend(self, what: str, said: Record) -> dict[str, str]:
        _known_names(said, {"amount"})
        amount = Decimal(said.get("amount", "60.00"))
        self.account.spend(amount if what == "spent" else -amount)
        return {"customer_id": f"{CLIENT}/{OWN_NUMBER}"}

    def _invoice(self, what: str, said: Record) -> dict[str, str]:
        values = said | _INVOICE_ACTS[what] | ({"paid": self.account.now()} if what == "paid" else {})
        values |= {name: Decimal(said[name]) for name in ("amount", "vatAmount") if name in said}
        record = self.account.invoices.get(str(said.get("id"))) or self.account.new_invoice({"id": said["id"]} if "id" in said else {})
        _known_names(said, set(record) | {"id"})
        record.update({name: value for name, value in values.items() if name != "id"} | {"updated": self.account.now()})
        return {"invoice_id": str(record["id"])}

    def _order(self, what: str, said: Record, style: str) -> dict[str, str]:
        _known_names(said, {"name", "action", "ctid", "status"})
        job = self._job(said.get("status", "SUCCESS" if what == "succeeded" else "FAILED"), said.get("action", "update"))
        reference = {"ctid": said["ctid"]} if "ctid" in said else {}
        self._tell({"job": job, "object": {"type": "Domain", "value": said.get("name", "example.com")}, **reference}, style)
        return {"order_id": str(job["id"])}

    def _notice(self, what: str, said: Record, style: str) -> dict[str, str]:
        _known_names(said, {"name"})
        told = self._tell({"notify": {"type": what}, "object": {"type": "Domain", "value": said.get("name", "example.com")}}, style)
        return {"message_id": str(told["id"])}

    def _job(self, status: str, action: str) -> Record:
        now = self.account.now()
        return {"id": self.account.next_id("job"), "status": status, "action": action, "created": now, "updated": now}

    def _tell(self, message: Record, style: str) -> Record:
        record = self.account.new_message(message)
        if style not in ("poll", "both"):
            self.account.messages.remove(record)
        if style != "poll":
            body = _pushed_xml(record, self.account.zone) if style == "xml" else _encoded.encode({"data": [record]})
            type = "job" if "job" in record else "notify"
            self.outbox.publish(Notification(type=type, id=record["id"], body=body, created_at=self.clock()))
        return record

    def _about(self, service: str, path: str) -> Record:
        """By which names the log has the object."""
        id = path.strip("/").partition("/")[2]
        return {} if service in ("customer.create", "invoice.search") else {"CUSTOMER_ID" if "customer" in service else "ID": id}

    def _shown(self, service: str) -> Holder:
        """The records that answer: a read before its time shows what was there before the act."""
        if self._before is None or service not in READS or self.clock() >= self._before[0]:
            return self.account
        held: Holder = pickle.loads(self._before[1])
        return replace(held, clock=self.clock)

    def _known(self, login: tuple[str, str] | None) -> bool:
        said = login or ("", "")
        return all(hmac.compare_digest(one.encode(), other.encode()) for one, other in zip(said, self._login, strict=True))

    def _broken(self, service: str, fault: Fault) -> SandboxReply:
        if fault.kind == "login":
            return _denied()
        if fault.kind == "decline":
            return SandboxReply(status=400, body=api.said_no(service, Rejected(reasons=("declined",), code="EF0001")))
        headers = (("Retry-After", "7"),) if fault.kind == "rate" else ()
        return SandboxReply(status=BEFORE_STATUS.get(fault.kind, 0), body=HTML, content_type="text/html", headers=headers, fault=fault)

    def _log(self, service: str, data: Record, reply: SandboxReply, *, acted: bool) -> SandboxReply:
        self.calls.append(Call(at=self.clock(), service=service, data=data, acted=acted, status=reply.status))
        return reply


def _nobody() -> datetime:
    """Stands for the clock in a copy."""
    raise RuntimeError("a copy has no clock")


def _denied() -> SandboxReply:
    return SandboxReply(status=401, body=api.said_no("", Rejected(reasons=("The login is wrong.",), code="E0000")))


def _of_customer(record: Record) -> Record:
    data = {"number": record["number"], "client": record["client"]}
    return {"type": "Customer", "value": str(record["number"]), "data": data}


def _listed(name: str, value: str) -> Any:
    return value.split(",") if name in _LISTS else int(value) if name in ("number", "group") else value


def _known_names(said: Record, names: set[str]) -> None:
    strangers = sorted(set(said) - names)
    if strangers:
        raise ValueError(f"no record has {', '.join(strangers)}: known are {', '.join(sorted(names))}")


def _pushed_xml(record: Record, zone: ZoneInfo) -> bytes:
    """A message as XML: local times, lower-case words, and an element named for what it is about."""
    about = record["object"]
    kind = about["type"].lower()
    part: Record = dict(record.get("job") or record["notify"])
    part |= {
        name: f"{datetime.fromisoformat(part[name]).astimezone(zone):%Y-%m-%d %H:%M:%S}" for name in ("created", "updated") if name in part
    }
    part |= {"status": part["status"].lower()} if "status" in part else {}
    part[kind] = about.get("data") or {"name": about["value"]}
    message = {"id": record["id"], "owner": record["owner"], "job" if "job" in record else "notify": part}
    message |= {"ctid": record["ctid"]} if "ctid" in record else {}
    status = {"code": "S0905", "type": "success"}
    return write_xml("response", {"result": {"data": {"summary": 1, "message": message}, "status": status}, "stid": "20261120-sandbox-0"})


def _spoiled(body: bytes, fault: Fault | None) -> SandboxReply:
    """A good answer with its fault; what is felt on the wire is left to the carrier."""
    if fault is not None and fault.kind in ("error-after", "gateway-after"):
        return SandboxReply(status=500 if fault.kind == "error-after" else 502, body=HTML, content_type="text/html", fault=fault)
    if fault is not None and fault.kind == "not-json":
        return SandboxReply(status=200, body=HTML, content_type="text/html", fault=fault)
    if fault is not None and fault.kind == "no-status":
        return SandboxReply(status=200, body=b'{"stid":"x","data":[]}', fault=fault)
    return SandboxReply(status=200, body=body, fault=fault)
