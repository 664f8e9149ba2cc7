"""The timeline: what is a row and what is none."""

from decimal import Decimal

from tests.workers.simulate.conftest import HEAD, OBJECTS, Read
from workers.authoring import Daily, InvoiceCompleted, InvoicePaid, Run, Tick, workflow
from workers.operator import Order
from workers.registry import REGISTRY
from workers.simulate.account import fill
from workers.simulate.play import play
from workers.simulate.stage import Stage
from workers.simulate.timeline import rows

OLD = """[[invoice]]
id = "OLD"
customer = "501"
total = "70.00"
date = 2026-10-01
"""
TOLD = """[policy.t-invoice]
mode = "auto"
[policy.t-of-customer]
mode = "auto"
"""
PAID = """[[happens]]
at = 2026-11-20T10:00:00
what = "payment"
invoice = "A"
"""


@workflow("t-invoice", on=InvoicePaid, key=lambda event: f"invoice:{event.invoice_id}")
def about_invoices(run: Run, event: InvoicePaid) -> None:
    """Tells what it saw, and acts on nothing."""
    run.alert("too much", "too_much", left=Decimal("12.50"), days=3)
    run.skip("nothing_to_do")


@workflow("t-of-customer", on=InvoiceCompleted, key=lambda event: f"customer:{event.customer_id}")
def about_customers(run: Run, event: InvoiceCompleted) -> None:
    """Asks a person."""
    run.task("look", "look", customer="501", rules=["gold", "paper"])
    run.skip("nothing_to_do")


@workflow("t-look", on=Daily("09:00"))
def looks_at_all(run: Run, event: Tick) -> None:
    """Tells of one of all customers."""
    run.alert("low", "low", customer="777")


def test_skips_and_alerts_show_the_bare_id_of_what_they_are_about(read: Read) -> None:
    told = [row for row in play(read(HEAD + TOLD + OBJECTS + PAID)) if row.workflow.startswith("t-")]

    assert [(row.workflow, row.key, row.kind, row.name) for row in told] == [
        ("t-of-customer", "501", "skip", "run"),
        ("t-of-customer", "501", "alert", "task"),
        ("t-look", "777", "alert", "alert"),
        ("t-invoice", "A", "skip", "run"),
        ("t-invoice", "A", "alert", "alert"),
    ]


def test_the_figures_of_an_alert_are_its_details_as_text(read: Read) -> None:
    told = {row.name: row.figures for row in play(read(HEAD + TOLD + OBJECTS + PAID)) if row.kind == "alert" and row.key in ("501", "A")}

    assert told == {"alert": {"left": "12.50", "days": "3"}, "task": {"rules": "gold, paper"}}


def test_what_was_only_observed_is_told_as_observed(read: Read) -> None:
    told = play(read(HEAD.replace('"auto"', '"observe"') + OBJECTS))

    assert [(row.name, row.state) for row in told if row.kind == "effect"] == [("invoice.sendbyemail", "observed")]


def test_what_was_there_before_the_start_and_looks_that_find_nothing_are_no_rows(read: Read) -> None:
    told = play(read(HEAD + OBJECTS + OLD))

    assert {row.key for row in told} == {"A"}
    assert {row.workflow for row in told} == {"", "auto-send"}


def test_an_order_that_is_refused_is_a_row(read: Read) -> None:
    said = read(HEAD + OBJECTS)

    with Stage(said, REGISTRY) as stage:
        fill(stage)
        stage.at(said.instant(said.start), lambda: stage.order(Order(act="approve", subject="no-such-effect")))
        stage.perform()
        with stage.flow.db.read() as connection:
            told = rows(connection, "shop", said.tz)

    assert [(row.name, row.state) for row in told if row.kind == "alert"] == [("operator.approve", "refused")]
    assert "There is no effect no-such-effect" in next(row.reason for row in told if row.kind == "alert")
