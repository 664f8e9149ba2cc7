"""What a page leaves out of what it shows: fields that let somebody in at a provider, whoever looks.

Used by every page and every JSON answer that shows a body, a request, a reply or the mirror. The database keeps deliveries byte-exact;
who must see such a value looks there. Source: facts about Monsum's customer links, which are made of the account's and the customer's hash.
"""

import json
from collections.abc import Mapping
from typing import Any

LETS_IN = frozenset({
    "hash", "account_hash", "customer_hash", "dashboard_url", "payment_data_url", "changedata_url", "changedata", "login_url", "securelink",
    "password", "api_key", "apikey", "token", "secret", "authorization", "payment_token", "bank_account_mandate_reference",
})  # fmt: skip
HIDDEN = "(left out: it lets somebody in)"


def masked(value: Any) -> Any:
    """`value` without what lets somebody in; a text or bytes that are JSON are read, and come back as text."""
    if isinstance(value, bytes | str):
        return _text(value)
    if isinstance(value, Mapping):
        named = LETS_IN - {"hash"} if "request_hash" in value else LETS_IN  # the hash of a row of our own log opens nothing
        return {name: HIDDEN if str(name).lower() in named and part else masked_inside(part) for name, part in value.items()}
    return [masked_inside(part) for part in value] if isinstance(value, list | tuple) else value


def masked_inside(value: Any) -> Any:
    """As `masked`, but a text is a text: what stands inside a JSON value is not read again."""
    return value if isinstance(value, str | bytes) else masked(value)


def _text(value: bytes | str) -> str | bytes:
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return json.dumps(masked(parsed), ensure_ascii=False) if isinstance(parsed, dict | list) else value
