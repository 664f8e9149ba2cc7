"""Strict mode: what a replay would not repeat is found in the first test that runs it."""

import logging
import os
import random
import secrets
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from tests.workers.letters import completed
from workers.authoring import InvoiceCompleted, Read, Run, Slot, effect, monsum, workflow
from workers.errors import NotReplayable
from workers.testing.flow import Flow

ACT: list[Callable[[Run, InvoiceCompleted], Any]] = []
TIMES: list[int] = []


@workflow("t-strict", on=InvoiceCompleted)
def strictly(run: Run, event: InvoiceCompleted) -> None:
    ACT[0](run, event)
    run.sleep_until(event.at + timedelta(minutes=5), "rest")


def refused(act: Callable[[Run, InvoiceCompleted], Any]) -> str:
    """What the author is told."""
    TIMES.clear()
    ACT[:] = [act]
    with Flow(strictly) as flow, pytest.raises(NotReplayable) as said:
        flow.trigger("invoice.completed")
    return str(said.value)


def accepted(act: Callable[[Run, InvoiceCompleted], Any]) -> None:
    TIMES.clear()
    ACT[:] = [act]
    with Flow(strictly) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        assert flow.runs[0][2] == "done"


class Instant(datetime):
    """A datetime of an author's own."""


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: datetime.now(UTC), "datetime.now"),
        (lambda: datetime.now(), "datetime.now"),  # noqa: DTZ005
        (lambda: datetime.today(), "datetime.today"),  # noqa: DTZ002
        (lambda: date.today(), "date.today"),  # noqa: DTZ011
        (lambda: Instant.now(UTC), "Instant.now"),
        (time.time, "time.time"),
        (time.time_ns, "time.time_ns"),
        (random.random, "random.random"),
        (lambda: random.randint(1, 6), "random.randint"),
        (lambda: random.choice([1, 2]), "random.choice"),
        (lambda: random.shuffle([1, 2]), "random.shuffle"),
        (lambda: random.Random().random(), "random.__init__"),
        (uuid.uuid1, "uuid.uuid1"),
        (uuid.uuid4, "uuid.uuid4"),
        (lambda: os.urandom(4), "posix.urandom"),
        (secrets.token_hex, "secrets.token_hex"),
        (lambda: secrets.choice([1, 2]), "choice"),
    ],
)
def test_a_clock_or_chance_outside_a_step_is_named_with_its_line_and_the_way_out(call: Callable[[], object], name: str) -> None:
    def look(run: Run, event: InvoiceCompleted) -> None:
        (lambda: call())()

    told = refused(look)

    assert name in told
    assert "run.now()" in told and "run.step" in told
    assert f"{__file__}:" in told


def test_the_trap_is_gone_afterwards_and_was_never_in_other_threads() -> None:
    seen: list[float] = []

    def look(run: Run, event: InvoiceCompleted) -> None:
        other = Thread(target=lambda: seen.append(time.time()))
        other.start()
        other.join()
        time.time()

    refused(look)

    assert len(seen) == 1
    assert sys.getprofile() is None
    assert time.time() > 0


def a_token() -> str:
    return f"{time.time()}{uuid.uuid4()}{random.random()}"


@pytest.mark.parametrize(
    "act",
    [
        lambda run, event: run.step("token", a_token),
        lambda run, event: run.setting("token", lambda c: a_token()),
        lambda run, event: run.now() + timedelta(days=1),
        lambda run, event: random.Random(7).random(),
        lambda run, event: uuid.uuid5(uuid.NAMESPACE_URL, event.invoice_id),
        lambda run, event: datetime.fromtimestamp(0, UTC),
        lambda run, event: time.monotonic(),
        lambda run, event: logging.getLogger("author").warning("a line"),
        lambda run, event: run.read("invoice", monsum.invoice, event.invoice_id),
    ],
)
def test_inside_a_step_and_where_nothing_comes_back_all_is_allowed(act: Callable[[Run, InvoiceCompleted], Any]) -> None:
    accepted(act)


def test_a_trap_that_the_code_swallows_is_told_all_the_same() -> None:
    def look(run: Run, event: InvoiceCompleted) -> None:
        with suppress(BaseException):
            time.time()

    assert "time.time" in refused(look)


def test_a_step_name_that_changes_is_named() -> None:
    def act(run: Run, event: InvoiceCompleted) -> None:
        TIMES.append(1)
        run.step(f"step {len(TIMES)}", str)

    told = refused(act)

    assert 'step "step 1" became step "step 2"' in told and __file__ in told


def test_an_ending_that_changes_is_named() -> None:
    def act(run: Run, event: InvoiceCompleted) -> None:
        TIMES.append(1)
        run.skip(f"reason {len(TIMES)}")

    assert "Skip(reason 1), and as Skip(reason 2)" in refused(act)


def test_a_step_reached_in_one_pass_only_is_named() -> None:
    def act(run: Run, event: InvoiceCompleted) -> None:
        TIMES.append(1)
        if len(TIMES) > 1:
            run.skip("bored")
        run.step("one", str)

    assert 'step "one" is reached in one of two passes only' in refused(act)


def fails() -> None:
    raise LookupError


def test_a_failed_step_that_the_run_goes_on_from_is_named() -> None:
    def act(run: Run, event: InvoiceCompleted) -> None:
        with suppress(LookupError):
            run.step("risky", fails)
        run.step("next", str)

    assert 'step "risky" is not in the journal, and the run went on' in refused(act)


def a_slot(invoice: Any, **said: Any) -> list[Slot]:
    TIMES.append(1)
    return [Slot(invoice.source, invoice.id, "pay", str(len(TIMES)))]


PAY_ODDLY = effect(monsum.set_paid, slot=a_slot, fresh=Read(monsum.invoice, must=completed))
MAIL = effect(monsum.send_by_email, slot=lambda i, **_: [Slot(i.source, i.id, "send")], fresh=Read(monsum.invoice, must=completed))
PAY_NOW = effect(
    monsum.set_paid,
    slot=lambda i, **_: [Slot(i.source, i.id, "pay", str(datetime.now(UTC)))],
    fresh=Read(monsum.invoice, must=completed),
)


def test_a_request_or_slot_that_changes_is_named() -> None:
    def mail(run: Run, event: InvoiceCompleted) -> None:
        TIMES.append(1)
        invoice = run.read("invoice", monsum.invoice, event.invoice_id)
        run.effect("mail", MAIL, invoice, recipient="max@example.com", subject=f"Rechnung {len(TIMES)}", message="Anbei.")

    def pay(run: Run, event: InvoiceCompleted) -> None:
        run.effect("pay", PAY_ODDLY, run.read("invoice", monsum.invoice, event.invoice_id))

    assert 'effect "mail" asks for something else when it is replayed' in refused(mail)
    assert 'effect "pay" asks for something else when it is replayed' in refused(pay)


def test_a_slot_may_look_at_no_clock() -> None:
    def pay(run: Run, event: InvoiceCompleted) -> None:
        run.effect("pay", PAY_NOW, run.read("invoice", monsum.invoice, event.invoice_id))

    assert "datetime.now" in refused(pay)


def test_outside_strict_mode_the_function_may_do_as_it_likes() -> None:
    ACT[:] = [lambda run, event: time.time()]
    with Flow(strictly, strict=False) as flow:
        flow.trigger("invoice.completed")

        assert flow.runs[0][2] == "waiting"
