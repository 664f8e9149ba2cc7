"""Payment plans: a person agreed instalments with a customer; where the law gives a fee for that (lag (1981:739)), it is claimed once.

Owns the event `plan.agreed`. outlook.py takes what was told into account; that nothing is demanded meanwhile is a promise's business.
"""

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from workers.authoring import InvoiceEvent, Signal, event
from workflows.dunning import tables
from workflows.dunning.account import Account
from workflows.dunning.claims import plan_fee
from workflows.dunning.notice import last_delivered


@event("plan.agreed")
@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAgreed(InvoiceEvent, Signal):
    """A person agreed a payment plan (avbetalningsplan) about an overdue invoice with its customer, in writing."""


def take_in_plan(connection: Connection, account: Account, invoice_id: str) -> None:
    """Claim the fee of a plan that was told of; a run that only observes claims nothing."""
    if account.observed_by or account.ladder.plan_fee is None:
        return
    if not account.told(connection, invoice_id, (PlanAgreed,)):
        return
    reached = last_delivered(tables.notices_of(connection, account.source, invoice_id))
    claims = tables.claims_of(connection, account.source, invoice_id)
    added = plan_fee(account.ladder, 0 if reached is None else reached.level, currency=account.currency, earlier=claims)
    tables.put_claims(connection, account.source, invoice_id, added, at=account.now)
