"""Traces: each call that ended becomes its delivery, its run and itself, once and whole, without a person in it."""

from collections.abc import Iterator, Sequence

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the tracer's tests need opentelemetry: `make check` installs it and runs them")

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from receiver.db import Database
from tests.workers.letters import mail
from workers.testing.flow import Flow
from workers.traces import ended, of_call, round_of, work


class Kept:
    """Takes spans, or refuses so many rounds first."""

    def __init__(self, refuses: int = 0) -> None:
        self.spans: list[ReadableSpan] = []
        self.refuses = refuses

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self.refuses:
            self.refuses -= 1
            return SpanExportResult.FAILURE
        self.spans += spans
        return SpanExportResult.SUCCESS


@pytest.fixture
def sent() -> Iterator[Flow]:
    """An invoice that was sent."""
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        yield flow


def test_a_call_is_traced_from_the_request_to_the_answer(sent: Flow) -> None:
    exporter = Kept()

    round_of(sent.db, "me", exporter)

    received, ran, called = exporter.spans[:3]
    assert [span.name for span in (received, ran, called)] == ["delivery invoice.changed", "run t-mail", "call invoice.sendbyemail"]
    assert received.parent is None and ran.parent == received.get_span_context() and called.parent == ran.get_span_context()
    assert received.start_time <= called.start_time <= called.end_time  # type: ignore[operator]
    assert [event.name for event in ran.events]


def test_no_person_is_in_a_span(sent: Flow) -> None:
    exporter = Kept()

    round_of(sent.db, "me", exporter)

    text = "\n".join(span.to_json() for span in exporter.spans)
    assert "@" not in text and "Rechnung" not in text


def test_what_was_exported_is_not_exported_again_and_what_was_refused_is(sent: Flow) -> None:
    exporter = Kept(refuses=1)

    rounds = [bool(round_of(sent.db, "me", exporter)) for _ in range(3)]

    assert rounds == [False, True, False]
    assert len(exporter.spans) == 3


def test_the_same_call_has_the_same_ids_wherever_it_is_exported(sent: Flow) -> None:
    second = Kept()
    round_of(sent.db, "me", second)

    ids = identities(second.spans)

    assert len({trace for trace, _ in ids}) == 1 and len({span for _, span in ids}) == 3
    with sent.db.read() as connection:
        told = [span for row in ended(connection, 0) for span in of_call(connection, row) if row["after"] == "done"]
    assert identities(told) == ids


def identities(spans: Sequence[ReadableSpan]) -> list[tuple[int, int]]:
    return [(context.trace_id, context.span_id) for span in spans if (context := span.get_span_context())]


def test_a_call_whose_answer_was_lost_is_an_error() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", "invoice.sendbyemail")
        flow.advance(minutes=6)
        exporter = Kept()

        round_of(flow.db, "me", exporter)

        (called,) = [span for span in exporter.spans if span.name.startswith("call")]
        assert not called.status.is_ok and called.attributes is not None and called.attributes["billhook.state"] == "unknown"


def test_one_process_exports_and_a_mistake_ends_nothing(database: Database) -> None:
    waits = iter([False, True])
    assert round_of(database, "other", Kept()) == 0

    work(database, Kept(), lambda _seconds: next(waits))

    assert next(waits, None) is None
