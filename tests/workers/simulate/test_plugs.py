"""What a workflow adds to a simulation: lines in place of its effects' rows, figures, happenings and tables of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.errors import SettingsInvalid
from tests.workers.letters import MAIL_UNCAPPED
from tests.workers.simulate.conftest import OBJECTS, Read
from workers.authoring import (
    Event,
    InvoiceCompleted,
    InvoicePaid,
    Line,
    Run,
    SendStopped,
    WorkflowInvalid,
    happening,
    monsum,
    scenario_table,
    timeline,
    untold,
    workflow,
)
from workers.ledger import EffectRow
from workers.loading import load_folders
from workers.simulate import plugs
from workers.simulate.play import play

HEAD = """start = 2026-11-20T08:00:00
until = 2026-11-20T18:00:00
[policy.t-simulated]
mode = "auto"
"""
NINE = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
AS_SIGNAL = ('invoice = "A"\nreason = "no"', 'fields = { invoice_id = "A", customer_id = "501" }')
PAID = '[[happens]]\nat = 2026-11-20T09:00:00\nwhat = "payment"\ninvoice = "{}"\n'
STOP = '[[happens]]\nat = 2026-11-20T08:02:00\nwhat = "halt"\ninvoice = "A"\nreason = "no"\n'


@dataclass
class Figures:
    """What is demanded."""

    total: Decimal
    deadline: date


def demanded(total: Decimal) -> Figures:
    return Figures(total=total + Decimal("4.690"), deadline=date(2026, 12, 1))


@workflow("t-simulated", on=InvoiceCompleted, cancel_on=(SendStopped,))
def simulated(run: Run, event: InvoiceCompleted) -> None:
    """Write after five minutes."""
    run.sleep_until(event.at + timedelta(minutes=5))
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    assert invoice.total is not None
    run.step("mail figures", demanded, invoice.total.amount)
    run.effect("mail", MAIL_UNCAPPED, invoice, recipient="max@muster.de", subject="Ihre Rechnung", message="Anbei.")


@workflow("t-shrugs", on=InvoicePaid, key=lambda event: f"invoice:{event.invoice_id}")
def shrugs(run: Run, event: InvoicePaid) -> None:
    """Has nothing to do with invoice A, and comes too late for any other."""
    run.skip("not_ours" if event.invoice_id == "A" else "too_late")


@pytest.fixture(autouse=True)
def _registers() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    load_folders()  # what the shipped workflows register stays
    kept = [(register, dict(register)) for register in (plugs.LINES, plugs.HAPPENINGS, plugs.TABLES, plugs.NO_ROWS)]
    yield
    for register, before in kept:
        register.clear()
        register.update(before)  # type: ignore[arg-type]


def test_the_figures_of_an_effect_are_those_of_the_step_called_after_it(read: Read) -> None:
    rows = play(read(HEAD + OBJECTS))

    assert [(row.at, row.figures) for row in rows if row.kind == "effect"] == [
        ("2026-11-20T08:05:00", {"total": "123.690", "deadline": "2026-12-01"})
    ]


def test_lines_with_an_effect_stand_in_place_of_its_row(read: Read) -> None:
    @timeline("t-simulated")
    def lines(connection: Connection, source: str) -> list[Line]:
        ids = connection.execute(sa.select(table_of(EffectRow).c.id)).scalars().all()
        told = [Line(effect=id, key="A", name=name, figures={"level": name[1]}) for id in ids for name in ("L0", "L1")]
        return [*told, Line(at=NINE, key="A", kind="claim", name="flat", figures={"flat": Decimal("40.00")})]

    rows = [row for row in play(read(HEAD + OBJECTS)) if row.workflow]

    assert [(row.at, row.kind, row.name, row.state, row.figures) for row in rows] == [
        ("2026-11-20T08:05:00", "effect", "L0", "done", {"level": "0"}),
        ("2026-11-20T08:05:00", "effect", "L1", "done", {"level": "1"}),
        ("2026-11-20T09:00:00", "claim", "flat", "", {"flat": "40.00"}),
    ]


def test_a_skip_that_was_none_of_its_business_is_no_row(read: Read) -> None:
    untold("t-shrugs", "not_ours")
    untold("t-shrugs", "another_reason")

    another = OBJECTS[OBJECTS.index("[[invoice]]") :].replace('"A"', '"B"')
    rows = play(read(HEAD + OBJECTS + another + "".join(PAID.format(id) for id in "AB")))

    assert [(row.key, row.kind, row.reason) for row in rows if row.workflow == "t-shrugs"] == [("B", "skip", "too_late")]


def test_a_run_that_a_person_ended_is_a_row_whatever_its_reason(read: Read) -> None:
    untold("t-simulated", "send.stopped")

    rows = play(read(HEAD + OBJECTS + STOP.replace('"halt"', '"signal"\nevent = "send.stopped"').replace(*AS_SIGNAL)))

    assert [(row.state, row.reason) for row in rows if row.kind == "skip"] == [("cancelled", "send.stopped")]


def test_a_happening_of_a_workflow_gives_its_event(read: Read) -> None:
    @happening("halt", needs=("invoice",), may=("reason",))
    def halt(said: Mapping[str, Any], source: str, at: datetime) -> Event:
        return SendStopped(source=source, at=at, invoice_id=said["invoice"], customer_id=said["customer"], reason=said["reason"])

    rows = play(read(HEAD + OBJECTS + STOP))

    assert [(row.at, row.kind, row.reason) for row in rows[1:]] == [
        ("2026-11-20T08:02:00", "state", "no"),
        ("2026-11-20T08:02:00", "skip", "send.stopped"),
    ]


def test_a_happening_of_a_workflow_says_what_it_needs(read: Read) -> None:
    @happening("halt", needs=("customer",))
    def halt(said: Mapping[str, Any], source: str, at: datetime) -> list[Event]:
        return []

    with pytest.raises(SettingsInvalid) as error:
        read(HEAD + OBJECTS + STOP)

    assert "happens 1, customer: halt needs it" in str(error.value)


def test_an_invoice_that_was_sent_is_said_to_be_by_a_person(read: Read) -> None:
    rows = play(read(HEAD + OBJECTS + "sent = 2026-11-20\n"))

    assert [(row.at, row.key) for row in rows if row.name == "invoice.sent"] == [("2026-11-20T08:00:00", "A")]


def test_a_table_stands_for_settings_of_the_workflows_that_take_part(read: Read) -> None:
    @scenario_table("prices")
    def prices(table: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        return {"t-simulated": {"mode": "propose"}, "auto-send": {"mode": "auto"}}

    said = read(HEAD + '[prices.DE]\nA = "1.27"\n')

    assert said.policy == {"t-simulated": {"mode": "propose"}}


def test_a_table_that_stands_for_a_wrong_setting_is_refused_at_its_line(read: Read) -> None:
    @scenario_table("prices")
    def prices(table: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        return {"t-simulated": {"mode": table["DE"]["A"]}}

    with pytest.raises(SettingsInvalid) as error:
        read(HEAD + '[prices.DE]\nA = "1.27"\n')

    assert "prices.DE" in str(error.value)
    assert f"line {HEAD.count(chr(10)) + 1} " in str(error.value)


def test_a_table_that_is_a_value_is_refused(read: Read) -> None:
    @scenario_table("prices")
    def prices(table: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        return {}

    with pytest.raises(SettingsInvalid, match=r"write tables such as \[prices.DE\]"):
        read('prices = "1.27"\n' + HEAD)


def test_two_functions_of_one_name_are_refused_and_one_loaded_twice_is_not() -> None:
    def first(connection: Connection, source: str) -> list[Line]:
        return []

    def second(connection: Connection, source: str) -> list[Line]:
        return []

    timeline("t-simulated")(first)
    timeline("t-simulated")(first)

    with pytest.raises(WorkflowInvalid, match="rename one"):
        timeline("t-simulated")(second)


def test_a_function_that_does_not_take_its_arguments_is_refused() -> None:
    with pytest.raises(WorkflowInvalid, match="takes 2 arguments"):
        timeline("t-simulated")(lambda connection: [])  # type: ignore[arg-type,misc]
