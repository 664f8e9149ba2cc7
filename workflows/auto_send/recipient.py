"""Whom an e-mail or a letter reaches, and why it would not.

Pure. An address is refused here before a provider can lose the mail; another field is never used in its place.
"""

import hashlib
from collections.abc import Collection, Sequence

from email_validator import EmailNotValidError, validate_email

from workers.authoring import CustomerUpdated, EmailBounced, Event, InvoiceDoc


def address_problem(address: str | None, *, placeholders: Sequence[str], suppressed: Collection[str]) -> str | None:
    """Why nothing can be mailed to `address`, as a reason code, or None. `suppressed` holds hashes of bounced addresses."""
    if not (address or "").strip():
        return "no_email"
    text = str(address).strip()
    domain = text.rpartition("@")[2].lower().rstrip(".")
    if any(domain == fake or domain.endswith(f".{fake}") for fake in placeholders):
        return "placeholder_address"
    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return "invalid_email"
    return "address_bounced" if address_hash(text) in suppressed else None


def address_hash(address: str) -> str:
    """SHA-256 of the lower-case address, hex: what an `email.bounced` event names."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()


def suppressed_hashes(told: Sequence[Event], sent_to: dict[str, str]) -> set[str]:
    """Addresses that bounced hard and were not changed since.

    `told`:    EmailBounced and CustomerUpdated events of one customer, in order.
    `sent_to`: invoice id -> hash of the address it was mailed to, for a bounce that does not name its address.
    """
    found: set[str] = set()
    for event in told:
        if isinstance(event, EmailBounced) and event.bounce == "hard":
            bounced = event.address_hash or sent_to.get(event.invoice_id)
            found |= {bounced} if bounced else set()
        elif isinstance(event, CustomerUpdated) and "email" in event.fields:
            found.clear()  # a changed address is a new one, also where somebody entered the old one again
    return found


def can_be_posted(invoice: InvoiceDoc) -> bool:
    """The printed address names somebody, a street, a postcode and a town."""
    said = invoice.fields
    return bool(said.get("organization") or said.get("last_name")) and all(said.get(name) for name in ("address", "zipcode", "city"))
