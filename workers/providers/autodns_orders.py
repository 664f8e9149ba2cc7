"""What a person may order of AutoDNS from the command line: customers created and changed.

Owns which fields each takes and the fresh read that decides. A customer named by `client` and `number` can be found again; where the
provider chooses the number, a lost reply is for a person. What a change does not say goes along as it was read.
Source: routes of InterNetX/js-domainrobot-sdk; help page "Basic Customer Object"; read 2026-11-21.
"""

from collections.abc import Mapping
from typing import Any

from receiver.sources.autodns_fields import CUSTOMER as COLUMNS
from workers.providers import autodns
from workers.providers.autodns_requests import NAMED
from workers.providers.ordering import Fields, Kwargs, Orderable, Said
from workers.providers.taken import autodns_number, must_be_free

WRITTEN = tuple(field.json for field in COLUMNS if field.written)
LISTS = ("addressLines", "emails", "billingEmails", "comments", "billingUsers")


def _customer(said: Said) -> Kwargs:
    """One alone of what there may be several of is a list of one; the number is one in JSON."""
    return {"fields": {name: _value(name, value) for name, value in said.items()}}


def _value(name: str, value: Any) -> Any:
    if name == "number" and str(value).isdecimal():
        return int(value)
    return [value] if name in LISTS and not isinstance(value, list) else value


def _named(said: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    return said, f"{said['client']}/{said['number']}" if all(said.get(name) for name in NAMED) else key


ORDERS: Mapping[tuple[str, str], Orderable] = {
    ("customers", "create"): Orderable(
        about="a new customer; with client and number it can be found again", service=autodns.create_customer, fresh=autodns_number,
        must=must_be_free, fields=Fields(names=(*NAMED, *WRITTEN), kwargs=_customer), takes="nothing", own_key=_named,
    ),
    ("customers", "update"): Orderable(
        about="change fields of a customer; the rest goes along as it is", service=autodns.update_customer, fresh=autodns.customer,
        fields=Fields(names=WRITTEN, kwargs=_customer), named="customer, as ix/1234567", of="customer", reads=True,
    ),
}  # fmt: skip
