"""What no webhook and no run took care of: every quarter of an hour, invoices nobody looked at, and e-mails nobody knows about.

Starts auto-send for the former. For the latter it gives the two orders a person would give, where the policy says
`unknown_email = "resend_once_marked"`: take the first as sent, then send once more, marked. It never sends anything itself.
"""

from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from workers.authoring import (
    Every,
    Order,
    Run,
    Tick,
    completed_without_run,
    give_order,
    monsum,
    policy_of_run,
    unknown_effects,
    workflow,
)
from workflows.auto_send.workflow import NAME

LEFT_ALONE = timedelta(minutes=10)
AT_ONCE = 50


@workflow("auto-send-sweep", on=Every("15m"))
def sweep(run: Run, event: Tick) -> None:
    """One look at what is left over."""
    started = run.step("start what nobody looked at", start_missing, run.source, run.id, run.now())
    resent = run.step("send unknown e-mails once more", resend_unknown, run.source, run.id, run.now())
    if not started and not resent:
        run.skip("nothing_missing")


def start_missing(connection: Connection, source: str, run_id: str, now: datetime) -> list[str]:
    """Order auto-send for completed invoices without a run; their ids."""
    missing = completed_without_run(connection, source, NAME, before=now - LEFT_ALONE, limit=AT_ONCE)
    for event_id, _ in missing:
        order = Order(act="replay", subject=str(event_id), workflow=NAME, reason="no run looked at it", actor="auto-send-sweep")
        give_order(connection, order, source=source, at=now, id=f"{run_id}:{event_id}")
    return [invoice_id for _, invoice_id in missing]


def resend_unknown(connection: Connection, source: str, run_id: str, now: datetime) -> list[str]:
    """Order a marked second mail for unknown e-mails, once per invoice; their ids. A second one that is unknown too is left to a person."""
    done = []
    for unknown in unknown_effects(connection, source, NAME, monsum.send_by_email.name, called_before=now - LEFT_ALONE):
        if unknown.reissued or policy_of_run(connection, unknown.run_id).get("unknown_email") != "resend_once_marked":
            continue
        actor, reason = "auto-send-sweep", "unknown_email = resend_once_marked"
        taken_as_sent = Order(act="resolve", subject=unknown.id, did=True, reason=reason, actor=actor)
        for order in (taken_as_sent, Order(act="resend", subject=unknown.id, reason=reason, actor=actor)):
            give_order(connection, order, source=source, at=now, id=f"{run_id}:{order.act}:{unknown.id}")
        done.append(unknown.object_id)
    return done
