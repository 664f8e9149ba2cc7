"""What is called is what was planned and approved, and it is on the ledger before the provider is asked."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.letters import MAIL, Capped, act, effect_row, keyed, mail, times
from workers import chain, ledger
from workers.authoring import InvoiceCompleted, Run, monsum, workflow
from workers.chain import EffectLog, Head, OutsideHead
from workers.desk import Alert, Parked
from workers.ledger import EffectRow
from workers.testing.flow import START, Flow

SEND, PAID = "invoice.sendbyemail", "invoice.setpaid"
WORDS = {"subject": "Ihre Rechnung"}


@workflow("t-worded", on=InvoiceCompleted, policy=Capped)
def worded(run: Run, event: InvoiceCompleted) -> None:
    """Builds its request anew at every look."""
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.effect("act", MAIL, invoice, recipient="max@example.com", subject=WORDS["subject"], message="Anbei.")


def change_request(flow: Flow, **said: Any) -> None:
    """Somebody writes to the database by hand."""
    request = effect_row(flow)["request"] | said
    flow.db.write(lambda c: c.execute(sa.update(table_of(EffectRow)).values(request=request)))


def planned_by_other_code(flow: Flow) -> None:
    """The effect was planned when its service took another request."""
    row, request = effect_row(flow), {"number": "R-1"}
    values = {"request": request, "request_hash": ledger.hash_of(row["service"], request)}
    flow.db.write(lambda c: c.execute(sa.update(table_of(EffectRow)).values(values)))


def watch_plan(flow: Flow) -> None:
    """Let the database keep a row in `plan_set` for every statement that sets a column of an effect's plan."""
    columns = ", ".join(sorted(ledger.PLANNED))
    trigger = f"CREATE TRIGGER plan AFTER UPDATE OF {columns} ON effect BEGIN INSERT INTO plan_set VALUES (new.id); END"
    flow.db.write(lambda c: (c.exec_driver_sql("CREATE TABLE plan_set (id TEXT)"), c.exec_driver_sql(trigger)))


def test_the_call_is_on_the_ledger_and_its_head_outside_before_the_provider_is_asked(database: Database, tmp_path: Path) -> None:
    seen: list[tuple[str, str, list[Head]]] = []
    with Flow(mail, database=database) as flow, closing(OutsideHead(tmp_path, "one")) as head:
        flow.runtime.head, handle = head, flow.sandbox.handle

        def watched(body: bytes, auth: tuple[str, str] | None) -> Any:
            if SEND.encode() in body:
                with closing(Database(database.url)) as other, other.read() as connection:
                    state = connection.execute(sa.select(table_of(EffectRow).c.state)).scalar_one()
                    last = connection.execute(sa.select(table_of(EffectLog)).order_by(table_of(EffectLog).c.seq.desc())).mappings().first()
                assert last is not None
                seen.append((state, last["after"], [found for found in chain.heads_outside(tmp_path) if found.hash == last["hash"]]))
            return handle(body, auth)

        flow.sandbox.handle = watched  # type: ignore[method-assign]
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        assert [(state, after, len(heads)) for state, after, heads in seen] == [("calling", "calling", 1)]


def test_what_was_approved_is_called_even_where_the_code_would_build_something_else_by_now(monkeypatch: pytest.MonkeyPatch) -> None:
    with Flow(worded, mode="propose") as flow:
        flow.trigger("invoice.completed")
        approved = effect_row(flow)

        monkeypatch.setitem(WORDS, "subject", "Letzte Mahnung")
        flow.order("approve", approved["id"])

        row = effect_row(flow)
        assert [letter["subject"] for letter in flow.sandbox.sent] == ["Ihre Rechnung"]
        assert (row["state"], row["request"], row["request_hash"]) == ("done", approved["request"], approved["request_hash"])


def test_nothing_that_happens_to_an_effect_sets_its_plan() -> None:
    with Flow(mail, mode="propose") as flow:
        watch_plan(flow)
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.sandbox.faults.add("unavailable", "invoice.get", times=2)
        flow.sandbox.faults.add("refuse", SEND)
        flow.sandbox.faults.add("drop", SEND)
        flow.order("approve", effect_row(flow)["id"])
        flow.advance(minutes=10)
        unknown = act(flow)[0]
        flow.order("resolve", effect_row(flow)["id"], did=True)
        flow.order("resend", effect_row(flow)["id"], reason="lost")
        flow.order("approve", effect_row(flow, 1)["id"])

        assert unknown == "unknown"
        assert [state for _, _, state, _ in flow.effects] == ["done", "done"]
        assert flow.rows(sa.select(sa.text("* FROM plan_set"))) == []


def test_a_move_that_would_set_the_plan_is_refused() -> None:
    with Flow(mail, mode="propose") as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        row = effect_row(flow)

        for name in ledger.PLANNED:
            changed: dict[str, Any] = {name: row[name]}
            with pytest.raises(ValueError, match=name):
                flow.db.write(lambda c, changed=changed: ledger.move(c, row["id"], "approved", since=["proposed"], at=START, **changed))

        assert act(flow) == ("proposed", "mode_propose")


def test_a_request_changed_after_its_approval_is_not_called_and_people_are_told() -> None:
    with Flow(mail, mode="propose") as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.sandbox.faults.add("refuse", SEND)
        flow.order("approve", effect_row(flow)["id"])

        change_request(flow, subject="Letzte Mahnung")
        flow.advance(minutes=10)

        assert act(flow) == ("cancelled", "request_changed")
        assert times(flow, SEND) == 0
        assert [row["reason"] for row in flow.rows(sa.select(table_of(Alert)))] == ["request_changed"]


def test_a_request_changed_after_its_call_is_not_repeated_under_the_providers_key() -> None:
    with Flow(keyed) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("error-before", PAID)
        flow.advance(minutes=5)

        change_request(flow, paid_date="2026-01-01")
        flow.advance(minutes=10)

        assert act(flow)[0] == "unknown"
        assert sum(1 for call in flow.sandbox.calls if call.service == PAID) == 1
        (parked,) = flow.rows(sa.select(table_of(Parked)))
        assert parked["reason"] == "its stored request is not the one that was planned"


@pytest.mark.parametrize(("chosen", "service", "fault"), [(mail, SEND, "refuse"), (keyed, PAID, "error-before")])
def test_a_request_that_todays_code_cannot_read_is_not_called_and_its_run_waits_for_the_code(chosen: Any, service: str, fault: str) -> None:
    with Flow(chosen) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add(fault, service)
        flow.advance(minutes=5)
        before, asked = act(flow)[0], sum(call.service == service for call in flow.sandbox.calls)

        planned_by_other_code(flow)
        flow.advance(minutes=10)

        assert act(flow)[0] == before
        assert sum(call.service == service for call in flow.sandbox.calls) == asked
        assert flow.runs[0][2] == "parked"
        (parked,) = flow.rows(sa.select(table_of(Parked)))
        assert (parked["kind"], parked["detail"]["step"], parked["detail"]["was"]) == ("diverged", "act", f"a request of {service}")
        assert "invoice_id" in parked["detail"]["now"]
