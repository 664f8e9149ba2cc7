"""A transfer that came in before the top-up it is for: kept once for each reference, then the customer is looked at.

A workflow of its own, so that none is lost while a top-up of the customer is under way. It moves no money.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from workers.authoring import Money, Run, give_event, happening, workflow
from workflows.credits import transfers
from workflows.credits.happenings import CreditsLook, CreditsReceived


@workflow("credits-received", on=CreditsReceived, key=lambda event: f"reference:{event.reference}", kinds=("monsum", "fastbill"))
def received(run: Run, event: CreditsReceived) -> None:
    """Keep one transfer."""
    said = {"customer": event.customer_id, "reference": event.reference}
    if event.amount.amount <= 0:
        run.task("look at the transfer", "amount_not_positive", **said)
        run.skip("amount_not_positive")
    kept = run.step("keep", transfers.keep, event, run.now())
    if kept == "differs":
        run.task("look at the transfer", "reference_differs", **said)
        run.skip("reference_differs")
    if kept == "known":
        run.skip("reference_known")
    run.step("look", look_at, run.source, run.id, event.customer_id, run.now())


def look_at(connection: Connection, source: str, run_id: str, customer_id: str, now: datetime) -> bool:
    """Have the customer looked at: the balance may have been low for want of means."""
    give_event(
        connection, CreditsLook(source=source, at=now, customer_id=customer_id), actor="credits-received", at=now, id=f"{run_id}:look"
    )
    return True


@happening("credits_received", needs=("customer", "amount"), may=("on", "reference", "currency"))
def credits_received(said: Mapping[str, Any], source: str, at: datetime) -> CreditsReceived:
    """A transfer of a prepaid customer came in; on `on`, else that day."""
    return CreditsReceived(
        source=source, at=at, customer_id=said["customer"], amount=Money(said["amount"], said.get("currency", "EUR")),
        received_on=said.get("on", at.date()), reference=said.get("reference", f"transfer {at:%Y-%m-%d %H:%M}"),
    )  # fmt: skip
