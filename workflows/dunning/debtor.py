"""Who owes: a business or a consumer. It decides the rate, the flat sum and the fees.

Pure. Whoever is not known to be a business is treated as a consumer, who owes less.
"""

from typing import Literal

Debtor = Literal["business", "consumer"]


def debtor_of(customer_type: str | None) -> Debtor:
    """The kind of debtor behind CUSTOMER_TYPE as `CustomerDoc.type` says it; None and unknown words are a consumer."""
    return "business" if customer_type == "business" else "consumer"
