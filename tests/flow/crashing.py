"""A whole small workflow, dropped at chosen points and taken up by another worker."""

from collections.abc import Callable, Iterable
from datetime import timedelta

import sqlalchemy as sa

from receiver.db import table_of
from receiver.event import SendStopped
from tests.workers.letters import MAIL_UNCAPPED, PAY
from workers.authoring import InvoiceCompleted, Run, monsum, workflow
from workers.ledger import EffectRow
from workers.runs import RunRow
from workers.runtime import Runtime
from workers.sweeper import Sweeper
from workers.testing.flow import START, Flow

LEASE = timedelta(seconds=31)


class Crash(BaseException):
    """The worker is gone, in the middle of it."""


def ready() -> str:
    return "ready"


@workflow("t-crash", on=InvoiceCompleted)
def crashed(run: Run, event: InvoiceCompleted) -> None:
    """Sleep, read, step, an effect that can only be asked once, one that can be read back, a wait, a step."""
    run.sleep_until(event.at + timedelta(minutes=1))
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.step("prepare", ready)
    run.effect("mail", MAIL_UNCAPPED, invoice, recipient="max@example.com", subject="Ihre Rechnung", message="Anbei.")
    run.effect("pay", PAY, invoice)
    run.wait_for(SendStopped, until=event.at + timedelta(minutes=30), name="stop")
    run.step("end", ready)


class Crashes:
    """A Flow whose worker is lost at the points numbered in `at`; another owner goes on once the lease has ended.

    `repair` is done to the database before the next worker begins; the shipped engine needs none.
    """

    def __init__(self, at: Iterable[int], *, repair: Callable[[Flow], None] = lambda flow: None) -> None:
        self.flow = Flow(crashed)
        self.passed: list[str] = []
        self._at, self._repair, self._workers = set(at), repair, 1
        self.flow.runtime.point = self._point

    def __enter__(self) -> "Crashes":
        return self

    def __exit__(self, *_: object) -> None:
        self.flow.close()

    def tell(self) -> None:
        """The whole scenario: an invoice is completed; ten minutes later somebody says stop; twenty more pass."""
        ids = self.flow.sandbox.trigger("invoice.completed")
        for notification in self.flow.sandbox.drain():
            self._survive(lambda body=notification.body: self.flow.deliver(body))  # type: ignore[misc]
        self.until(START + timedelta(minutes=10))
        stop = SendStopped(source="shop", at=self.flow.clock.now, **ids)
        self._survive(lambda: self.flow.signal(stop))
        self.until(START + timedelta(minutes=35))

    def until(self, goal: object) -> None:
        while self.flow.clock.now < goal:  # type: ignore[operator]
            self._survive(lambda: self.flow.advance(until=goal))  # type: ignore[arg-type]

    def _point(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) in self._at:
            raise Crash

    def _survive(self, do: Callable[[], object]) -> None:
        try:
            do()
        except Crash:
            self._take_over()

    def _take_over(self) -> None:
        self._workers += 1
        self._repair(self.flow)
        old = self.flow.runtime
        self.flow.runtime = Runtime(
            db=old.db, clock=old.clock, registry=old.registry, accounts=old.accounts, policies=old.policies, head=old.head,
            point=self._point, owner=f"worker-{self._workers}",
        )  # fmt: skip
        self.flow.sweeper = Sweeper(runtime=self.flow.runtime, drives=True)
        self.flow.clock.pass_(LEASE)
        self._survive(self.flow.settle)

    def times(self, service: str) -> int:
        return sum(1 for name, _ in self.flow.calls if name == service)

    def states(self) -> dict[str, str]:
        table = table_of(EffectRow)
        return {row["step"]: row["state"] for row in self.flow.rows(sa.select(table.c.step, table.c.state))}

    def run(self) -> sa.RowMapping:
        """The one run."""
        (row,) = self.flow.rows(sa.select(table_of(RunRow)))
        return row
