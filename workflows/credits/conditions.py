"""Whether a customer is topped up at all: enrolled, reachable by a charge, and not behind with invoices.

Pure, except for one query of the ledger's slots. What is not known is a reason to do nothing, never a guess.
"""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.authoring import CustomerDoc
from workflows.credits.policy import CreditsPolicy

ON, OFF = ("auto", "on", "yes", "true", "1"), ("off", "no", "false", "0")
DIRECT_DEBIT, CARD = "2", "6"
# Dunning's slots: an invoice, purpose "notice", the level, L0 or S0 first. A reminder is not yet a formal notice.
_NOTICED = sa.text(
    "SELECT DISTINCT slot.object_id FROM slot JOIN effect ON effect.id = slot.effect_id WHERE slot.source = :source"
    " AND effect.customer_id = :customer AND slot.purpose = 'notice' AND slot.version NOT LIKE 'L0%' AND slot.version NOT LIKE 'S0%'"
    " AND effect.state IN ('calling', 'unknown', 'done') ORDER BY slot.object_id"
)


def not_enrolled(policy: CreditsPolicy, customer_id: str, attributes: Mapping[str, str] | None, *, has_had_credits: bool) -> str | None:
    """Why this customer is none of ours, or None. The X_ATTRIBUTE named by the policy beats everything."""
    said = (attributes or {}).get(policy.attribute, "").strip().lower()
    if said in OFF:
        return "switched_off"
    if said in ON or customer_id in policy.customers:
        return None
    if policy.enrolled == "listed":
        return "not_enrolled"
    return None if has_had_credits else "never_had_credits"


def cannot_pay(customer: CustomerDoc) -> str | None:
    """Why no charge can be made, or None: a direct debit needs a mandate with its date, a card a token."""
    said = customer.fields
    if customer.payment_type == DIRECT_DEBIT:
        return None if said.get("mandate_reference") and said.get("mandate_date") else "no_mandate"
    if customer.payment_type == CARD:
        return None if said.get("payment_token") else "no_payment_token"
    return "no_payment_means"


def noticed_invoices(connection: Connection, source: str, customer_id: str) -> list[str]:
    """Invoices of a customer for which dunning sent, or may have sent, a formal notice."""
    return [str(row[0]) for row in connection.execute(_NOTICED, {"source": source, "customer": customer_id})]
