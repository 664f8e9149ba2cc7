"""What a page leaves out of what it shows: fields that let somebody in at a provider, whoever looks.

Used by every page and every JSON answer that shows a body, a request, a reply or the mirror. The database keeps deliveries byte-exact;
who must see such a value looks there. Source: facts about Monsum's customer links, which are made of the account's and the customer's hash.
"""

import json
from collections.abc import Iterator, Mapping
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


def tells(raw: str, text: str) -> bool:
    """Whether a text, found in a body or a JSON value as it is kept, also stands in what is shown of it, letters large or small.

    Else who looks could find out letter by letter what is left out.
    """
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError):
        return text.lower() in raw.lower()
    shown = raw
    for value in _hidden(parsed):
        forms = {
            form.replace("/", slash)
            for form in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
            for slash in _SLASHES
        }
        if not any(form in raw for form in forms):  # written in a way of its own
            return text.lower() in json.dumps(masked(parsed), ensure_ascii=False).lower()
        for form in sorted(forms, key=len, reverse=True):
            shown = shown.replace(form, "\0")
    return text.lower() in shown.lower()


_SLASHES = ("/", "\\/")


def _hidden(value: Any, within: bool = False) -> Iterator[str]:
    """What is left out, as texts."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _hidden(part, within or str(name).lower() in LETS_IN)
    elif isinstance(value, list):
        for part in value:
            yield from _hidden(part, within)
    elif within and value not in (None, "", True, False):
        yield str(value)


def _text(value: bytes | str) -> str | bytes:
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return json.dumps(masked(parsed), ensure_ascii=False) if isinstance(parsed, dict | list) else value
