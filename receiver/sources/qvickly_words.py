"""Qvickly's status words: one lower-case word for each, whoever says it.

Owns which words are known where. A word that is not known is never guessed: what says it is put before a person.
Source: facts about Qvickly, section "Status words": topics Callbacks, Status, activatePayment, and the shop plugins, read 2026-11-21.
"""

# What a callback may say: the documented words, and those the provider's own shop plugin compares with.
CALLBACK = frozenset({"created", "paid", "factoring", "handling", "pending", "cancelled", "approved", "denied", "failed"})
# What getPaymentinfo may say: there the word of the credit check stands in place of the status.
PAYMENT = CALLBACK | {"partpayment", "credited", "rejected", "manual", "factoringwithregress", "factoringwithoutregress"}
_OLD = {"service": "handling", "canceled": "cancelled"}


def word(said: str) -> str:
    """A status in lower case, an old word as today's; a word nobody knows as it is."""
    low = said.strip().lower()
    return _OLD.get(low, low)
