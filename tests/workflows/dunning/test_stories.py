"""Rules of dunning that hold in every story: payments, disputes, bounces, crashes and people's doings in any order.

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
from tests.workflows.stories import Watched, examples, on, played, table
from workers.ledger import EffectRow
from workflows.dunning import tables
from workflows.dunning.changes import ChangeRow
from workflows.dunning.tables import ClaimRow, LadderRow, NoticeRow

START = datetime.fromisoformat("2026-03-16T08:00")
DAYS = 60
HEAD = """zone = "Europe/Berlin"
start = 2026-03-16T08:00:00
until = 2026-05-15T18:00:00
auto_approve = true
[policy.dunning]
mode = "auto"
minimum = {{ EUR = "5.00", SEK = "50.00" }}
approve_first_notice = {first}
grouping = "{grouping}"
unpaid_claims = "{claims}"
dun_undisputed_part = {part}
[rates.DE]
2026-01-01 = "1.27"
"""
INVOICES = ("A", "B", "C")
CUSTOMERS = {"A": "501", "B": "501", "C": "502"}
FAULTS = ("timeout_after_write", "500", "down")
POINTS = ("intended", "calling", "called", "settled", "journaled")
CLOCKS = ("07:41", "08:55", "10:07", "16:23")
MIN_DAYS = 6


def happening(draw: Any) -> str:
    """Anything that may happen to dunning, in mid-story."""
    day, clock = draw(st.integers(1, DAYS - 2)), draw(st.sampled_from(CLOCKS))
    at, invoice = on(START, day, clock), draw(st.sampled_from(INVOICES))
    what = draw(
        st.sampled_from(
            ["payment", "payment", "part", "payment_returned", "cancel", "dispute", "release", "promise", "pause", "exclude", "bounce",
             "part_dispute", "part_dispute",
             "manual_notice", "foreign_reminder", "worker_down", "crash", "lost", "change", "resolve", "webhook", "due"]
        )
    )  # fmt: skip
    later = at + timedelta(days=draw(st.integers(1, 12)))
    whose = {"customer": CUSTOMERS[invoice]} if draw(st.integers(0, 4)) == 0 else {"invoice": invoice}
    said: dict[str, Any] = {
        "part": {"what": "payment", "invoice": invoice, "amount": draw(st.sampled_from(["100.00", "233.33", "600.00"]))},
        "release": {**whose, "kind": draw(st.sampled_from(["dispute", "pause", "exclude", "promise"]))},
        "part_dispute": {"what": "dispute", "invoice": invoice, "amount": draw(st.sampled_from(["60.00", "233.33", "235.00"]))},
        "dispute": whose, "exclude": whose, "promise": {**whose, "date": later.date()}, "pause": {**whose, "until": later.date()},
        "worker_down": {"until": later}, "crash": {"point": draw(st.sampled_from(POINTS))},
        "lost": {"what": "provider", "mode": draw(st.sampled_from(FAULTS))},
        "change": {"customer": CUSTOMERS[invoice], "fields": {"email": f"neu{day}@example.org"}},
        "due": {"what": "change", "invoice": invoice, "fields": {"due_date": f"{later.date()} 00:00:00"}},
        "resolve": {"as": draw(st.sampled_from(["did", "did-not"]))}, "webhook": {"repeat": 3},
    }.get(what, {"invoice": invoice})  # fmt: skip
    return table("happens", at=at, **{"what": what, **said})


@st.composite
def stories(draw: Any) -> str:
    """The text of a scenario: two customers, three invoices, up to eight things that happen."""
    head = HEAD.format(
        first=draw(st.sampled_from(["true", "false"])), grouping=draw(st.sampled_from(["customer", "per_invoice"])),
        claims=draw(st.sampled_from(["waive", "ask"])), part=draw(st.sampled_from(["true", "false"])),
    )  # fmt: skip
    parts = [
        table("customer", id=id, type=draw(st.sampled_from(["business", "consumer"])), email=f"k{id}@example.org") for id in ("501", "502")
    ]
    for id in INVOICES:
        dated = START + timedelta(days=draw(st.integers(-30, 0)))
        sent, due = dated.date() if draw(st.integers(0, 9)) else None, (dated + timedelta(days=14)).date()
        total = draw(st.sampled_from(["238.00", "1190.00", "6000.00"]))
        parts.append(table("invoice", id=id, customer=CUSTOMERS[id], total=total, payment_type=1, date=dated.date(), due=due, sent=sent))
    return "\n".join([head, *parts, *[happening(draw) for _ in range(draw(st.integers(2, 8)))]])


class Told:
    """What a story left behind."""

    def __init__(self, stage: Watched) -> None:
        self.stage, self.parts_are_dunned = stage, stage.scenario.policy["dunning"]["dun_undisputed_part"]
        self.notices, self.ladders, self.claims = (self.rows(model) for model in (NoticeRow, LadderRow, ClaimRow))
        self.effects = {row["id"]: row for row in self.rows(EffectRow)}
        undone = [row for row in self.rows(ChangeRow) if row["state"] == tables.UNDELIVERED]
        self.undone = {(row["invoice_id"], row["name"]): row["at"] for row in undone}

    def rows(self, model: Any) -> list[sa.RowMapping]:
        return self.stage.flow.rows(sa.select(table_of(model)).order_by(table_of(model).c.id))

    def of(self, invoice: str) -> list[sa.RowMapping]:
        return [row for row in self.notices if row["invoice_id"] == invoice]

    def level_before(self, row: sa.RowMapping) -> int:
        """The highest level that had reached the debtor when this notice was called for; -1 before the first."""
        earlier = [one for one in self.of(row["invoice_id"]) if one["id"] < row["id"]]
        undone = [one for one in earlier if one["state"] == tables.UNDELIVERED]
        came_back = [one for one in undone if self.undone[row["invoice_id"], one["name"]] <= row["called_at"]]
        return max((one["level"] for one in earlier if one not in came_back), default=-1)


def check(text: str) -> None:
    """Every rule, on one story."""
    with played(text) as stage:
        told = Told(stage)
        levels_rise_by_one(told)
        nobody_is_dunned_wrongly(told)
        nobody_is_asked_for_a_disputed_part(told)
        nothing_goes_out_twice(told)
        claims_are_unique(told)
        nothing_is_forgotten(told)


def levels_rise_by_one(told: Told) -> None:
    for row in told.notices:
        if row["way"] == "email":
            assert row["level"] == told.level_before(row) + 1, dict(row)
    for invoice in INVOICES:
        days = [row["sent_on"] for row in told.of(invoice) if row["way"] == "email" and row["state"] != tables.UNDELIVERED]
        assert all((later - earlier).days >= MIN_DAYS for earlier, later in pairwise(days)), days


def nobody_is_dunned_wrongly(told: Told) -> None:
    """What each mail met at the provider, and what people had noted by then."""
    for sight in told.stage.sights:
        if sight.service != "invoice.sendbyemail":
            continue
        carried = [row["invoice_id"] for row in told.notices if row["called_at"] == sight.at and row["way"] == "email"]
        assert sight.said["INVOICE_ID"] in [*carried, *_unsettled(told)]
        for invoice in carried:
            assert sight.owed[invoice] > 0, (sight.at, invoice, "paid")
            assert not sight.canceled[invoice], (sight.at, invoice, "cancelled")
            held = {(name, kind) for name, kind in sight.blocked if name in (invoice, CUSTOMERS[invoice])}
            allowed = {(invoice, "dispute")} if told.parts_are_dunned and (invoice, "dispute") in sight.parts else set()
            assert not held - allowed, (sight.at, invoice, held)


def nobody_is_asked_for_a_disputed_part(told: Told) -> None:
    """What a notice demands is what is owed, without the part that was disputed when it was called for."""
    for sight in told.stage.sights:
        for row in told.notices:
            if (row["called_at"], row["way"]) == (sight.at, "email") and sight.service == "invoice.sendbyemail":
                left = sight.owed[row["invoice_id"]] - sight.parts.get((row["invoice_id"], "dispute"), Decimal(0))
                assert Decimal(row["figures"]["principal"]) == left, (sight.at, row["invoice_id"])


def _unsettled(told: Told) -> list[str]:
    """Invoices of mails that nobody knows about, or that a person says did not go out."""
    return [row["object_id"] for row in told.effects.values() if row["state"] != "done"]


def nothing_goes_out_twice(told: Told) -> None:
    sent = Counter((row["invoice_id"], row["level"], row["copy"]) for row in told.notices if row["way"] == "email")
    assert all(count == 1 for count in sent.values()), sent
    acted = sum(call.acted and call.service == "invoice.sendbyemail" for call in told.stage.sandbox.calls)
    called = [row for row in told.effects.values() if row["state"] in ("done", "unknown") or row["reason"] == "operator_did_not"]
    assert acted <= len(called)


def claims_are_unique(told: Told) -> None:
    named = Counter((row["invoice_id"], row["level"], row["kind"]) for row in told.claims)
    flats = Counter(row["invoice_id"] for row in told.claims if row["kind"] == "flat_sum")
    assert all(count == 1 for count in [*named.values(), *flats.values()]), (named, flats)
    for row in told.claims:
        if told.stage.sandbox.account.invoices[row["invoice_id"]]["IS_CANCELED"]:
            assert row["state"] != "open", dict(row)


def nothing_is_forgotten(told: Told) -> None:
    """F12: every overdue invoice that is owed has a next step ahead, a reason, or a message nobody has decided about."""
    today = told.stage.now.astimezone(told.stage.scenario.tz).date()
    if told.stage.down_until is not None and told.stage.down_until > told.stage.now - timedelta(days=1):
        return
    ladders = {row["invoice_id"]: row for row in told.ladders}
    undecided = {row["customer_id"] for row in told.effects.values() if row["state"] in ("unknown", "proposed", "approved")}
    for id, one in told.stage.sandbox.account.invoices.items():
        due = datetime.fromisoformat(one["DUE_DATE"]).date()
        owed = one["OUTSTANDING_AMOUNT"] > Decimal(0) and not one["IS_CANCELED"] and due < today - timedelta(days=1)
        if owed and one["CUSTOMER_ID"] not in undecided:
            row = ladders[id]
            assert row["reason"] or (row["next_on"] is not None and row["next_on"] > today), dict(row)


@examples(2)
@given(text=stories())
def test_a_few_stories_of_dunning_keep_every_rule(text: str) -> None:
    check(text)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@examples(150)
@given(text=stories())
def test_many_stories_of_dunning_keep_every_rule(text: str) -> None:
    check(text)
