"""Approvals: whether an effect needs a person's yes, why, and whether it has one for exactly this request.

Used by workers/effects.py at the intent and by workers/calls.py in the transaction that commits `calling`. A yes is bound to the
request and its amount, and `valid_until` ends it.
"""

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.engine import Connection

from workers import ledger
from workers.deed import Deed
from workers.errors import StepInvalid

BY_MODE = "mode_propose"


def needed(deed: Deed, request: BaseModel) -> str | None:
    """The author's reason for asking a person about this request, or None. Raises StepInvalid where when= gives no truth value."""
    approval = deed.effect.approval
    if approval is None:
        return None
    named = f'when= of the approval of effect "{deed.step}" ({deed.effect.service.name})'
    found = approval.when(deed.policy(), deed.obj, request)
    if not isinstance(found, bool):
        raise StepInvalid(f"{named} gives neither True nor False: return one of them", file=deed.workflow.file)
    return approval.why if found else None


def still_needed(deed: Deed, row: sa.RowMapping) -> str | None:
    """The author's reason for asking a person about the stored request, or None."""
    if deed.effect.approval is None or not ledger.is_as_planned(row):
        return None
    return needed(deed, deed.request(row))


def given(connection: Connection, row: sa.RowMapping) -> bool:
    """Whether a person approved exactly this request and amount, and that still counts."""
    now = ledger.load(connection, row["id"])
    return now is not None and now["approved_for"] == ledger.bound_to(row)
