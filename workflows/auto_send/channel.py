"""By which way an invoice leaves: the customer's INVOICE_DELIVERY_METHOD through the policy's map, never a guess.

Pure. Which values that field can hold is in no source, so an unmapped one is a matter for a person.
"""

from workers.authoring import CustomerDoc
from workflows.auto_send.policy import AutoSendPolicy, Channel


def channel_of(customer: CustomerDoc, policy: AutoSendPolicy) -> Channel | None:
    """The mapped channel, or None where the value is not mapped. An empty field is looked up as ""."""
    return policy.channel_map.get((customer.delivery_method or "").strip().lower())
