"""A shop with a sandbox behind it, in which auto-send is at work; local times are Berlin's."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from workers.desk import Alert, Parked, Task
from workers.events import EventRow
from workers.ledger import EffectRow, SlotRow
from workers.runs import RunRow
from workers.testing.flow import Flow
from workflows.auto_send.bounces import follow_bounce
from workflows.auto_send.changes import watch_changes
from workflows.auto_send.sweep import sweep
from workflows.auto_send.workflow import auto_send

BERLIN = ZoneInfo("Europe/Berlin")
POLICY: dict[str, Any] = {"channel_map": {"mail": "email", "post": "post", "both": "both", "none": "none"}, "placeholder_domains": []}
FRIDAY_MORNING = datetime(2026, 11, 20, 10, 0, tzinfo=BERLIN)


class Shop:
    """What the tests ask about one flow."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    def complete(self, **overrides: str) -> str:
        """A completed invoice, announced; its id."""
        return self.flow.trigger("invoice.completed", **overrides)["invoice_id"]

    def until(self, text: str) -> None:
        """Move the clock to a local time such as "2026-11-21 07:00"."""
        self.flow.advance(until=datetime.fromisoformat(text).replace(tzinfo=BERLIN))

    def jump(self, text: str) -> None:
        """Put the clock to a local time without stopping on the way, as after a long outage."""
        self.flow.clock.move(datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC))
        self.flow.settle()

    def finish(self, **overrides: str) -> str:
        """A completed invoice whose hold and window have passed; its id. Then it is noon."""
        invoice = self.complete(**overrides)
        self.until("2026-11-20 12:00")
        return invoice

    def provider(self, act: str, **overrides: str) -> None:
        """Something happens at the provider and is announced."""
        self.flow.trigger(act, **overrides)

    @property
    def sent(self) -> list[tuple[str, str]]:
        """(service, local time) of every send the provider carried out."""
        return [(service.partition(".")[2], at.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M")) for service, at in self.flow.calls]

    @property
    def mails(self) -> list[dict[str, Any]]:
        return [mail for mail in self.flow.sandbox.sent if mail["service"] == "invoice.sendbyemail"]

    @property
    def ended(self) -> list[tuple[str, str | None]]:
        """(status, reason) of auto-send's runs."""
        return [(status, reason) for name, _, status, reason in self.flow.runs if name == "auto-send"]

    def at_point(self, name: str, do: Callable[[], object]) -> None:
        """Let `do` happen when the engine first passes `name`."""
        left = [do]
        self.flow.runtime.point = lambda passed: left.pop()() if passed == name and left else None  # type: ignore[assignment,return-value]

    def effect_ids(self) -> list[str]:
        table = table_of(EffectRow)
        return [row["id"] for row in self.flow.rows(sa.select(table).order_by(table.c.intended_at))]

    @property
    def slots(self) -> list[tuple[str, int]]:
        """(purpose, generation) of every slot that is held."""
        table = table_of(SlotRow)
        return [(row["purpose"], row["generation"]) for row in self.flow.rows(sa.select(table).where(table.c.live).order_by(table.c.id))]

    @property
    def reissues(self) -> list[str]:
        """Why runs were ordered to do again what was done."""
        return [row["reissue"]["kind"] for row in self.flow.rows(sa.select(table_of(RunRow))) if row["reissue"]]

    def replay(self, invoice_id: str) -> str:
        """An operator has the completion of an invoice routed again; what the router answered."""
        table = table_of(EventRow)
        found = sa.select(table).where(table.c.type == "invoice.completed", table.c.invoice_id == invoice_id)
        return self.flow.order("replay", str(self.flow.rows(found)[0]["id"]))

    def reasons(self, model: Any) -> list[str]:
        """Reasons of alerts, tasks or parked items, the oldest first."""
        table = table_of(model)
        return [row["reason"] for row in self.flow.rows(sa.select(table).order_by(table.c.id))]

    @property
    def alerts(self) -> list[str]:
        return self.reasons(Alert)

    @property
    def tasks(self) -> list[str]:
        return self.reasons(Task)

    @property
    def parked(self) -> list[str]:
        return self.reasons(Parked)


Open = Callable[..., Shop]


@pytest.fixture(params=["monsum", pytest.param("fastbill", marks=pytest.mark.slow)])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_shop() -> Iterator[Open]:
    """Open a shop: `at` is a local time, `policy` goes over the test's own, `helpers` adds the other workflows."""
    with ExitStack() as stack:

        def opened(
            at: str = "2026-11-20 10:00",
            *,
            policy: dict[str, Any] | None = None,
            kind: str = "monsum",
            mode: str = "auto",
            helpers: bool = False,
            **said: Any,
        ) -> Shop:
            others = (sweep, watch_changes, follow_bounce) if helpers else ()
            start = datetime.fromisoformat(at).replace(tzinfo=BERLIN)
            flow = Flow(auto_send, *others, policy=POLICY | (policy or {}), mode=mode, kind=kind, start=start, **{"scans": False} | said)  # type: ignore[arg-type]
            return Shop(stack.enter_context(flow))

        yield opened
