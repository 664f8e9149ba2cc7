"""Claims that a person decides: paid or waived, as `billhook claims` says; the task that asked for it is closed.

A workflow of its own, for the ladder's run has ended by then. It books nothing at the provider, where no claim is known.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from workers.authoring import ClaimsSettled, Run, close_tasks, workflow
from workflows.dunning import tables
from workflows.dunning.claims import Claim, decided
from workflows.dunning.outlook import CLAIMS_LEFT


@workflow("dunning-claims", on=ClaimsSettled, key=lambda event: f"{event.invoice_id}/{event.at.isoformat()}")
def settle_claims(run: Run, event: ClaimsSettled) -> None:
    """Put the open claims of one invoice, or those of one kind, into the state the person said."""
    said = run.step("settle claims", settle, event, run.now())
    if not said:
        run.skip("no_open_claims")


def settle(connection: Connection, event: ClaimsSettled, now: datetime) -> dict[str, Any]:
    """{"state", "reason"}: what was settled, each claim with its level and amount; empty where nothing was open."""
    claims = tables.claims_of(connection, event.source, event.invoice_id)
    settled = decided(claims, event.state, kind=event.kind)
    changed = [after for before, after in zip(claims, settled, strict=True) if before.state == "open" and after.state == event.state]
    if not changed:
        return {}
    tables.put_claims(connection, event.source, event.invoice_id, settled, at=now)
    if not any(claim.state == "open" for claim in settled):
        close_tasks(connection, event.source, CLAIMS_LEFT, invoice=event.invoice_id, at=now, actor="dunning-claims")
    return {"state": event.state, "reason": "; ".join(in_words(claim) for claim in changed)}


def in_words(claim: Claim) -> str:
    """ "interest 10.38 EUR (level 3)" """
    return f"{claim.kind} {claim.amount.rounded().amount} {claim.amount.currency} (level {claim.level})"
