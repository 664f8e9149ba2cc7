"""What can happen: each takes its own fields, does what it says, and is refused in words where it does not fit."""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from receiver.errors import SettingsInvalid
from tests.workers.simulate.conftest import HEAD, OBJECTS, Play, Read
from workers.registry import REGISTRY
from workers.simulate.account import fill
from workers.simulate.happenings import POINTS, perform
from workers.simulate.stage import Stage
from workers.simulate.timeline import Row

WORKERS = Path(__file__).parents[3] / "workers"

NEXT = """[[invoice]]
id = "B"
customer = "501"
total = "50.00"
date = 2026-11-20
type = "draft"
[[happens]]
at = 2026-11-20T10:00:00
what = "complete"
invoice = "B"
"""
USAGE = 'what = "usage"\ncustomer = "501"\namount = "5.00"'
REJECT = """[[happens]]
at = 2026-11-20T11:00:00
what = "reject"
invoice = "B"
"""


def happens(*said: str) -> str:
    """Happenings from nine o'clock on, five minutes apart."""
    return "".join(f"[[happens]]\nat = 2026-11-20T09:{5 * n:02}:00\n{one}\n" for n, one in enumerate(said))


def states(rows: list[Row], *, since: str = "09:00") -> list[tuple[str, str, str]]:
    """(key, event, reason) of what billhook learned."""
    begin = datetime.fromisoformat(f"2026-11-20T{since}:00")
    return [(row.key, row.name, row.reason) for row in rows if row.kind == "state" and datetime.fromisoformat(row.at) >= begin]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('what = "paymnet"\ninvoice = "A"', "happens 1, what: there is no such happening, do you mean payment (known are"),
        ('what = "payment"', "happens 1, invoice: payment needs it"),
        ('what = "dispute"', "happens 1, what: dispute needs invoice or customer"),
        (
            'what = "payment"\ninvoice = "A"\nlevel = 2',
            "happens 1, level: payment has no such field; it takes invoice, amount",
        ),
        ('what = "crash"\npoint = "caled"', "happens 1, point: there is no such point, do you mean called"),
        (
            'what = "release"\ninvoice = "A"\nkind = "quarrel"',
            "happens 1, kind: write one of dispute, promise, pause, exclude",
        ),
        ('what = "bounce"\ninvoice = "A"\nkind = "firm"', "happens 1, kind: write hard or soft"),
        ('what = "worker_down"\nuntil = 2026-11-21', "happens 1, until: a local time after `at` is wanted"),
        ('what = "provider"\nmode = "slow"', "happens 1, seconds: slow needs it"),
        ('what = "signal"\nevent = "invoice.completed"', "happens 1, event: it is nothing a person can say; possible are"),
        ('what = "signal"\nevent = "send.stopped"', "happens 1, fields: invoice_id"),
        ('what = "mode"\nworkflow = "dun"\nto = "auto"', "happens 1, workflow: there is no such workflow"),
        ('what = "handwritten_notice"\ninvoice = "A"', "happens 1, what: there is no such happening"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_does(read: Read, said: str, told: str) -> None:
    with pytest.raises(SettingsInvalid) as error:
        read(HEAD + OBJECTS + happens(said))

    assert told in str(error.value).replace(" cannot be used: ", ": ")


def test_what_happens_at_the_provider_is_learned_by_its_webhooks(played: Play) -> None:
    rows = played(
        happens(
            'what = "payment"\ninvoice = "A"\namount = "100.00"',
            'what = "payment"\ninvoice = "A"',
            'what = "payment_returned"\ninvoice = "A"',
            'what = "cancel"\ninvoice = "A"\namount = "19.00"',
            'what = "payment_failed"\ninvoice = "A"',
            'what = "foreign_reminder"\ninvoice = "A"\nlevel = 2',
            'what = "change"\ncustomer = "501"\nfields = { x_attributes = { dunning = "off" } }',
            'what = "cancel"\ninvoice = "A"',
            'what = "delete"\ncustomer = "501"',
        )
    )

    assert states(rows) == [
        ("A", "payment", ""),
        ("A", "invoice.paid", ""),
        ("A", "payment.chargeback", ""),
        ("A", "invoice.reopened", ""),
        ("A", "cancel", ""),
        ("A", "payment.failed", ""),
        ("501", "payment.reminded", ""),
        ("501", "customer.updated", "x_attributes"),
        ("A", "invoice.canceled", ""),
        ("501", "customer.deleted", ""),
    ]


def test_used_up_credits_are_gone_at_the_provider(read: Read) -> None:
    said = read(HEAD + OBJECTS.replace('id = "501"\n', 'id = "501"\ncredit_balance = "20.00"\n', 1) + happens(USAGE))

    with Stage(said, REGISTRY) as stage:
        fill(stage)
        perform(stage, said.happens[0])

        assert stage.sandbox.account.customers["501"]["CREDIT_BALANCE"] == Decimal("15.00")


def test_what_a_person_tells_is_learned_at_once(played: Play) -> None:
    rows = played(
        happens(
            'what = "dispute"\ninvoice = "A"\namount = "19.00"\nreason = "wrong price"',
            'what = "release"\ninvoice = "A"',
            'what = "promise"\ninvoice = "A"\ndate = 2026-12-01',
            'what = "pause"\ncustomer = "501"\nuntil = 2026-12-01\nreason = "talks"',
            'what = "exclude"\ncustomer = "501"\nreason = "a friend"',
            'what = "insolvency"\ncustomer = "501"',
            'what = "bounce"\ninvoice = "A"',
            'what = "mode"\nworkflow = "auto-send"\nto = "observe"',
        )
    )

    assert [name for _, name, _ in states(rows)] == [
        "block.dispute", "block.release", "block.promise", "block.pause", "block.exclude", "block.insolvency", "email.bounced"
    ]  # fmt: skip
    assert ("2026-11-20T09:00:00", {"amount": "19.00", "currency": "EUR"}) in [(row.at, row.figures) for row in rows]


def test_a_payment_of_a_part_is_a_row_with_what_is_left(played: Play) -> None:
    rows = played(happens('what = "payment"\ninvoice = "A"\namount = "19.00"'))

    assert [row.figures for row in rows if row.name == "payment"] == [{"amount": "19.00", "balance": "100.00", "currency": "EUR"}]


def test_a_pause_may_end_at_an_instant_and_holds_through_its_day(played: Play) -> None:
    rows = played(happens('what = "pause"\ninvoice = "A"\nuntil = 2026-12-01T08:00:00'))

    assert [row.key for row in rows if row.name == "block.pause"] == ["A"]


def test_what_was_sent_may_be_said_later(played: Play) -> None:
    rows = played(happens('what = "mark_sent"\ninvoice = "A"\non = 2026-11-20'))

    assert [(row.at, row.key) for row in rows if row.name == "invoice.sent"] == [("2026-11-20T09:00:00", "A")]


def test_a_rejected_proposal_ends_the_run(played: Play) -> None:
    rows = played(happens('what = "mode"\nworkflow = "auto-send"\nto = "propose"') + NEXT + REJECT)

    assert [(row.kind, row.state, row.reason) for row in rows if row.key == "B" and row.workflow] == [
        ("proposal", "proposed", "mode_propose"),
        ("effect", "cancelled", "operator_rejected"),
        ("skip", "skipped", "operator_rejected"),
    ]


def test_a_crash_can_be_asked_for_only_where_the_engine_passes() -> None:
    passed = {name for path in WORKERS.rglob("*.py") for name in re.findall(r'\.point\("([a-z-]+)"\)', path.read_text())}

    assert set(POINTS) <= passed


def test_a_top_up_that_waits_for_its_money_is_paid(read: Read) -> None:
    said = read(
        HEAD
        + OBJECTS.replace("date = 2026-11-20", 'date = 2026-11-19\nfields = { INVOICE_EXT_UID = "billhook-topup-1" }')
        + happens('what = "topup_done"')
    )

    with Stage(said, REGISTRY) as stage:
        fill(stage)
        perform(stage, said.happens[0])

        assert stage.sandbox.account.invoices["A"]["OUTSTANDING_AMOUNT"] == 0
