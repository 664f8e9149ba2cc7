"""An answer is kept, or a person is asked: what a provider answers in texts no database takes is not asked of it again."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.letters import KEYED_SERVICE, act, keyed, pay
from workers.authoring import InvoiceCompleted, Read, Run, Slot, effect, monsum, workflow
from workers.desk import Parked
from workers.ledger import EffectRow
from workers.providers.http import Answer, Ask
from workers.providers.service import MASKED
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.transport import LocalTransport
from workers.schema import METADATA
from workers.testing.actors import WorkerLost
from workers.testing.flow import Flow

SETTLE = "invoice.setpaid"
TOO_LONG = {"STATUS": "success", "INVOICE_NUMBER": "9" * 200}
LINK = effect(monsum.create_secure_link, slot=lambda c: [Slot(c.source, c.id, "link")], fresh=Read(monsum.customer, must=lambda *_: None))


@workflow("t-linked", on=InvoiceCompleted)
def linked(run: Run, event: InvoiceCompleted) -> None:
    run.effect("link", LINK, run.read("customer", monsum.customer, event.customer_id or ""))


class Wire(LocalTransport):
    """Answers a payment itself, and counts how often it was asked to."""

    def __init__(self, sandbox: MonsumSandbox, said: dict[str, Any], *, acts: bool) -> None:
        super().__init__(sandbox)
        self.said, self.acts, self.times = json.dumps({"REQUEST": {"SERVICE": SETTLE}, "RESPONSE": said}).encode(), acts, 0

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer:
        if f'"{SETTLE}"'.encode() not in ask.body:
            return super().send(ask, before_write=before_write, started=started)
        self.times += 1
        if self.acts:
            super().send(ask, before_write=before_write, started=started)
        return Answer(status=200, body=self.said)


def answered(workflow: Callable[..., None], said: dict[str, Any], *, acts: bool, database: Database) -> tuple[Flow, Wire]:
    wires: list[Wire] = []

    def wire(sandbox: MonsumSandbox) -> Wire:
        wires.append(Wire(sandbox, said, acts=acts))
        return wires[0]

    return Flow(workflow, wire=wire, database=database), wires[0]


def parked(flow: Flow) -> list[tuple[str, str]]:
    table = table_of(Parked)
    return [(row["kind"], row["reason"]) for row in flow.rows(sa.select(table).where(table.c.closed_at.is_(None)))]


@pytest.mark.parametrize("broken", ["\u0000", "\ud800"])
def test_a_refusal_in_a_text_no_database_takes_is_kept_and_not_asked_again(broken: str, database: Database) -> None:
    flow, wire = answered(pay, {"ERRORS": [f"not{broken}this one"]}, acts=False, database=database)
    with flow:
        flow.trigger("invoice.completed")
        flow.advance(hours=2)

        assert (act(flow), wire.times) == (("rejected", "not\N{REPLACEMENT CHARACTER}this one"), 1)
        assert parked(flow) == [("rejected", "not\N{REPLACEMENT CHARACTER}this one")]


def test_a_success_in_a_text_no_database_takes_is_done_once(database: Database) -> None:
    flow, wire = answered(pay, {"STATUS": "success", "INVOICE_NUMBER": "2026\u00001"}, acts=True, database=database)
    with flow:
        flow.trigger("invoice.completed")
        flow.advance(hours=2)

        assert (act(flow), wire.times, parked(flow)) == (("done", None), 1, [])


@pytest.mark.parametrize("workflow", [pay, keyed])
def test_an_answer_that_cannot_be_kept_at_all_is_put_before_a_person_and_never_asked_for_again(
    workflow: Callable[..., None], postgres_database: Database
) -> None:
    assert KEYED_SERVICE.name == SETTLE
    flow, wire = answered(workflow, TOO_LONG, acts=False, database=postgres_database)
    with flow:
        flow.trigger("invoice.completed")
        flow.advance(hours=2)

        assert (act(flow), wire.times) == (("unknown", "answer_not_kept"), 1)
        assert parked(flow) == [("unknown", "the provider answered (done), and its answer cannot be kept")]


@pytest.mark.parametrize("workflow", [pay, keyed])
def test_a_worker_lost_before_it_asked_a_person_leaves_that_to_the_next_one(
    workflow: Callable[..., None], postgres_database: Database
) -> None:
    def lose(point: str) -> None:
        if point == "not-kept":
            raise WorkerLost

    flow, wire = answered(workflow, TOO_LONG, acts=False, database=postgres_database)
    with flow:
        flow.point = lose
        flow.trigger("invoice.completed")
        flow.advance(hours=2)

        assert (act(flow), wire.times) == (("unknown", "answer_not_kept"), 1)
        assert parked(flow) == [("unknown", "the provider's answer could not be kept")]


def test_a_person_settles_the_effect_whose_answer_could_not_be_kept(postgres_database: Database) -> None:
    flow, wire = answered(pay, TOO_LONG, acts=False, database=postgres_database)
    with flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        flow.order("resolve", flow.ids("unknown")[0], did=True)
        flow.advance(minutes=10)

        assert (act(flow), wire.times, parked(flow), flow.runs[0][2]) == (("done", "operator_did"), 1, [], "done")


def test_a_link_that_lets_somebody_in_is_in_no_table(database: Database) -> None:
    with Flow(linked, database=database) as flow:
        flow.trigger("invoice.completed")

        (row,) = flow.rows(sa.select(table_of(EffectRow)))
        (call,) = [call for call in flow.sandbox.calls if call.service == monsum.create_secure_link.name]
        assert (row["state"], row["reply"]) == ("done", {"accountdata_url": MASKED, "dashboard_url": MASKED}) and call.acted
        whole = "".join(str(flow.rows(sa.select(table))) for table in METADATA.sorted_tables if table.name != "delivery")
        assert f"/dashboard/{flow.sandbox.account.hash}" not in whole and f"/accountdata/{flow.sandbox.account.hash}" not in whole
