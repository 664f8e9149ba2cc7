"""What can be made to happen at the sandbox of each kind, by name: the acts of `billhook trigger`. Asks no running sandbox.

Used by `billhook trigger`, which lists and refuses by it, and by `billhook up`, which names the first.
"""

from workers.sandbox import autodns_core, qvickly_core
from workers.sandbox.core import MonsumSandbox

FIRST = {"monsum": "invoice.completed", "fastbill": "invoice.completed", "qvickly": "payment.created", "autodns": "order.succeeded"}


def acts(kind: str) -> tuple[str, ...]:
    """Every act of a kind's sandbox; none for a kind without one."""
    if kind == "qvickly":
        return (*qvickly_core.ACTS, qvickly_core.NEW_CUSTOMER)
    if kind == "autodns":
        return autodns_core.ACTS
    return MonsumSandbox(kind).acts if kind in FIRST else ()
