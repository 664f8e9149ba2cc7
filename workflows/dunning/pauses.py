"""Pauses that were to last longer than `pause_days_max`: cut to it at the next look, with a reminder to people that they were.

Called by outlook.py inside its step. The cut is an event like a person's own, so that the check at the call sees it too.
"""

from sqlalchemy.engine import Connection

from workers.authoring import Paused, give_event
from workflows.dunning.account import Account
from workflows.dunning.policy import NAME

WHY = "cut to pause_days_max"


def cut_pauses(connection: Connection, account: Account, invoice_id: str) -> bool:
    """End each longer pause of the invoice or its customer on the last day the policy allows; whether there was one."""
    long = [(span, last) for span in account.noted_blocks(connection, invoice_id) if (last := account.cut(span)) is not None]
    for span, last in long:
        whose = invoice_id if span.scope == "invoice" else None
        event = Paused(
            source=account.source, at=account.now, customer_id=account.customer_id, invoice_id=whose, reason=WHY, until=last
        )  # fmt: skip
        give_event(connection, event, actor=NAME, at=account.now, id=f"cut:{whose or account.customer_id}:{span.opened_at.isoformat()}")
    return bool(long)
