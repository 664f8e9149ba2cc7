"""A shop with a sandbox behind it, in which dunning is at work; mornings are gone through one by one, approvals are granted."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import table_of
from workers import operator, routing
from workers.authoring import BankChecked, Event, InvoiceSent, LookAgain
from workers.events import EventRow
from workers.runs import RunRow
from workers.testing.flow import Flow
from workflows.dunning import tables
from workflows.dunning.daily import daily
from workflows.dunning.notice import Notice
from workflows.dunning.tables import ClaimRow, LadderRow, NoticeRow
from workflows.dunning.workflow import dunning

RATES = {
    "DE": {"2025-01-01": "2.27", "2025-07-01": "1.27", "2026-01-01": "1.27", "2026-07-01": "1.52"},
    "SE": {"2025-01-01": "3.00", "2025-07-01": "2.00", "2026-01-01": "2.00", "2026-07-01": "2.00"},
}
FRESH = {"sync_fresh_hours": 168, "bank_fresh_working_days": 20}
FIGURES = ("principal", "interest", "flat_sum", "fee", "total")


class Office:
    """What the tests do and ask: `at` and `day` are local, such as "2026-04-28 10:00" and "2026-04-28"."""

    def __init__(self, flow: Flow, zone: str) -> None:
        self.flow, self.zone, self.proposed = flow, ZoneInfo(zone), list[str]()
        self.grants, self.checks, self.checked = True, True, date.min

    def local(self, text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=self.zone)

    def invoice(self, *, sent: bool = True, **said: str) -> str:
        """A completed invoice (A of the scenarios), and that a person says it was sent on its date; its id."""
        told = {"total": "1190.00", "invoice_date": "2026-03-02", "due_date": "2026-03-16 00:00:00", **said}
        ids = self.flow.trigger("invoice.completed", **told)
        if sent:
            self.mark_sent(ids["invoice_id"], told["invoice_date"])
        return ids["invoice_id"]

    def customer_of(self, invoice: str) -> str:
        return str(self.flow.sandbox.account.invoices[invoice]["CUSTOMER_ID"])

    def mark_sent(self, invoice: str, on: str) -> None:
        named = {"invoice_id": invoice, "customer_id": self.customer_of(invoice), "sent_on": date.fromisoformat(on)}
        self.flow.signal(InvoiceSent(source="shop", at=self.flow.clock.now, **named))  # type: ignore[arg-type]

    def reached(self, invoice: str, *notices: Notice) -> None:
        """These notices went out before the test begins."""

        def act(connection: Connection) -> None:
            named = {"customer_id": self.customer_of(invoice), "way": "email", "state": "done", "run_id": "before", "copy": 0}
            for one in notices:
                said = {"level": one.level, "name": f"L{one.level}", "sent_on": one.sent_on, "deadline_on": one.deadline_on}
                tables.add_notice(connection, "shop", invoice, **named, **said, figures={"principal": None})

        self.flow.db.write(act)

    def bank_checked(self) -> None:
        self.checked = self.flow.clock.now.astimezone(self.zone).date()
        self.flow.signal(BankChecked(source="shop", at=self.flow.clock.now, through=self.checked))

    def move(self, text: str) -> None:
        """Put the clock to a local time and do what is due then."""
        self.flow.clock.move(self.local(text))
        self.flow.sweeper.sweep()
        self.flow.settle()

    def until(self, text: str, *, checks: bool = True) -> None:
        """Go through every working morning on which something may be due, the last one being this day's; `checks`: of the bank too."""
        last, self.checks = date.fromisoformat(text), checks
        while (day := self._next_morning(last)) <= last:
            self._morning(day)

    def _next_morning(self, last: date) -> date:
        """The morning a run waits for; tomorrow's where none waits, so that the daily duty may start one."""
        table = table_of(RunRow)
        waking = sa.select(sa.func.min(table.c.wake_at).label("at")).where(table.c.workflow == "dunning", table.c.status == "waiting")
        tomorrow = self.flow.clock.now.astimezone(self.zone).date() + timedelta(days=1)
        (row,) = self.flow.rows(waking)
        day = tomorrow if row["at"] is None else max(tomorrow, min(row["at"].astimezone(self.zone).date(), max(last, tomorrow)))
        return day + timedelta(days=max(0, 7 - day.isoweekday() + 1) if day.isoweekday() > 5 else 0)

    def _morning(self, day: date) -> None:
        self.move(f"{day} {time(8, 50)}")
        if self.checks and day >= self.checked + timedelta(days=14):
            self.bank_checked()
        self.move(f"{day} {time(9, 0)}")
        if self.grants:
            self.approve()

    def approve(self) -> None:
        for effect in self.flow.ids("proposed"):
            self.proposed.append(effect)
            self.flow.order("approve", effect)

    @property
    def mails(self) -> list[dict[str, Any]]:
        return [mail for mail in self.flow.sandbox.sent if mail["service"] == "invoice.sendbyemail"]

    @property
    def sent(self) -> list[str]:
        """The local days of every message the provider carried out."""
        return [str(at.astimezone(self.zone).date()) for _, at in self.flow.calls]

    def notices(self, invoice: str | None = None) -> list[tuple[str, str, str, str]]:
        """(level, sent on, deadline, state) of every notice, or of one invoice's."""
        return [(r["name"], str(r["sent_on"]), str(r["deadline_on"]), r["state"]) for r in self.rows(NoticeRow, invoice)]

    def figures(self, name: str, invoice: str | None = None) -> dict[str, str | None]:
        """What the notice of one level said."""
        (row,) = [row for row in self.rows(NoticeRow, invoice) if row["name"] == name]
        return {key: row["figures"][key] for key in FIGURES}

    def ladder(self, invoice: str) -> tuple[str, str | None]:
        """(state, reason)"""
        (row,) = self.rows(LadderRow, invoice)
        return row["state"], row["reason"]

    def claims(self, invoice: str) -> list[tuple[int, str, str, str]]:
        """(level, kind, amount, state)"""
        return [(r["level"], r["kind"], r["amount"], r["state"]) for r in self.rows(ClaimRow, invoice)]

    def rows(self, model: Any, invoice: str | None = None) -> list[sa.RowMapping]:
        table = table_of(model)
        query = sa.select(table).order_by(table.c.id)
        return self.flow.rows(query if invoice is None else query.where(table.c.invoice_id == invoice))

    def events(self) -> list[sa.RowMapping]:
        return self.rows(EventRow)

    def look_again(self, invoice: str) -> None:
        self.flow.signal(
            LookAgain(source="shop", at=self.flow.clock.now, invoice_id=invoice, customer_id=self.customer_of(invoice))
        )  # fmt: skip

    def block(self, event: Event) -> None:
        """Set a block while a run is at work."""
        kept = self.flow.db.write(lambda c: inbox.append(c, operator.signal_arrival(event, actor="operator", at=self.flow.clock.now)))
        routing.route(self.flow.runtime, kept.delivery_id)

    def at_point(self, name: str, do: Callable[[], object]) -> None:
        """Let `do` happen when the engine next passes `name`."""
        left = [do]
        self.flow.runtime.point = lambda passed: left.pop()() if passed == name and left else None  # type: ignore[assignment,return-value]


Open = Callable[..., Office]


@pytest.fixture
def open_office() -> Iterator[Open]:
    """Open an office at a local time; `policy` goes over the test's own."""
    with ExitStack() as stack:

        def opened(
            at: str = "2026-03-02 10:00", *, policy: dict[str, Any] | None = None, zone: str = "Europe/Berlin", checked: bool = True,
            **said: Any,
        ) -> Office:  # fmt: skip
            start = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone))
            settings = {"rates": RATES, **FRESH, **(policy or {})}
            flow = stack.enter_context(Flow(dunning, daily, policy=settings, zone=zone, start=start, **said))
            office = Office(flow, zone)
            if checked:
                office.bank_checked()
            return office

        yield opened
