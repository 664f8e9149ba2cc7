"""Before a VAT id first decides that an invoice carries no VAT, it is asked about once more; people hear what came of it.

Looks at every invoice without VAT of a customer whose number is another member state's: as a draft where the provider tells of drafts,
else on completion, within auto-send's hold. It never holds an invoice back and changes no tax treatment: that is a person's to do.
"""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import count
from zoneinfo import ZoneInfo

from babel.core import get_global
from sqlalchemy.engine import Connection
from stdnum.eu import vat as eu_vat

from workers.authoring import (
    CustomerDeleted,
    Event,
    InvoiceCompleted,
    InvoiceCreated,
    InvoiceDoc,
    NotFound,
    Run,
    Signal,
    event,
    events_of_customer,
    give_event,
    monsum,
    open_invoices,
    untold,
    workflow,
)
from workflows.customers.policy import ReverseChargePolicy
from workflows.customers.vat import Checked, compact, settled

NAME = "customers-vat-invoice"
QUIET = ("vat_charged", "no_vat_id", "not_abroad", "asked_before", "customer_unknown")
untold(NAME, *QUIET)


@event("vat_id.checked")
@dataclass(frozen=True, slots=True, kw_only=True)
class VatIdChecked(Event, Signal):
    """A VAT id was asked about before its first invoice without VAT. `verdict`: "valid" or "invalid"; `vat_id_hash`: SHA-256 of the id."""

    customer_id: str
    vat_id_hash: str
    verdict: str


@workflow(
    NAME,
    on=(InvoiceCreated, InvoiceCompleted),
    key=lambda event: f"customer:{event.customer_id or event.invoice_id}",
    about="customer",
    cancel_on=(CustomerDeleted,),
    policy=ReverseChargePolicy,
    kinds=("monsum", "fastbill"),
)
def before_first_use(run: Run, event: InvoiceCreated | InvoiceCompleted) -> None:
    """One invoice, draft or completed."""
    id, invoice_id, policy = event.customer_id, event.invoice_id, run.policy()
    if id is None:
        run.skip("customer_unknown")
    if run.setting("VAT as told", lambda connection: is_told_with_vat(connection, run.source, id, invoice_id)):
        run.skip("vat_charged")
    if not _is_without_vat(run, invoice_id):
        run.skip("vat_charged")
    for round in count():
        vat_id = _vat_id(run, id, policy, round)
        hashed = hashlib.sha256(vat_id.encode()).hexdigest()
        if run.setting(f"asked {round}", partial(was_asked, source=run.source, customer_id=id, hashed=hashed)):
            run.skip("asked_before")
        checked = settled(run, policy, id, vat_id, f"{round}", lambda first: _not_known(run, invoice_id, first))
        if checked is None:
            continue
        _tell(run, invoice_id, checked)
        if checked.verdict != "unknown":
            kept = VatIdChecked(source=run.source, at=run.now(), customer_id=id, vat_id_hash=hashed, verdict=checked.verdict)
            run.step("keep", keep, kept, run.id)
        return


def _is_without_vat(run: Run, invoice_id: str) -> bool:
    try:
        return is_without_vat(run.read("invoice", monsum.invoice, invoice_id))
    except NotFound:
        run.skip("invoice_not_found")


def _vat_id(run: Run, customer_id: str, policy: ReverseChargePolicy, round: int) -> str:
    """The customer's VAT id where it is another member state's. Ends the run where it is not."""
    try:
        vat_id = compact(run.read(f"customer {round}", monsum.customer, customer_id).vat_id)
    except NotFound:
        run.skip("customer_not_found")
    if not vat_id:
        run.skip("no_vat_id")
    if not is_abroad(vat_id, policy.country or country_of(run.zone)):
        run.skip("not_abroad")
    return vat_id


def _not_known(run: Run, invoice_id: str, checked: Checked) -> None:
    run.alert("not known yet", "reverse_charge_vat_id_unknown", invoice=invoice_id, why=checked.why)


def _tell(run: Run, invoice_id: str, checked: Checked) -> None:
    if checked.verdict == "invalid":
        run.task("invalid", "reverse_charge_vat_id_invalid", invoice=invoice_id, why=checked.why)


def is_without_vat(invoice: InvoiceDoc) -> bool:
    """Something is charged, and no VAT on it. An invoice that does not say is none."""
    vat = invoice.fields.get("vat_total")
    return invoice.total is not None and invoice.total.amount > 0 and vat not in (None, "") and Decimal(str(vat)) == 0


def is_abroad(vat_id: str, own: str | None) -> bool:
    """Whether a compact VAT id is that of a member state of the EU other than one's own (Greece writes EL)."""
    prefix = vat_id[:2].replace("EL", "GR")
    return prefix.lower() in eu_vat.MEMBER_STATES and prefix != own


def country_of(zone: ZoneInfo) -> str | None:
    """The country of a zone, such as "DE" of Europe/Berlin; None where the zone is no country's."""
    found: str | None = get_global("zone_territories").get(str(zone))
    return found


def is_told_with_vat(connection: Connection, source: str, customer_id: str, invoice_id: str) -> bool:
    """Whether what notifications told of a completed invoice shows VAT: then nothing needs to be read."""
    known = [doc for doc in open_invoices(connection, source, customer_id=customer_id) if doc.id == invoice_id]
    return any(Decimal(str(doc.fields.get("vat_total") or "0")) > 0 for doc in known)


def was_asked(connection: Connection, source: str, customer_id: str, hashed: str) -> bool:
    """Whether this very number was asked about for an earlier invoice, and somebody could tell."""
    return any(one.vat_id_hash == hashed for one in events_of_customer(connection, source, customer_id, (VatIdChecked,)))


def keep(connection: Connection, checked: VatIdChecked, run_id: str) -> str:
    """Give the event; the verdict."""
    give_event(connection, checked, actor=NAME, at=checked.at, id=run_id)
    return checked.verdict
