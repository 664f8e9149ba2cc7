"""A payment for a top-up that was given up: we have the money and the customer no credits. People hear of it at once.

The event is a hint, for a part that was cancelled down to nothing is told like a payment: a fresh read decides, as it does for the grant.
Nothing is granted by it: `credits.resume` says that a person looked.
"""

from workers.authoring import InvoicePaid, NotFound, Run, monsum, untold, workflow
from workflows.credits import books
from workflows.credits.effects import is_paid

NOT_OURS = "not_a_failed_topup"
untold("credits-late", NOT_OURS)


@workflow("credits-late", on=InvoicePaid, key=lambda event: f"invoice:{event.invoice_id}")
def late_payment(run: Run, event: InvoicePaid) -> None:
    """One paid invoice, of a top-up or not."""
    if event.customer_id is None:
        run.skip("customer_unknown")
    if not run.step("uncharged", books.is_uncharged, run.source, event.invoice_id):
        run.skip(NOT_OURS)
    try:
        if not is_paid(run.read("invoice", monsum.invoice, event.invoice_id)):
            run.skip("nothing_came_in")
    except NotFound:
        run.skip("invoice_not_found")
    uid = run.step("paid after all", books.paid_after_all, run.source, event.customer_id, event.invoice_id, run.now())
    if not uid:
        run.skip(NOT_OURS)
    said = {"customer": event.customer_id, "invoice": event.invoice_id, "order": uid}
    run.alert("paid late", "paid_not_granted", about=f"{run.source}/{event.customer_id}", **said)
    run.task("grant what was paid", "paid_not_granted", **said)
