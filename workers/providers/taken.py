"""Whether a number we want to create a customer under is taken at the provider: the fresh read before a creation.

The same look that finds out a lost reply (workers/providers/*_looks.py), asked before instead of after. Reads only.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar

from workers.providers import autodns_looks, monsum_looks, qvickly_looks
from workers.providers.autodns_requests import CreateCustomer
from workers.providers.monsum_docs import Doc
from workers.providers.monsum_requests import WriteCustomer
from workers.providers.qvickly_requests import WriteCustomer as QvicklyCustomer
from workers.providers.service import Asked, Look, Query

_BEFORE = Asked(called_at=datetime(2026, 1, 1, tzinfo=UTC), request_id="", before_call=True)


class NumberDoc(Doc):
    """A number (`id`): whether a customer has it, and which. What cannot be told counts as taken."""

    object_kind: ClassVar[str] = "number"
    taken: bool
    by: str | None = None


def _monsum(client: Any, number: str) -> NumberDoc:
    return _doc(client, number, monsum_looks.customer_created(client, WriteCustomer(fields={"customer_number": number}), _BEFORE))


def _qvickly(client: Any, number: str) -> NumberDoc:
    return _doc(client, number, qvickly_looks.customer_created(client, QvicklyCustomer(fields={"customerid": number}), _BEFORE))


def _autodns(client: Any, number: str) -> NumberDoc:
    """ "client/number"; a customer whose number the provider is to choose has none yet."""
    named, _, own = number.partition("/")
    if not own:
        return NumberDoc(source=client.source, id=number, taken=False)
    return _doc(client, number, autodns_looks.customer_created(client, CreateCustomer(fields={"client": named, "number": own}), _BEFORE))


def _doc(client: Any, number: str, look: Look) -> NumberDoc:
    return NumberDoc(source=client.source, id=number, taken=look.found is not False, by=look.reference)


monsum_number = Query("customer.get by number", "number", NumberDoc, _monsum)
qvickly_number = Query("customers.list by number", "number", NumberDoc, _qvickly, kinds=frozenset({"qvickly"}))
autodns_number = Query("customer.get by number", "number", NumberDoc, _autodns, kinds=frozenset({"autodns"}))


def must_be_free(fresh: NumberDoc) -> str | None:
    """Why nothing is to be created under this number, or None."""
    return "number_taken" if fresh.taken else None
