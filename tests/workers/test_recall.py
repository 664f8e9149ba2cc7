"""Recall: code that does not fit a live run's journal quarantines the run, whatever the change, and guesses nothing."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from receiver.db import table_of
from tests.workers.letters import MAIL_UNCAPPED, PAY, times
from workers.authoring import EffectCancelled, InvoiceChanged, InvoiceCompleted, NotFound, Run, SendStopped, monsum, workflow
from workers.desk import Parked
from workers.registry import Registry
from workers.runs import RunRow
from workers.testing.flow import Flow

MADE: list[str] = []
SAID = {"recipient": "max@example.com", "subject": "Ihre Rechnung", "message": "Anbei."}


class Tone(BaseModel):
    """How to write."""

    tone: str = "friendly"


def make(what: str) -> str:
    MADE.append(what)
    return what


@workflow("t-recall", on=InvoiceCompleted, policy=Tone)
def recalled(run: Run, event: InvoiceCompleted) -> None:
    """Two steps, a wait that is over, two rounds, then a wait that is not."""
    run.step("a", make, "a")
    run.step("b", make, "b")
    run.wait_for(InvoiceChanged, until=event.at, name="pause")
    for number in range(2):
        run.step(f"round {number}", make, f"round {number}")
    run.wait_for(SendStopped, name="stop")
    run.step("end", make, run.policy().tone)


@workflow("t-recall-effect", on=InvoiceCompleted)
def mailed(run: Run, event: InvoiceCompleted) -> None:
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.effect("mail", MAIL_UNCAPPED, invoice, **SAID)


def deploy(flow: Flow, fn: Callable[[Run, Any], None]) -> None:
    """Other code under the same name."""
    (old,) = flow.runtime.registry.all()
    made = type(old)(name=old.name, fn=fn, on=old.on, key=old.key, cancel_on=old.cancel_on, policy=old.policy, file=__file__)
    flow.runtime.registry = Registry([made])


def quarantined(flow: Flow) -> dict[str, str]:
    """What the one open item says; the run is parked with it."""
    (item,) = flow.rows(sa.select(table_of(Parked)).where(table_of(Parked).c.closed_at.is_(None)))
    assert (flow.runs[0][2], item["kind"]) == ("parked", "diverged")
    return dict(item["detail"])


def removed(run: Run, event: InvoiceCompleted) -> None:
    run.step("b", make, "b")
    run.wait_for(SendStopped, name="stop")


def renamed(run: Run, event: InvoiceCompleted) -> None:
    run.step("a", make, "a")
    run.step("b2", make, "b2")
    run.wait_for(SendStopped, name="stop")


def added(run: Run, event: InvoiceCompleted) -> None:
    run.step("a", make, "a")
    run.step("new", make, "new")
    recalled_from_b(run, event)


def recalled_from_b(run: Run, event: InvoiceCompleted) -> None:
    run.step("b", make, "b")
    run.wait_for(InvoiceChanged, until=event.at, name="pause")


def swapped(run: Run, event: InvoiceCompleted) -> None:
    run.step("b", make, "b")
    run.step("a", make, "a")


def kind_changed(run: Run, event: InvoiceCompleted) -> None:
    run.sleep_until(event.at, name="a")


def wait_removed(run: Run, event: InvoiceCompleted) -> None:
    run.step("a", make, "a")
    run.step("b", make, "b")
    run.step("round 0", make, "round 0")
    run.step("round 1", make, "round 1")


def fewer_rounds(run: Run, event: InvoiceCompleted) -> None:
    run.step("a", make, "a")
    recalled_from_b(run, event)
    run.step("round 0", make, "round 0")
    run.wait_for(SendStopped, name="stop")


def skipping(run: Run, event: InvoiceCompleted) -> None:
    run.step("a", make, "a")
    run.skip("no longer wanted")


def swallowing(run: Run, event: InvoiceCompleted) -> None:
    try:
        run.step("new", make, "new")
    except Exception:
        MADE.append("swallowed")
    recalled(run, event)


def swallowing_all(run: Run, event: InvoiceCompleted) -> None:
    with suppress(BaseException):
        run.step("new", make, "new")
    recalled(run, event)


@pytest.mark.parametrize(
    ("fn", "step", "was", "now"),
    [
        (removed, "a", "step", 'step "b"'),
        (renamed, "b", "step", 'step "b2"'),
        (added, "b", "step", 'step "new"'),
        (swapped, "a", "step", 'step "b"'),
        (kind_changed, "a", "step", 'sleep "a"'),
        (wait_removed, "pause", "wait", 'step "round 0"'),
        (fewer_rounds, "round 1", "step", 'wait "stop"'),
        (skipping, "b", "step", "skip"),
        (swallowing, "a", "step", 'step "new"'),
        (swallowing_all, "a", "step", 'step "new"'),
    ],
)
def test_code_that_does_not_fit_quarantines_the_run_and_right_code_goes_on_with_it(
    fn: Callable[..., None], step: str, was: str, now: str
) -> None:
    with Flow(recalled, strict=False) as flow:
        ids = flow.trigger("invoice.completed")
        MADE.clear()
        deploy(flow, fn)
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))

        assert quarantined(flow) == {"step": step, "was": was, "now": now, "file": __file__}
        assert MADE == []

        deploy(flow, recalled)
        flow.order("retry", str(flow.rows(sa.select(table_of(RunRow).c.id))[0]["id"]))

        assert (flow.runs[0][2], MADE) == ("done", ["friendly"])


def mail_renamed(run: Run, event: InvoiceCompleted) -> None:
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.effect("letter", MAIL_UNCAPPED, invoice, **SAID)


def mail_gone(run: Run, event: InvoiceCompleted) -> None:
    run.read("invoice", monsum.invoice, event.invoice_id)


def mail_later(run: Run, event: InvoiceCompleted) -> None:
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.effect("pay", PAY, invoice)
    run.effect("mail", MAIL_UNCAPPED, invoice, **SAID)


def mail_waits(run: Run, event: InvoiceCompleted) -> None:
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.wait_for(SendStopped, name="stop")
    run.effect("mail", MAIL_UNCAPPED, invoice, **SAID)


@pytest.mark.parametrize(
    ("fn", "now"), [(mail_renamed, 'effect "letter"'), (mail_gone, "the end"), (mail_later, 'effect "pay"'), (mail_waits, 'wait "stop"')]
)
def test_an_open_effect_counts_as_journaled_and_nothing_is_planned_before_it(fn: Callable[..., None], now: str) -> None:
    with Flow(mailed, strict=False) as flow:
        flow.sandbox.faults.add("unavailable", "invoice.sendbyemail")
        flow.trigger("invoice.completed")
        effect = flow.rows(sa.text("SELECT id, state FROM effect"))[0]  # type: ignore[arg-type]
        assert effect["state"] == "unknown"

        deploy(flow, fn)
        flow.order("resolve", effect["id"], did=True)

        assert quarantined(flow) == {"step": "mail", "was": "effect", "now": now, "file": __file__}
        assert [effect[2] for effect in flow.effects] == ["done"]

        deploy(flow, mailed)
        flow.order("retry", str(flow.rows(sa.select(table_of(RunRow).c.id))[0]["id"]))

        assert flow.runs[0][2] == "done"
        assert times(flow, "invoice.setpaid") == 0


def test_a_new_step_behind_what_is_journaled_and_a_patched_one_before_it_fit() -> None:
    def changed(run: Run, event: InvoiceCompleted) -> None:
        if run.patched("newer"):
            run.step("new", make, "new")
        run.step("a", make, "a")
        recalled_from_b(run, event)
        run.step("round 0", make, "round 0")
        run.step("round 1", make, "round 1")
        run.step("more", make, "more")

    with Flow(recalled) as flow:
        ids = flow.trigger("invoice.completed")
        MADE.clear()
        deploy(flow, changed)
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))

        assert (flow.runs[0][2], MADE) == ("done", ["more"])


def test_a_patched_line_before_an_open_effect_is_one_the_run_has_passed() -> None:
    def changed(run: Run, event: InvoiceCompleted) -> None:
        invoice = run.read("invoice", monsum.invoice, event.invoice_id)
        if run.patched("newer"):
            run.step("new", make, "new")
        run.effect("mail", MAIL_UNCAPPED, invoice, **SAID)

    with Flow(mailed) as flow:
        flow.sandbox.faults.add("unavailable", "invoice.sendbyemail")
        flow.trigger("invoice.completed")
        MADE.clear()
        deploy(flow, changed)
        flow.order("resolve", flow.rows(sa.text("SELECT id FROM effect"))[0]["id"], did=True)  # type: ignore[arg-type]

        assert (flow.runs[0][2], MADE) == ("done", [])


def test_a_changed_policy_diverges_nothing_and_a_run_keeps_the_one_it_began_with() -> None:
    MADE.clear()
    with Flow(recalled, policy={"tone": "warm"}) as flow:
        ids = flow.trigger("invoice.completed")
        flow.runtime.policies = {"t-recall": {"mode": "auto", "tone": "cold"}}
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))
        later = flow.trigger("invoice.completed")
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **later))

        assert [run[2] for run in flow.runs] == ["done", "done"]
        assert [said for said in MADE if said in ("warm", "cold")] == ["warm", "cold"]


@workflow("t-swallowed-wait", on=InvoiceCompleted)
def never_asleep(run: Run, event: InvoiceCompleted) -> None:
    with suppress(BaseException):
        run.sleep_until(event.at + timedelta(minutes=5))
    run.step("after", make, "after")


def test_a_wait_that_the_code_swallows_is_kept_all_the_same() -> None:
    MADE.clear()
    with Flow(never_asleep) as flow:
        flow.trigger("invoice.completed")
        early = list(MADE)
        flow.advance(minutes=6)

        assert (early, MADE) == ([], ["after"])


@workflow("t-missing", on=InvoiceCompleted)
def missing(run: Run, event: InvoiceCompleted) -> None:
    try:
        run.read("other", monsum.invoice, "4000000")
    except NotFound:
        run.step("alone", make, "alone")
    run.sleep_until(event.at + timedelta(minutes=5))


def test_what_the_provider_did_not_know_is_journaled_so_that_the_run_goes_on() -> None:
    with Flow(missing) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)

        assert flow.runs[0][2] == "done"


def cancelled_early(run: Run, event: InvoiceCompleted) -> None:
    raise EffectCancelled("paid")


def test_an_author_who_ends_the_run_as_cancelled_before_its_journal_quarantines_it() -> None:
    with Flow(recalled, strict=False) as flow:
        ids = flow.trigger("invoice.completed")
        deploy(flow, cancelled_early)
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))

        assert quarantined(flow)["step"] == "a"
