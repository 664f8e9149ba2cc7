"""10,000 facts with 1 % of their deliveries lost: what an API shows is found by one sweep. `python -m tests.bench.gaps [facts]`.

Every provider's sandbox, the real router, engine, sweeper and gap finder on a moved clock. The facts happen while nobody sweeps; lost
deliveries are drawn by lot. Then one sweep of every scan and the hour after which a deletion is believed, then the lost deliveries after
all, of which nothing may run twice, then a quiet sweep, whose requests are the price of looking. Every completed invoice is mailed: the
provider counts the mails; the database is proved.
"""

import random
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from receiver.event import (
    CustomerCreated,
    CustomerDeleted,
    CustomerUpdated,
    InvoiceCanceled,
    InvoiceCompleted,
    InvoicePaid,
    PaymentReported,
)
from receiver.log import configure
from tests.bench.machine import described
from tests.workers.letters import MAIL, Capped
from tests.workers.prove.stories import found as proved
from tests.workers.routed import connect, events
from workers import gaps, missed
from workers.absence import BELIEVED_AFTER
from workers.authoring import Run, workflow
from workers.testing.autodns import AutodnsFlow
from workers.testing.flow import Flow
from workers.testing.qvickly import QvicklyFlow

FACTS, LOST, TOGETHER, SHOWN = 10_000, 0.01, 100, 10
SHARES = {"monsum": 0.4, "fastbill": 0.3, "qvickly": 0.2, "autodns": 0.1}
NOTED = (CustomerCreated, CustomerUpdated, CustomerDeleted, InvoiceCompleted, InvoicePaid, InvoiceCanceled, PaymentReported)
Fact = tuple[str, str]


def key_of(event: Any) -> str:
    return f"{event.type}:{getattr(event, 'invoice_id', None) or event.customer_id}"


@workflow("bench-notes", on=NOTED, key=key_of)
def notes(run: Run, event: Any) -> None:
    """Starts once for each fact, and ends at once."""


@workflow("bench-mails", on=InvoiceCompleted, policy=Capped)
def mails(run: Run, event: InvoiceCompleted) -> None:
    """Sends each completed invoice."""
    invoice = run.read("invoice", MAIL.fresh.query, event.invoice_id)
    run.effect("mail", MAIL, invoice, recipient="max@example.com", subject="Ihre Rechnung", message="Anbei.")


@dataclass
class Outcome:
    """What became of the facts of one provider."""

    kind: str
    facts: dict[Fact, datetime] = field(default_factory=dict)
    deliveries: int = 0
    lost: list[bytes] = field(default_factory=list)
    untold: set[Fact] = field(default_factory=set)  # before the sweep
    missing: set[Fact] = field(default_factory=set)  # after it
    between: set[Fact] = field(default_factory=set)  # what nobody can read: a change of what was first heard of after it
    twice: list[Any] = field(default_factory=list)
    late: int = 0
    requests: int = 0
    per_hour: dict[str, float] = field(default_factory=dict)
    objects: int = 0
    proof: list[Any] = field(default_factory=list)


def acts_of_monsum(flow: Flow, lots: random.Random, count: int) -> Iterator[Fact]:
    """Customers come, change and go, invoices are completed, paid and cancelled; each object turns once each way."""
    trigger = flow.sandbox.trigger
    customers, fresh, gone, open_ = list[str](), list[str](), set[str](), list[str]()
    for number in range(count):
        turn = number % 10
        if turn in (0, 1):
            id = trigger("customer.created", {})["customer_id"]
            (fresh if turn else customers).append(id)
            yield "customer.created", id
        elif turn == 2:
            id = fresh.pop(0)
            trigger("customer.updated", {"customer_id": id, "city": f"Ort {number}"})
            yield "customer.updated", id
        elif turn == 3 and number % 40 == 3:
            id = trigger("customer.created", {})["customer_id"]
            gone.add(id)
            yield "customer.created", id
        elif turn == 4 and gone:
            id = gone.pop()
            trigger("customer.deleted", {"customer_id": id})
            yield "customer.deleted", id
        elif turn == 8 and open_:
            id = open_.pop(0)
            trigger("invoice.paid", {"invoice_id": id})
            yield "invoice.paid", id
        elif turn == 9 and open_ and number % 20 == 9:
            id = open_.pop(0)
            trigger("invoice.canceled", {"invoice_id": id})
            yield "invoice.canceled", id
        else:
            id = trigger("invoice.completed", {"customer_id": lots.choice(customers), "email": "max@example.com"})["invoice_id"]
            open_.append(id)
            yield "invoice.completed", id


def acts_of_qvickly(flow: Flow, lots: random.Random, count: int) -> Iterator[Fact]:
    """Payments are made and paid; customers come, of whom no callback ever tells."""
    for number in range(count):
        if number % 10 == 0:
            yield "customer.created", flow.sandbox.trigger("customer.created", {"name": "N", "customerid": f"C{number}"})["customer_id"]
        else:
            act = lots.choice(("payment.paid", "payment.created", "payment.cancelled"))
            id = flow.sandbox.trigger(act, {"style": lots.choice(("json", "form", "get"))})["payment_id"]
            yield "payment.reported", id


def acts_of_autodns(flow: Flow, lots: random.Random, count: int) -> Iterator[Fact]:
    """Customers change, of which a push may tell; invoices come, of which none tells."""
    for number in range(count):
        if number % 2:
            yield "invoice.created", flow.sandbox.trigger("invoice.sent", {})["invoice_id"]
        else:
            flow.sandbox.trigger("customer.updated", {"customer_id": f"ix/{number + 1}", "city": f"Ort {number}", "style": "json"})
            yield "customer.updated", f"ix/{number + 1}"


def flow_of(kind: str, count: int) -> tuple[Flow, Callable[[Flow, random.Random, int], Iterator[Fact]]]:
    """A connected source of this kind, and what happens there."""
    if kind == "qvickly":
        return QvicklyFlow(notes, strict=False), acts_of_qvickly
    if kind == "autodns":
        ids = [f"ix/{number + 1}" for number in range(0, count, 2)]
        flow = AutodnsFlow(notes, strict=False, poll=False, customers=ids, connect=False)
        for id in ids:
            flow.user.trigger("customer.created", {"number": id.removeprefix("ix/"), "emails": "a@example.com", "city": "Ulm"})
        flow.connect()
        return flow, acts_of_autodns
    policies = {"bench-mails": {"mode": "auto", "per_day": 100_000}, "bench-notes": {"mode": "auto"}}
    return Flow(mails, notes, kind=kind, strict=False, policies=policies), acts_of_monsum  # type: ignore[arg-type]


def played(kind: str, count: int, *, lost: float = LOST, seed: int = 1) -> Outcome:
    """What becomes of `count` facts of one provider where so many of their deliveries are lost."""
    flow, acts = flow_of(kind, count)
    with flow:
        connect(flow)
        lots, outcome = random.Random(f"{kind}:{seed}"), Outcome(kind)
        for number, fact in enumerate(acts(flow, lots, count)):
            outcome.facts[fact] = flow.clock.now
            _deliver(flow, lots, lost, outcome)
            flow.clock.pass_(timedelta(seconds=1))
            if number % TOGETHER == 0:
                flow.settle()
        flow.settle()
        outcome.untold = outcome.facts.keys() - _told(flow)
        outcome.requests = _swept(flow)
        flow.clock.pass_(BELIEVED_AFTER)  # what was missing in it counts as deleted by now
        flow.settle()
        outcome.between = _between(flow, outcome.facts) - _told(flow)
        outcome.missing = outcome.facts.keys() - _told(flow) - outcome.between
        before = _runs(flow)
        flow.clock.pass_(timedelta(minutes=30))
        for body in outcome.lost:
            flow.keep(body)
        flow.settle()
        outcome.late = len(missed_with_webhook(flow))
        outcome.twice = [*(_runs(flow) - before).elements(), *_doubled(flow)]
        _swept(flow)
        with flow.db.read() as connection:
            scans = missed.scanned(connection, flow.source, gaps.scans_of(flow.runtime, flow.source))
        outcome.per_hour = {row["scan"]: row["per_hour"] for row in scans if row["per_hour"] is not None}
        outcome.objects = len({id for _, id in outcome.facts})
        outcome.proof = proved(flow.db)
    return outcome


def _deliver(flow: Flow, lots: random.Random, lost: float, outcome: Outcome) -> None:
    for notification in flow.sandbox.drain():
        outcome.deliveries += 1
        if lots.random() < lost:
            outcome.lost.append(notification.body)
        else:
            flow.keep(notification.body)
    flow.sandbox.outbox.letters.clear()  # what was taken would be looked through again each time


def _swept(flow: Flow) -> int:
    """One sweep of every scan that is due six hours later, and what follows; how many requests that took."""
    flow.clock.pass_(timedelta(hours=6, minutes=20))
    before = sum(1 for call in flow.sandbox.calls)
    gaps.find(flow.runtime, flow.source)
    asked = sum(1 for call in flow.sandbox.calls) - before
    flow.settle()
    return asked


def _told(flow: Flow) -> set[Fact]:
    return {(row["type"], row["invoice_id"] or row["customer_id"]) for row in events(flow) if not row["historical"]}


def _between(flow: Flow, facts: dict[Fact, datetime]) -> set[Fact]:
    """Changes of customers of whom we first heard when they had changed already."""
    heard = {row["customer_id"]: row["at"] for row in events(flow, "customer.created")}
    return {fact for fact, at in facts.items() if fact[0] == "customer.updated" and heard.get(fact[1], at - timedelta(1)) >= at}


def _runs(flow: Flow) -> Counter[Any]:
    return Counter((name, key) for name, key, *_ in flow.runs)


def _doubled(flow: Flow) -> list[Any]:
    """Runs of one fact, and mails of one invoice, of which there is more than one."""
    sent = Counter(str(call.data["INVOICE_ID"]) for call in flow.sandbox.calls if call.service == "invoice.sendbyemail" and call.acted)
    return [one for one, times in (_runs(flow) + Counter({("mail", id): times for id, times in sent.items()})).items() if times > 1]


def missed_with_webhook(flow: Flow) -> list[missed.Row]:
    """What was found, and whose webhook came after all."""
    with flow.db.read() as connection:
        rows = missed.missed(connection, since=flow.clock.now - timedelta(days=30), limit=100_000)
    return [row for row in rows if row["webhook"] != "never"]


def main() -> int:
    """Print the figures; 1 where something was not found or ran twice."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else FACTS
    configure("error")
    clean = True
    print(
        f"{'':<10}{'facts':>7}{'sent':>8}{'lost':>6}{'untold':>8}{'found':>7}{'late':>6}{'twice':>6}{'proof':>7}{'requests':>10}{'seconds':>9}"
    )
    outcomes = []
    for kind, share in SHARES.items():
        began = perf_counter()
        one = played(kind, int(count * share))
        outcomes.append(one)
        clean = clean and not (one.missing or one.twice or one.proof)
        found = len(one.untold - one.missing - one.between)
        proof = "clean" if not one.proof else str(len(one.proof))
        figures = (
            f"{len(one.facts):>7,}{one.deliveries:>8,}{len(one.lost):>6,}{len(one.untold):>8,}{found:>7,}{one.late:>6,}{len(one.twice):>6}"
        )
        print(f"{kind:<10}{figures}{proof:>7}{one.requests:>10,}{perf_counter() - began:>9.1f}", flush=True)
        if one.between:
            print(f"          {len(one.between)} changes of what was first heard of after them: no API shows these")
        for what in [*one.missing, *one.twice, *one.proof][:SHOWN]:
            print(f"          not as it should be: {what}")
    print("\nrequests an hour while nothing is lost:")
    for one in outcomes:
        parts = ", ".join(f"{name} {price:g}" for name, price in one.per_hour.items())
        print(f"{one.kind:<10}{sum(one.per_hour.values()):>7.1f}   {parts}   ({one.objects:,} objects)")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB\n{described()}")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
