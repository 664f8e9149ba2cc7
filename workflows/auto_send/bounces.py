"""E-mails that came back: an address that bounced hard is not used again, a soft bounce is tried three times more within a day.

Hard bounces are found again in the event table when the next e-mail is due (errand.py): a changed address is free of them. Sending
again is an operator's `resend` given by rule, so it opens a generation of its own.
"""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import Connection

from workers.authoring import (
    EmailBounced,
    InvoiceCanceled,
    Order,
    Run,
    effects_about,
    events_of_invoice,
    give_order,
    policy_of_run,
    workflow,
)
from workflows.auto_send.recipient import address_hash
from workflows.auto_send.sending import SEND

SOFT_PAUSES = (timedelta(hours=1), timedelta(hours=7), timedelta(hours=16))


class Mailed(BaseModel):
    """The last e-mail of an invoice: its effect, to whom, and what its policy says of a hard bounce."""

    model_config = ConfigDict(frozen=True)

    effect: str
    address_hash: str
    on_hard_bounce: str


@workflow(
    "auto-send-bounces", on=EmailBounced, key=lambda event: f"{event.invoice_id}@{event.at.isoformat()}", cancel_on=(InvoiceCanceled,)
)
def follow_bounce(run: Run, event: EmailBounced) -> None:
    """What one bounce asks for."""
    mailed = run.step("what was mailed", last_mailed, run.source, event.invoice_id)
    if mailed is None:
        run.skip("not_sent")
    if event.address_hash not in (None, mailed.address_hash):
        run.skip("other_address")
    if event.bounce == "soft":
        _try_again(run, event, mailed)
    else:
        run.task("address bounced", "address_bounced", invoice=event.invoice_id, effect=mailed.effect)
        if mailed.on_hard_bounce == "post":
            run.step("order a letter", order_resend, run.source, run.id, mailed.effect, "bounced hard: post", run.now())


def _try_again(run: Run, event: EmailBounced, mailed: Mailed) -> None:
    before = run.step("soft bounces so far", soft_bounces, run.source, event.invoice_id)
    if before > len(SOFT_PAUSES):
        run.task("soft bounces", "soft_bounces", invoice=event.invoice_id, effect=mailed.effect)
        return
    run.sleep_until(event.at + SOFT_PAUSES[before - 1], name="pause")
    run.step("order another mail", order_resend, run.source, run.id, mailed.effect, "bounced softly", run.now())


def last_mailed(connection: Connection, source: str, invoice_id: str) -> Mailed | None:
    """The newest e-mail of an invoice that is done, or None."""
    done = [one for one in effects_about(connection, source, invoice_id, (SEND,)) if one.state == "done" and "recipient" in one.request]
    if not done:
        return None
    policy = policy_of_run(connection, done[-1].run_id)
    hashed = address_hash(done[-1].request["recipient"]["to"])
    return Mailed(effect=done[-1].id, address_hash=hashed, on_hard_bounce=policy.get("on_hard_bounce", "task"))


def soft_bounces(connection: Connection, source: str, invoice_id: str) -> int:
    """How many soft bounces an invoice has had."""
    told = events_of_invoice(connection, source, invoice_id, (EmailBounced,))
    return sum(isinstance(event, EmailBounced) and event.bounce == "soft" for event in told)


def order_resend(connection: Connection, source: str, run_id: str, effect: str, reason: str, now: datetime) -> str:
    """Order an effect to be carried out once more; its id."""
    order = Order(act="resend", subject=effect, reason=reason, actor="auto-send-bounces")
    give_order(connection, order, source=source, at=now, id=f"{run_id}:{effect}")
    return effect
