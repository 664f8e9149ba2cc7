"""A shop with prepaid customers, in which credits is at work; local times are Berlin's."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from workers.desk import Alert, Task
from workers.testing.flow import Flow
from workflows.credits.late import late_payment
from workflows.credits.receiving import received
from workflows.credits.tables import CreditsOrder
from workflows.credits.withdraw import withdraw_unpaid
from workflows.credits.workflow import credits

BERLIN = ZoneInfo("Europe/Berlin")
DEBIT = {"PAYMENT_TYPE": "2", "BANK_ACCOUNT_MANDATE_REFERENCE": "M-1", "BANK_ACCOUNT_MANDATE_REFERENCE_DATE": "2026-01-05"}


class Shop:
    """What the tests ask about one flow."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    def customer(self, balance: str, **fields: Any) -> str:
        """A customer who pays by direct debit; the id. Nothing is announced but the creation."""
        id = self.flow.trigger("customer.created")["customer_id"]
        self.flow.sandbox.account.customers[id].update({**DEBIT, "CREDIT_BALANCE": Decimal(balance), **fields})
        return id

    def use(self, customer: str, balance: str) -> None:
        """Credits were used up, silently, until this balance was left."""
        self.flow.sandbox.account.customers[customer]["CREDIT_BALANCE"] = Decimal(balance)

    def hint(self, customer: str, **fields: str) -> None:
        """A customer.updated webhook."""
        self.flow.trigger("customer.updated", customer_id=customer, **fields)

    def balance(self, customer: str) -> str:
        return str(self.flow.sandbox.account.customers[customer]["CREDIT_BALANCE"])

    def jump(self, **span: float) -> None:
        """Much later, without stopping at every sweep on the way."""
        self.flow.clock.move(self.flow.clock.now + timedelta(**span))
        self.flow.advance(minutes=1)

    @property
    def grants(self) -> list[str]:
        """The amounts of every addcredits call the provider acted on."""
        return [str(call.data["AMOUNT"]) for call in self.flow.sandbox.calls if call.service == "customer.addcredits" and call.acted]

    @property
    def services(self) -> list[str]:
        """Every writing call the provider acted on."""
        return [service for service, _ in self.flow.calls]

    @property
    def orders(self) -> list[tuple[str, str, str | None]]:
        """(state, amount, proof) of every order."""
        table = table_of(CreditsOrder)
        return [(row["state"], row["amount"], row["proof"]) for row in self.flow.rows(sa.select(table).order_by(table.c.id))]

    def told(self, model: Any) -> list[tuple[str, int]]:
        """(reason, how often) of alerts or tasks."""
        table = table_of(model)
        return [(row["reason"], row.get("count", 1)) for row in self.flow.rows(sa.select(table).order_by(table.c.id))]

    @property
    def alerts(self) -> list[tuple[str, int]]:
        return self.told(Alert)

    @property
    def tasks(self) -> list[str]:
        return [reason for reason, _ in self.told(Task)]

    @property
    def reasons(self) -> list[str | None]:
        """Why runs of customers ended, in order; sweeps left out."""
        return [reason for name, key, _, reason in self.flow.runs if name == "credits" and key.startswith("customer:")]


Open = Callable[..., Shop]


@pytest.fixture
def open_shop() -> Iterator[Open]:
    """Open a shop: `at` is a local time; keywords are the policy's."""
    with ExitStack() as stack:

        def opened(at: str = "2026-11-20 10:01", *, mode: str = "auto", database: Database | None = None, **policy: Any) -> Shop:
            start = datetime.fromisoformat(at).replace(tzinfo=BERLIN)
            flow = Flow(
                credits, withdraw_unpaid, late_payment, received, policy=policy, mode=mode, start=start, database=database, scans=False
            )
            return Shop(stack.enter_context(flow))

        yield opened
