"""By which way an invoice leaves: the customer's INVOICE_DELIVERY_METHOD through the policy's map, never a guess.

Pure. Which values that field can hold is in no source, so an unmapped one is a matter for a person, unless the linked customer of another
system says whether bills go on paper.
"""

from workers.authoring import CustomerDoc, Linked
from workflows.auto_send.policy import AutoSendPolicy, Channel


def channel_of(customer: CustomerDoc, policy: AutoSendPolicy, linked: Linked | None = None) -> Channel | None:
    """The mapped channel, else that of the linked customer, or None where neither says one. An empty field is looked up as ""."""
    mapped = policy.channel_map.get((customer.delivery_method or "").strip().lower())
    if mapped is not None or linked is None or linked.paper_bill is None:
        return mapped
    return "post" if linked.paper_bill else "email"
