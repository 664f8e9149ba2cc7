"""What an author gets wrong inside a workflow is put before people with the step, the file and the way out, and nothing is planned."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from receiver.money import Money
from tests.workers.letters import MAIL, completed, slots
from workers.authoring import InvoiceCompleted, Read, Run, Slot, effect, monsum, workflow
from workers.desk import Parked, Task
from workers.testing.flow import Flow

ACT: list[Callable[[Run, Any], None]] = []
FRESH = Read(monsum.invoice, must=completed)
OF_CUSTOMER = Read(monsum.customer, must=lambda doc, obj, **_: None)
PHONE = {"phone": "1"}
SAID: dict[str, Any] = {"recipient": "a@example.com", "subject": "x", "message": "y"}


@workflow("t-mistaken", on=InvoiceCompleted)
def mistaken(run: Run, event: InvoiceCompleted) -> None:
    ACT[0](run, run.read("invoice", monsum.invoice, event.invoice_id))


def refuse_all(doc: Any, obj: Any) -> str | None:
    """Takes no arguments of the effect."""
    return None


def parked(act: Callable[[Run, Any], None]) -> dict[str, Any]:
    """The one item the mistake came to, with no effect planned."""
    ACT[:] = [act]
    with Flow(mistaken) as flow:
        flow.trigger("invoice.completed")
        flow.advance(hours=3)
        assert flow.effects == []
        (item,) = flow.rows(sa.select(table_of(Parked)))
        return dict(item)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (
            lambda run, i: run.effect("mail", effect(monsum.send_by_email, slot=lambda i, **_: [], fresh=FRESH), i, **SAID),
            'slot= of effect "mail"',
        ),
        (
            lambda run, i: run.effect("mail", effect(monsum.send_by_email, slot=lambda i: [Slot("s", i.id, "x")], fresh=FRESH), i, **SAID),
            "slot=",
        ),
        (lambda run, i: run.effect("mail", MAIL, i, **SAID, colour="red"), 'effect "mail" (invoice.sendbyemail) cannot be made'),
        (lambda run, i: run.effect("mail", MAIL, i, recipient="a@example.com"), 'effect "mail" (invoice.sendbyemail) cannot be made'),
        (
            lambda run, i: run.effect(
                "mail", effect(monsum.send_by_email, slot=slots("send"), fresh=Read(monsum.invoice, must=refuse_all)), i, **SAID
            ),
            'must= of effect "mail"',
        ),
        (
            lambda run, i: run.effect("note", effect(monsum.update_customer, slot=slots("note"), fresh=OF_CUSTOMER), i, fields=PHONE),
            'effect "note" (customer.update) changes one customer and is given the document of one invoice (InvoiceDoc)',
        ),
        (lambda run, i: run.setting("odd", lambda c: {1, 2}), 'The setting "odd" is no JSON value'),
        (lambda run, i: run.sleep_until(run.now().replace(tzinfo=None), "rest"), '"rest" waits for a time without zone'),
        (lambda run, i: run.alert("shout", "odd", thing=object()), 'What "shout" tells is no plain data'),
        (lambda run, i: run.step("make", object), 'The result of step "make"'),
    ],
)
def test_a_mistake_is_named_with_its_step_and_file_at_once(act: Callable[[Run, Any], None], said: str) -> None:
    item = parked(act)

    assert (item["kind"], said in item["reason"]) == ("failed", True), item["reason"]
    assert item["detail"]["file"].endswith("test_mistakes.py")


def test_a_bug_is_named_with_the_authors_line_and_the_step_it_came_after() -> None:
    item = parked(lambda run, i: [][1])

    assert "IndexError in workflow t-mistaken, test_mistakes.py:" in item["reason"]
    assert item["reason"].endswith('at or after step "invoice"')
    assert "test_mistakes.py" in item["detail"]["traceback"]


@pytest.mark.parametrize(
    ("act", "named"),
    [(lambda run, i: run.skp("typo"), "AttributeError (no skp)"), (lambda run, i: tpyo(), "NameError (no tpyo)")],  # noqa: F821
)
def test_a_name_that_nothing_has_is_said(act: Callable[[Run, Any], None], named: str) -> None:
    assert f"{named} in workflow t-mistaken, test_mistakes.py:" in parked(act)["reason"]


@pytest.mark.parametrize("answer", [True, False, 5])
def test_a_must_that_gives_no_reason_calls_nothing_and_is_named(answer: Any) -> None:
    chosen = effect(monsum.send_by_email, slot=slots("send"), fresh=Read(monsum.invoice, must=lambda doc, obj, **_: answer))
    ACT[:] = [lambda run, i: run.effect("mail", chosen, i, **SAID)]
    with Flow(mistaken) as flow:
        flow.trigger("invoice.completed")

        (item,) = flow.rows(sa.select(table_of(Parked)))
        assert (flow.calls, item["kind"]) == ([], "failed")
        assert f'must= of effect "mail" (invoice.sendbyemail) gives {type(answer).__name__}: return the reason' in item["reason"]


def test_people_may_be_told_amounts_and_dates() -> None:
    ACT[:] = [lambda run, i: run.task("call", "call_them", total=Money(Decimal("12.50"), "EUR"), on=run.now())]
    with Flow(mistaken) as flow:
        flow.trigger("invoice.completed")

        (task,) = flow.rows(sa.select(table_of(Task)))
        assert task["detail"]["total"] == {"amount": "12.50", "currency": "EUR"}


def test_a_setting_is_the_same_value_in_the_first_activation_and_in_a_replay() -> None:
    seen: list[Any] = []

    def act(run: Run, invoice: Any) -> None:
        seen.append(run.setting("pair", lambda c: (1, 2)))
        run.sleep_until(run.now() + timedelta(minutes=5), "rest")

    ACT[:] = [act]
    with Flow(mistaken, strict=False) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

    assert seen == [[1, 2], [1, 2]]
