"""The rate of a source's provider: kept across processes, shared by rank, and no reason to alarm anybody."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.letters import act, completed, effect_row, mail, slots, times
from tests.workers.routed import noting
from workers import limits, rereads
from workers.authoring import InvoiceCompleted, Query, Read, Run, effect, monsum, workflow
from workers.desk import Alert
from workers.errors import RateHeld
from workers.limits import Meter, Operation, Rank
from workers.providers.monsum_docs import InvoiceDoc
from workers.providers.rate import HOUR, Rate
from workers.rereads import Reread
from workers.testing.clock import ManualClock
from workers.testing.flow import START, Flow


def read_thrice(client: Any, id: str) -> InvoiceDoc:
    return [monsum.invoice.run(client, id) for _ in range(3)][-1]


THRICE = Query("invoice.get, three times", "invoice", InvoiceDoc, read_thrice, requests=3)
LOOKED_AT_THRICE = effect(monsum.send_by_email, slot=slots("send"), fresh=Read(THRICE, must=completed))


@workflow("t-thrice", on=InvoiceCompleted)
def thrice(run: Run, event: InvoiceCompleted) -> None:
    invoice = run.read("invoice", THRICE, event.invoice_id)
    run.effect("act", LOOKED_AT_THRICE, invoice, recipient="max@example.com", subject="Ihre Rechnung", message="Anbei.")


RATE = Rate(60)  # 6 at once and 6 owed, then 0.8 a second
FAST, SLOW = Rate(960), Rate(8)


def take(database: Database, rank: Rank = Rank.EFFECT, *, seconds: float = 0.0, source: str = "shop") -> timedelta | None:
    at = START + timedelta(seconds=seconds)
    return database.write(lambda c: limits.take(c, source, RATE, rank, machine=at))


def taken_in(database: Database, rank: Rank, minute: int) -> int:
    return sum(take(database, rank, seconds=60 * minute + half / 2) is None for half in range(120))


def test_no_minute_sees_more_calls_than_the_provider_takes(database: Database) -> None:
    first, second = (taken_in(database, Rank.EFFECT, minute) for minute in (0, 1))

    assert 53 <= first <= 54
    assert 47 <= second <= 49


def test_the_last_tokens_are_left_to_those_who_come_first(database: Database) -> None:
    order = (Rank.SWEEP, Rank.GAPS, Rank.OPERATOR, Rank.PREFLIGHT, Rank.EFFECT)
    taken = {rank: sum(take(database, rank) is None for _ in range(20)) for rank in order}

    assert taken == {Rank.SWEEP: 3, Rank.GAPS: 1, Rank.OPERATOR: 1, Rank.PREFLIGHT: 0, Rank.EFFECT: 1}


def test_who_finds_the_bucket_empty_is_told_when_its_token_will_be_there(database: Database) -> None:
    while take(database) is None:
        pass

    wait = take(database)
    assert wait == timedelta(seconds=1.25)
    assert take(database, seconds=1.25) is None


def test_those_who_wait_are_told_different_instants(database: Database) -> None:
    while take(database, Rank.PREFLIGHT) is None:
        pass
    waits = [take(database, Rank.PREFLIGHT) for _ in range(3)]

    assert sorted(set(waits), key=str) == waits
    assert all(wait is not None for wait in waits)


def test_nobody_is_told_to_wait_longer_than_the_queue_may_be(database: Database) -> None:
    while take(database, Rank.PREFLIGHT) is None:
        pass
    waits = [take(database, Rank.PREFLIGHT) for _ in range(int(limits.QUEUE_MAX.total_seconds() * RATE.per_s) + 20)]

    assert max(wait for wait in waits if wait is not None) == limits.QUEUE_MAX


def test_sources_share_nothing(database: Database) -> None:
    while take(database) is None:
        pass

    assert take(database, source="other") is None


def test_a_clock_that_went_back_gives_no_tokens_and_takes_none(database: Database) -> None:
    while take(database) is None:
        pass

    assert take(database, seconds=-3600) is not None


def test_what_the_provider_says_is_too_much_empties_the_bucket(database: Database) -> None:
    assert take(database) is None
    database.write(lambda c: limits.empty(c, "shop", machine=START))

    assert take(database) is not None


@pytest.mark.parametrize("rate", [Rate(8), Rate(20), Rate(60), Rate(100, HOUR), Rate(3, 1, largest=1)])
@pytest.mark.parametrize("requests", [1, 4])
def test_no_window_sees_more_calls_than_the_provider_takes_whatever_an_operation_owes(
    sqlite_database: Database, rate: Rate, requests: int
) -> None:
    needed, step = min(requests, rate.largest), rate.seconds / rate.calls / 2
    called: list[float] = []
    for at in (step * number for number in range(4 * rate.calls)):
        lend = partial(limits.lend, source="shop", rate=rate, rank=Rank.EFFECT, machine=START + timedelta(seconds=at), needed=needed)
        called += [at] * needed if sqlite_database.write(lend) == needed else []

    most = max(sum(first <= at < first + rate.seconds for at in called) for first in called)
    assert rate.calls / 2 <= most <= rate.calls


def test_an_operation_begins_with_one_token_and_owes_the_others(database: Database) -> None:
    meter = Meter(database, ManualClock(START))
    Operation(meter, "shop", SLOW, Rank.PREFLIGHT, 4)

    assert tokens_left(database) == 1 - 4
    with pytest.raises(RateHeld) as held:
        Operation(meter, "shop", SLOW, Rank.PREFLIGHT, 4)
    assert held.value.wait.total_seconds() == pytest.approx(4 / SLOW.per_s)


def test_a_begun_operation_is_not_broken_off_and_owes_what_it_did_not_say(database: Database) -> None:
    begun = Operation(Meter(database, ManualClock(START)), "shop", SLOW, Rank.PREFLIGHT, 1)
    for _ in range(3):
        begun.take()

    assert tokens_left(database) == 1 - 3


def test_what_is_owed_stays_owed_where_the_provider_says_that_it_is_too_much(database: Database) -> None:
    Operation(Meter(database, ManualClock(START)), "shop", SLOW, Rank.PREFLIGHT, 4)
    database.write(lambda c: limits.empty(c, "shop", machine=START))

    assert tokens_left(database) == 1 - 4


def tokens_left(database: Database) -> float:
    with database.read() as connection:
        (row,) = connection.execute(sa.select(table_of(limits.Bucket))).mappings()
    return float(row["tokens"])


def test_a_busy_process_leases_a_fast_providers_tokens_in_growing_numbers(database: Database) -> None:
    meter = Meter(database, ManualClock(START))
    for _ in range(1 + 2 + 4 + 8):
        meter.take("shop", FAST, Rank.PREFLIGHT)

    assert tokens_left(database) == FAST.size - 15
    meter.take("shop", FAST, Rank.PREFLIGHT)
    assert tokens_left(database) == FAST.size - 31


def test_a_lease_ends_and_the_next_is_as_large_as_what_was_used(database: Database) -> None:
    clock = ManualClock(START)
    meter = Meter(database, clock)
    for _ in range(1 + 2 + 3):
        meter.take("shop", FAST, Rank.PREFLIGHT)
    assert tokens_left(database) == FAST.size - 7
    clock.pass_(timedelta(seconds=2))
    meter.take("shop", FAST, Rank.PREFLIGHT)

    assert tokens_left(database) == FAST.size - 3  # the bucket is full again, and three were used in the second before


def test_no_lease_is_larger_than_a_second_of_the_providers_pace(database: Database) -> None:
    meter = Meter(database, ManualClock(START))
    for _ in range(1 + 2 + 4 + 8 + 16 + 1):
        meter.take("shop", FAST, Rank.PREFLIGHT)

    assert tokens_left(database) == FAST.size - (1 + 2 + 4 + 8 + 16 + 16)


def test_many_processes_that_read_now_and_then_starve_nobody(database: Database) -> None:
    clock = ManualClock(START)
    meters = [Meter(database, clock) for _ in range(20)]
    for _ in range(30):
        for meter in meters:
            meter.take("shop", Rate(60_000), Rank.PREFLIGHT)
        clock.pass_(timedelta(seconds=1))


def test_nobody_is_told_to_come_back_at_once(database: Database) -> None:
    lend = partial(limits.lend, source="shop", rate=Rate(70_000), rank=Rank.EFFECT)  # a token in 1.0714 ms, more than 1,071 us
    database.write(lambda c: lend(c, machine=START))
    database.write(lambda c: limits.empty(c, "shop", machine=START))
    first = database.write(lambda c: lend(c, machine=START))
    assert isinstance(first, timedelta)

    second = database.write(lambda c: lend(c, machine=START + first))

    assert isinstance(second, timedelta)
    assert second >= limits.LEAST
    assert database.write(lambda c: lend(c, machine=START + first + second)) == 1


def test_fewer_tokens_than_wished_are_lent_before_anybody_has_to_wait(database: Database) -> None:
    meter = Meter(database, ManualClock(START))
    taken = 0
    with pytest.raises(RateHeld):
        while True:
            meter.take("shop", FAST, Rank.PREFLIGHT)
            taken += 1

    assert taken == int(1 + 0.9 * (FAST.size - 1))


def test_a_meter_without_tokens_says_how_long_to_wait(database: Database) -> None:
    meter = Meter(database, ManualClock(START))
    with pytest.raises(RateHeld) as held:
        for _ in range(100):
            meter.take("shop", RATE, Rank.SWEEP)

    assert held.value.wait > timedelta(0)


def asked(flow: Flow) -> list[datetime]:
    return [call.at for call in flow.sandbox.calls]


def test_many_invoices_at_once_are_sent_at_the_providers_pace_and_nobody_is_alarmed() -> None:
    with Flow(mail, calls_per_minute=8) as flow:
        flow.advance(minutes=5)
        first = len(asked(flow))
        for _ in range(6):
            flow.trigger("invoice.completed")
        flow.advance(minutes=30)

        calls = asked(flow)[first:]
        assert times(flow, "invoice.sendbyemail") == 6
        assert max(sum(at <= other < at + timedelta(minutes=1) for other in calls) for at in calls) <= 8
        assert flow.rows(sa.select(table_of(Alert))) == []
        assert effect_row(flow)["attempts"] == 0


def test_reads_of_several_requests_get_through_at_the_slowest_pace_however_many_want_them() -> None:
    with Flow(thrice, calls_per_minute=8) as flow:
        flow.advance(minutes=5)
        first = len(asked(flow))
        for _ in range(5):
            flow.trigger("invoice.completed")
        flow.advance(minutes=30)

        calls = asked(flow)[first:]
        assert times(flow, "invoice.sendbyemail") == 5
        assert len(calls) <= 5 * (3 + 3 + 1 + 2)  # the step's reads, the fresh ones, the call, and what the webhooks ask for
        assert max(sum(at <= other < at + timedelta(minutes=1) for other in calls) for at in calls) <= 8


def test_the_fresh_reads_and_their_call_are_taken_together_before_the_first_of_them() -> None:
    with Flow(thrice, calls_per_minute=120) as flow:
        left: list[float] = []
        flow.runtime.point = lambda passed: left.append(tokens_left(flow.db)) if passed == "token" else None
        flow.trigger("invoice.completed")

        before, after = left[-2:]
        assert act(flow)[0] == "done"
        assert (before - after, tokens_left(flow.db)) == (3 + 1, after)


def test_a_re_read_waits_for_its_turn_without_counting_a_failure() -> None:
    with Flow(noting, calls_per_minute=8) as flow:
        for number in range(5):
            flow.db.write(lambda c, id=str(number): rereads.ask(c, "shop", "invoice", id, reason="test", at=flow.clock.now))  # type: ignore[misc]
        flow.settle()
        assert {row["attempts"] for row in flow.rows(sa.select(table_of(Reread)))} == {0}

        flow.advance(minutes=5)
        assert flow.rows(sa.select(table_of(Reread))) == []


def test_a_too_many_requests_holds_the_others_of_the_source_back() -> None:
    with Flow(mail, calls_per_minute=60) as flow:
        flow.sandbox.faults.add("rate", "invoice.sendbyemail")
        flow.trigger("invoice.completed")
        flow.advance(minutes=5)

        with flow.db.read() as connection:
            (row,) = connection.execute(sa.select(table_of(limits.Bucket))).mappings()
        assert row["tokens"] == 0
