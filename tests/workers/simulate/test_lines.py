"""Figures that are Lines: one effect is told by several rows."""

from tests.workers.letters import MAIL_UNCAPPED
from tests.workers.simulate.conftest import OBJECTS, Read
from workers.authoring import InvoiceCompleted, Line, Run, monsum, workflow
from workers.simulate.play import play

HEAD = """start = 2026-11-20T08:00:00
until = 2026-11-20T18:00:00
[policy.t-lines]
mode = "auto"
"""


def two_lines() -> list[Line]:
    return [Line(key="A", name="L0", reason="late", figures={"total": "119.00"}), Line(key="B", name="L1")]


@workflow("t-lines", on=InvoiceCompleted)
def with_lines(run: Run, event: InvoiceCompleted) -> None:
    """One mail about two things."""
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.step("mail figures", two_lines)
    run.effect("mail", MAIL_UNCAPPED, invoice, recipient="max@muster.de", subject="Ihre Rechnung", message="Anbei.")


def test_a_step_of_figures_that_gives_lines_makes_a_row_of_each(read: Read) -> None:
    rows = play(read(HEAD + OBJECTS))

    assert [(row.at, row.key, row.name, row.state, row.reason, row.figures) for row in rows if row.kind == "effect"] == [
        ("2026-11-20T08:00:00", "A", "L0", "done", "late", {"total": "119.00"}),
        ("2026-11-20T08:00:00", "B", "L1", "done", "", {}),
    ]


def test_lines_of_what_is_only_observed_are_rows_too(read: Read) -> None:
    rows = play(read(HEAD.replace('"auto"', '"observe"') + OBJECTS))

    assert [(row.key, row.name, row.state) for row in rows if row.kind == "effect"] == [("A", "L0", "observed"), ("B", "L1", "observed")]
