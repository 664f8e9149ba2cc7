"""Dunning in `billhook simulate`: a row for each notice, claim and turn of a ladder; what happens only there; the table [rates.XX].

Reads dunning's own tables; nothing of this runs in a running billhook but `lines_of`, whose figures stand in the journal.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.authoring import Line, happening, scenario_table, timeline
from workflows.dunning import changes, tables
from workflows.dunning.byhand import WAY, NoticeSent
from workflows.dunning.letter import Letter
from workflows.dunning.planning import END
from workflows.dunning.plans import PlanAgreed
from workflows.dunning.policy import NAME

LADDER, HAND_OVER = "ladder", "hand_over"
OF_NOTICES = (tables.CROSSED, tables.UNDELIVERED)
CLAIMS = {"interest": "interest", "flat_sum": "flat", "fee": "fee", "plan_fee": "plan_fee"}


@timeline(NAME)
def lines(connection: Connection, source: str) -> list[Line]:
    """What became of each ladder and each notice, notices sent by hand, and every claim where it stands."""
    found = [*_turns(connection, source), *(_claim(row) for row in tables.claim_rows(connection, source))]
    return found + [_by_hand(row) for row in tables.notices_by_way(connection, source, WAY)]


def _turns(connection: Connection, source: str) -> Iterator[Line]:
    """The changes of every ladder: what it came to, and, once, which level does not go out for which reason."""
    stood: dict[str, str] = {}
    skipped: dict[str, tuple[str, str]] = {}
    for row in changes.of_source(connection, source):
        if row["state"] in OF_NOTICES:
            yield Line(at=row["at"], key=row["invoice_id"], kind="state", name=row["name"], state=row["state"])
            continue
        before = stood.get(row["invoice_id"], tables.OPEN)
        stood[row["invoice_id"]] = row["state"]
        if row["reason"] == "hand_over_proposed":
            yield _turn(row, kind="proposal", name=HAND_OVER, state="proposed", figures=row["figures"] or {})
            continue
        if row["state"] != before and row["state"] != tables.RESTING:
            yield _turn(row, kind="state", name=LADDER, state=row["state"])
        why = (row["name"], row["reason"])
        if row["reason"] is not None and why != skipped.get(row["invoice_id"]) and (row["name"] or row["state"] != tables.CLOSED):
            skipped[row["invoice_id"]] = why
            state = "cancelled" if row["state"] == tables.CLOSED else row["state"]
            name = HAND_OVER if row["name"] == END else row["name"] or LADDER
            yield _turn(row, kind="skip", name=name, state=state)


def _turn(row: sa.RowMapping, **said: Any) -> Line:
    return Line(at=row["at"], key=row["invoice_id"], reason=row["reason"] or "", **said)


def _claim(row: sa.RowMapping) -> Line:
    figures = {"amount": row["amount"], "currency": row["currency"]}
    return Line(
        at=row["changed_at"], key=row["invoice_id"], kind="claim", name=CLAIMS[row["kind"]], state=row["state"], figures=figures
    )  # fmt: skip


def _by_hand(row: sa.RowMapping) -> Line:
    figures = {"deadline": row["deadline_on"]}
    return Line(at=row["settled_at"], key=row["invoice_id"], name=row["name"], state="done", reason="manual_notice", figures=figures)


def lines_of(letter: Letter) -> list[Line]:
    """A row for each invoice of a message; `amount` is what the whole message asks for."""
    return [_figures_of(letter, one.invoice_id) for one in letter.lines]


def _figures_of(letter: Letter, invoice_id: str) -> Line:
    said = letter.line(invoice_id).statement
    money = {
        "principal": said.principal, "interest": said.interest, "flat": said.flat_sum, "fee": said.fee, "total": said.total,
        "per_day": said.per_day, "amount": letter.total, "disputed": letter.line(invoice_id).disputed,
    }  # fmt: skip
    figures = {name: str(amount.rounded().amount) for name, amount in money.items() if amount is not None}
    figures |= {"deadline": said.deadline_on.isoformat(), "currency": said.total.currency, "to": letter.recipient}
    if said.default is not None and said.interest is not None:
        figures |= {"basis": said.default.basis, "default_from": said.default.from_on.isoformat()}
    return Line(key=invoice_id, name=said.name, reason=said.no_rate.why if said.no_rate else "", figures=figures)


@happening("manual_notice", needs=("invoice",), may=("level", "on"))
def manual_notice(said: Mapping[str, Any], source: str, at: datetime) -> NoticeSent:
    """Somebody sent a notice without billhook: of this level, else of the next."""
    return NoticeSent(
        source=source, at=at, invoice_id=said["invoice"], customer_id=said["customer"], level=said.get("level"), sent_on=said.get("on")
    )  # fmt: skip


@happening("plan_agreed", needs=("invoice",))
def plan_agreed(said: Mapping[str, Any], source: str, at: datetime) -> PlanAgreed:
    """A payment plan was agreed with the customer."""
    return PlanAgreed(source=source, at=at, invoice_id=said["invoice"], customer_id=said["customer"])


@scenario_table("rates")
def rates(table: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """[rates.XX] replaces the shipped base rates of a country, and counts as confirmed."""
    return {NAME: {"rates": table}}
