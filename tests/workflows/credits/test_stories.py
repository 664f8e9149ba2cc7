"""Rules of credits that hold in every story: usage, lost calls, crashes and people's doings in any order.

`make test` plays a few stories, `make chaos` (marked slow) the rest.
"""

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from receiver.db import table_of
from tests.workflows.stories import Sight, Watched, examples, on, played, table
from workers.ledger import EffectRow
from workflows.credits.effects import UID
from workflows.credits.tables import CreditsOrder

START = datetime.fromisoformat("2026-11-29T08:00")
DAYS = 4
GRANT = "customer.addcredits"
HEAD = """zone = "Europe/Berlin"
start = 2026-11-29T08:00:00
until = 2026-12-03T18:00:00
auto_approve = {approve}
[policy.credits]
mode = "auto"
grant_on = "{grant_on}"
immediate_customers = ["501"]
method = "{method}"
max_single = "110.00"
cap_day = "{cap_day}"
cap_month = "{cap_month}"
cap_behavior = "{behavior}"
cooldown_minutes = {cooldown}
approval_over = "{approval}"
burst = {burst}
"""
CUSTOMERS = ("501", "502")
MANDATE = {"BANK_ACCOUNT_MANDATE_REFERENCE": "M-1", "BANK_ACCOUNT_MANDATE_REFERENCE_DATE": "2025-01-01"}
SERVICES = (GRANT, "invoice.create", "invoice.complete", "invoice.capture", None)
OTHERS = [
    "lost",
    "lost",
    "crash",
    "worker_down",
    "pause",
    "dispute",
    "release",
    "approve",
    "reject",
    "resume",
    "webhook",
    "gift",
    "topup_done",
]
FAULTS = ("timeout_after_write", "500", "down")
POINTS = ("intended", "calling", "called", "settled", "journaled")
CLOCKS = ("00:10", "08:20", "10:07", "10:09", "13:30", "23:50")


def happening(draw: Any) -> str:
    """Anything that may happen to credits, in mid-story; usage more often than not."""
    at = on(START, draw(st.integers(1, DAYS - 1)), draw(st.sampled_from(CLOCKS)))
    customer, later = draw(st.sampled_from(CUSTOMERS)), at + timedelta(hours=draw(st.integers(1, 40)))
    what = draw(st.sampled_from(["usage"] * 20 + OTHERS))
    said: dict[str, Any] = {
        "usage": {"customer": customer, "amount": draw(st.sampled_from(["15.00", "60.01", "95.00", "140.00", "190.00"]))},
        "lost": {"what": "provider", "mode": draw(st.sampled_from(FAULTS)), "service": draw(st.sampled_from(SERVICES))},
        "crash": {"point": draw(st.sampled_from(POINTS))},
        "worker_down": {"until": later}, "pause": {"customer": customer, "until": later.date()},
        "dispute": {"customer": customer}, "release": {"customer": customer, "kind": draw(st.sampled_from(["pause", "dispute"]))},
        "resume": {"what": "signal", "event": "credits.resume", "fields": {"customer_id": customer}},
        "gift": {"what": "change", "customer": customer, "fields": {"credit_balance": "33.00"}},
        "webhook": {"customer": customer, "repeat": 4},
    }.get(what, {"customer": customer})  # fmt: skip
    return table("happens", at=at, **{"what": what, **said})


@st.composite
def stories(draw: Any) -> str:
    """The text of a scenario: two prepaid customers, up to fourteen things that happen."""
    cap_day = draw(st.sampled_from(["110.00", "180.00"]))
    head = HEAD.format(
        approve=draw(st.sampled_from(["true", "false"])), grant_on=draw(st.sampled_from(["immediate", "payment_confirmed"])),
        method=draw(st.sampled_from(["target", "fixed"])), cap_day=cap_day, cap_month=draw(st.sampled_from(["220.00", "400.00"])),
        behavior=draw(st.sampled_from(["hold", "partial"])), cooldown=draw(st.sampled_from(["0", "60"])),
        approval=draw(st.sampled_from(["50.00", "100.00"])), burst=draw(st.sampled_from(["3", "20"])),
    )  # fmt: skip
    balances = {id: draw(st.sampled_from(["11.90", "100.00"])) for id in CUSTOMERS}
    parts = [table("customer", id=id, credit_balance=balance, payment_type=2, fields=MANDATE) for id, balance in balances.items()]
    return "\n".join([head, *parts, *[happening(draw) for _ in range(draw(st.integers(6, 14)))]])


class Told:
    """What a story left behind."""

    def __init__(self, stage: Watched) -> None:
        self.stage, self.policy = stage, stage.scenario.policy["credits"]
        self.orders = self.rows(CreditsOrder)
        self.grants = [row for row in self.rows(EffectRow) if row["service"] == GRANT]
        self.acted = [call for call in stage.sandbox.calls if call.service == GRANT and call.acted]

    def rows(self, model: Any) -> list[sa.RowMapping]:
        return self.stage.flow.rows(sa.select(table_of(model)).order_by(table_of(model).c.id))

    def of(self, customer: str) -> list[sa.RowMapping]:
        return [row for row in self.orders if row["customer_id"] == customer]


def check(text: str) -> None:
    """Every rule, on one story."""
    with played(text) as stage:
        told = Told(stage)
        one_order_is_open_at_a_time(told)
        no_cap_is_exceeded(told)
        an_order_is_granted_once(told)
        what_is_not_trusted_is_paid_first(told)


def one_order_is_open_at_a_time(told: Told) -> None:
    for customer in CUSTOMERS:
        for earlier, later in pairwise(told.of(customer)):
            assert earlier["ended_at"] is not None, dict(earlier)
            assert earlier["ended_at"] <= later["opened_at"], (dict(earlier), dict(later))


def no_cap_is_exceeded(told: Told) -> None:
    """By the local day on which the grant was planned: what was done and what nobody knows."""
    used: Counter[tuple[str, str, str]] = Counter()
    for row in told.grants:
        if row["state"] in ("done", "unknown", "calling"):
            day = row["intended_at"].astimezone(told.stage.scenario.tz).date()
            amount = Decimal(str(row["amount"]).split()[0])
            used["cap_day", str(row["object_id"]), f"{day}"] += amount  # type: ignore[assignment]
            used["cap_month", str(row["object_id"]), f"{day:%Y-%m}"] += amount  # type: ignore[assignment]
    for (cap, customer, window), amount in used.items():
        assert amount <= Decimal(told.policy[cap]), (cap, customer, window, amount)


def an_order_is_granted_once(told: Told) -> None:
    """Never two calls the provider acted on for one order, whatever was lost on the way."""
    calls = Counter(str(call.data["CUSTOMER_ID"]) for call in told.acted)
    for customer, count in calls.items():
        begun = [row for row in told.of(customer) if row["state"] in ("granting", "granted", "paid_not_granted")]
        assert count <= len(begun), (customer, count, [dict(row) for row in told.of(customer)])
    assert max(Counter(row["run_id"] for row in told.grants if row["state"] in ("done", "unknown")).values(), default=0) <= 1


def what_is_not_trusted_is_paid_first(told: Told) -> None:
    """When credits are added, that many top-up invoices of the customer are paid, but for customers who are trusted."""
    invoices = told.stage.sandbox.account.invoices.values()
    topups = {one["INVOICE_ID"]: str(one["CUSTOMER_ID"]) for one in invoices if str(one.get("INVOICE_EXT_UID", "")).startswith(UID)}
    made: Counter[str] = Counter()
    for sight in told.stage.sights:
        customer = str(sight.said.get("CUSTOMER_ID"))
        if sight.service == GRANT and not (told.policy["grant_on"] == "immediate" and customer == "501"):
            assert made[customer] < _paid(sight, topups, customer), (sight.at, customer)
            made[customer] += any(call.at == sight.at and str(call.data["CUSTOMER_ID"]) == customer for call in told.acted)


def _paid(sight: Sight, topups: dict[str, str], customer: str) -> int:
    return sum(whose == customer and sight.owed.get(id) == 0 and not sight.canceled[id] for id, whose in topups.items())


@examples(3)
@given(text=stories())
def test_a_few_stories_of_credits_keep_every_rule(text: str) -> None:
    check(text)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@examples(250)
@given(text=stories())
def test_many_stories_of_credits_keep_every_rule(text: str) -> None:
    check(text)
