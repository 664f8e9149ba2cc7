"""The invoice of a top-up that came to nothing stays unpaid: propose to cancel it. A person says yes, always.

The sweep of credits gives the event; what is still unpaid is decided by a fresh read.
"""

from decimal import Decimal

from workers.authoring import EffectCancelled, EffectExpired, NotFound, Run, monsum, workflow
from workflows.credits.effects import UID, TopUpInvoice, why_not_withdrawn, withdraw
from workflows.credits.happenings import CreditsUnpaid


@workflow("credits-withdraw", on=CreditsUnpaid, key=lambda event: f"invoice:{event.invoice_id}")
def withdraw_unpaid(run: Run, event: CreditsUnpaid) -> None:
    """One unpaid invoice."""
    try:
        invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    except NotFound:
        run.skip("invoice_not_found")
    amount = invoice.total.amount if invoice.total else Decimal(0)
    unpaid = TopUpInvoice(source=run.source, id=invoice.id, uid=invoice.ext_uid or UID, amount=amount, currency=invoice.currency)
    if invoice.type == "draft":
        run.task("delete the draft", "topup_draft_left", customer=event.customer_id, invoice=invoice.id)
        run.skip("draft_left")
    if reason := why_not_withdrawn(invoice, unpaid):
        run.skip(reason)
    try:
        run.effect("cancel", withdraw, unpaid, description="Aufladung nicht bezahlt")
    except (EffectCancelled, EffectExpired) as ended:
        run.skip(str(getattr(ended, "reason", "") or "approval_expired"))
