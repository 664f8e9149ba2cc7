"""A fresh read of several objects: each must allow the call, the blocks of each forbid it, and all of them are hashed."""

from datetime import timedelta
from typing import Any, cast

import sqlalchemy as sa
from pydantic import BaseModel

from receiver.db import table_of
from workers import claims
from workers.authoring import Disputed, InvoiceCompleted, InvoiceDoc, Read, Run, Slot, effect, monsum, open_invoices, workflow
from workers.desk import Alert
from workers.ledger import EffectRow
from workers.providers.http import Answer, Ask
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.transport import LocalTransport
from workers.testing.flow import Flow

SEND = "invoice.sendbyemail"


class Both(BaseModel):
    """The invoice that is written about, and another one the message names."""

    source: str
    id: str
    other: str


def unpaid(fresh: InvoiceDoc, both: Both, **_: object) -> str | None:
    return "paid" if fresh.outstanding is not None and fresh.outstanding.amount <= 0 else None


MAIL = effect(
    monsum.send_by_email,
    slot=lambda both, **_: [Slot(both.source, both.id, "both")],
    fresh=Read(monsum.invoice, must=unpaid, each=lambda both, **_: [both.id, both.other]),
    unless=(Disputed,),
)
ONE = effect(
    monsum.send_by_email, slot=lambda both, **_: [Slot(both.source, both.id, "one")], fresh=Read(monsum.invoice, must=unpaid)
)  # fmt: skip


@workflow("t-both", on=InvoiceCompleted)
def write(run: Run, event: InvoiceCompleted) -> None:
    """Write about the newest invoice and the one before it."""
    ids = run.setting("open", lambda c: [doc.id for doc in open_invoices(c, run.source)])
    if len(ids) < 2:
        run.skip("alone")
    both = Both(source=run.source, id=ids[1], other=ids[0])
    run.effect("mail", MAIL, both, recipient="max@example.com", subject="Rechnungen", message="Beide.")
    run.effect("one", ONE, both, recipient="max@example.com", subject="Rechnung", message="Eine.")


def states(flow: Flow) -> list[tuple[str, str, str | None]]:
    return [(step, state, reason) for step, _, state, reason in flow.effects]


def test_every_object_named_is_read_and_their_common_hash_is_not_that_of_one_alone() -> None:
    with Flow(write) as flow:
        flow.trigger("invoice.completed")
        flow.trigger("invoice.completed")

        hashes = {row["step"]: row["fresh_hash"] for row in flow.rows(EffectRow.__table__.select())}  # type: ignore[attr-defined]
        assert sorted(states(flow)) == [("mail", "done", None), ("one", "done", None)]
        assert hashes["mail"] != hashes["one"]


def test_one_of_several_that_does_not_allow_the_call_forbids_it() -> None:
    with Flow(write) as flow:
        first = flow.trigger("invoice.completed")["invoice_id"]
        left = [lambda: flow.sandbox.trigger("invoice.paid", {"invoice_id": first})]
        flow.runtime.point = lambda name: left.pop()() if name == "intended" and left else None  # type: ignore[assignment,return-value]
        flow.trigger("invoice.completed")

        assert states(flow)[0] == ("mail", "cancelled", "paid")


def test_a_block_on_an_object_that_is_only_read_with_the_others_forbids_the_call() -> None:
    with Flow(write) as flow:
        ids = flow.trigger("invoice.completed")
        flow.signal(Disputed(source="shop", at=flow.clock.now, reason="wrong", **ids))
        flow.trigger("invoice.completed")

        assert ("skipped", "dispute") in [run[2:] for run in flow.runs]


def test_several_invoices_are_read_with_one_call() -> None:
    with Flow(write) as flow:
        flow.trigger("invoice.completed")
        before = len(flow.sandbox.calls)
        flow.trigger("invoice.completed")

        asked = [call.service for call in flow.sandbox.calls[before:]]
        assert asked[: asked.index(SEND) + 1] == ["invoice.get", SEND]


def test_a_missing_one_of_several_is_not_taken_for_the_others() -> None:
    with Flow(write) as flow:
        first = flow.trigger("invoice.completed")["invoice_id"]
        left = [lambda: flow.sandbox.account.invoices.pop(first)]
        flow.runtime.point = lambda name: left.pop()() and None if name == "intended" and left else None  # type: ignore[func-returns-value]
        flow.trigger("invoice.completed")

        assert states(flow)[0] == ("mail", "cancelled", "not_found")


def test_reads_that_take_longer_than_they_count_are_made_again_later_and_people_hear_of_it() -> None:
    with Flow(write) as flow:
        flow.trigger("invoice.completed")
        rounds = iter(range(40))

        def slowly(name: str) -> None:
            if name == "token" and next(rounds, None) is not None:  # a worker that never pauses between them comes to an end too
                flow.clock.pass_(timedelta(seconds=61))

        flow.runtime.point = slowly
        flow.trigger("invoice.completed")
        asked = len(flow.sandbox.calls)
        flow.advance(hours=2)

        assert SEND not in [call.service for call in flow.sandbox.calls]
        assert len(flow.sandbox.calls) - asked < 40
        assert ("mail", "intended", "read_failed: slow") in states(flow)
        assert {row["detail"]["why"] for row in flow.rows(sa.select(table_of(Alert)))} == {"read_failed: slow"}


REMIND = effect(
    monsum.send_by_email,
    slot=lambda both, **_: [Slot(both.source, both.id, "slowly")],
    fresh=Read(
        monsum.reminders, must=lambda fresh, both, **_: None, each=lambda both, **_: [both.id, both.other, str(int(both.other) - 1)]
    ),
)


@workflow("t-slowly", on=InvoiceCompleted)
def slowly(run: Run, event: InvoiceCompleted) -> None:
    """Look three times, then write about it and about the two before it."""
    for place in range(3):
        run.read(f"look {place}", monsum.invoice, event.invoice_id)
    both = Both(source=run.source, id=event.invoice_id, other=str(int(event.invoice_id) - 1))
    run.effect("mail", REMIND, both, recipient="max@example.com", subject="Rechnung", message="Eine.")


class Slow:
    """A wire that becomes slow: then a request takes 14 s, and what an idle worker may take at its end is noted in `taken`."""

    def __init__(self, sandbox: MonsumSandbox) -> None:
        self.inner, self.taken, self.flow = LocalTransport(sandbox), list[str](), cast(Flow, None)

    def send(self, ask: Ask, **said: Any) -> Answer:
        answer = self.inner.send(ask, **said)
        if self.flow is not None:
            self.flow.clock.pass_(timedelta(seconds=14))
            now = self.flow.clock.now
            with self.flow.db.read() as connection:
                self.taken += claims.claimable(connection, business=now, machine=now, limit=9)
        return answer


def slow_flow() -> tuple[Flow, Slow]:
    wires: list[Slow] = []

    def wire(sandbox: MonsumSandbox) -> Slow:
        wires.append(Slow(sandbox))
        return wires[0]

    return Flow(slowly, wire=wire, strict=False, mode="observe"), wires[0]


def test_a_run_that_reads_longer_than_its_lease_is_nobody_elses_to_take() -> None:
    flow, wire = slow_flow()
    with flow:
        flow.trigger("invoice.completed")
        flow.trigger("invoice.completed")
        flow.runtime.policies = {"t-slowly": {"mode": "auto"}}
        wire.flow = flow
        flow.trigger("invoice.completed")

        assert states(flow) == [("mail", "done", None)]
        assert wire.taken == []
