"""An invoice that changes after it was sent: nothing is sent again, a person is told that the customer holds another version.

The change before the send is auto-send's own matter (workflow.py restarts the hold).
"""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import Connection

from workers.authoring import InvoiceChanged, NotFound, Run, effects_about, monsum, untold, workflow
from workflows.auto_send.sending import SEND

LOOKS_MAX = 10
NOT_SENT = "not_sent"
untold("auto-send-changes", NOT_SENT)


class Sent(BaseModel):
    """The last send of an invoice that was carried out or may have been."""

    model_config = ConfigDict(frozen=True)

    version: str
    state: str


@workflow("auto-send-changes", on=InvoiceChanged, key=lambda event: event.invoice_id)
def watch_changes(run: Run, event: InvoiceChanged) -> None:
    """Compare what was sent with what the invoice says now."""
    for look in range(LOOKS_MAX):
        sent = run.step(f"what was sent {look}", last_sent, run.source, event.invoice_id)
        if sent is None:
            run.skip(NOT_SENT)
        if sent.state != "calling":
            _compare(run, event.invoice_id, sent.version)
            return
        run.sleep_until(run.now() + timedelta(minutes=1), name=f"call under way {look}")
    run.task("call under way", "call_never_settled", invoice=event.invoice_id)


def _compare(run: Run, invoice_id: str, sent_version: str) -> None:
    try:
        now = run.read("invoice", monsum.invoice, invoice_id)
    except NotFound:
        run.skip("invoice_not_found")
    if now.doc_version == sent_version:
        run.skip("same_version")
    run.park("changed after send", "changed_after_send", invoice=invoice_id, sent_version=sent_version)


def last_sent(connection: Connection, source: str, invoice_id: str) -> Sent | None:
    """What the ledger says of the newest send that was called, or None."""
    called = [one for one in effects_about(connection, source, invoice_id, (SEND,)) if one.state in ("calling", "unknown", "done")]
    return Sent(version=called[-1].version, state=called[-1].state) if called else None
