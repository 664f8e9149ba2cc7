"""What a person may ask of each kind of source from the command line, by noun ("customers", "invoices") and act.

Used by workers/cli/objects.py. A kind that has an act not is told what it has. It asks nobody.
"""

from collections.abc import Mapping

from receiver.mistakes import unknown
from workers.providers import autodns_orders, autodns_shell, monsum_orders, monsum_shell, qvickly_orders, qvickly_shell
from workers.providers.ordering import Orderable
from workers.providers.reading import Reading

NOUNS = ("customers", "invoices")
EXPORT = "export"
EXPORTS = {"qvickly": ("xml", "csv")}
_READS = {"monsum": monsum_shell, "fastbill": monsum_shell, "qvickly": qvickly_shell, "autodns": autodns_shell}
READS: Mapping[str, Mapping[tuple[str, str], Reading]] = {
    kind: {name: reading for name, reading in table.READS.items() if reading.kinds is None or kind in reading.kinds}
    for kind, table in _READS.items()
}
_ORDERS = {"monsum": monsum_orders, "fastbill": monsum_orders, "qvickly": qvickly_orders, "autodns": autodns_orders}
ORDERS: Mapping[str, Mapping[tuple[str, str], Orderable]] = {
    kind: {name: order for name, order in table.ORDERS.items() if kind in order.service.kinds} for kind, table in _ORDERS.items()
}


def acts(kind: str, noun: str) -> dict[str, str]:
    """Every act a kind has for a noun, with what it does; empty for a kind without an API."""
    found = {act: reading.about for (of, act), reading in READS.get(kind, {}).items() if of == noun}
    if noun == "customers" and kind in EXPORTS:
        found[EXPORT] = f"the provider's own file of all customers or of these, {' or '.join(EXPORTS[kind])}"
    return found | {act: order.about for (of, act), order in ORDERS.get(kind, {}).items() if of == noun}


def why_not(kind: str, noun: str, act: str) -> str:
    """What to say of an act the kind has not."""
    known = acts(kind, noun)
    return f"a source of kind {kind} has no `{noun} {act}`: {unknown(act, known, 'act')}" if known else f"{kind} has no API to be asked"


def reading(kind: str, noun: str, act: str) -> Reading | None:
    """The read of this name, or None."""
    return READS.get(kind, {}).get((noun, act))


def order(kind: str, noun: str, act: str) -> Orderable | None:
    """The write of this name, or None."""
    return ORDERS.get(kind, {}).get((noun, act))
