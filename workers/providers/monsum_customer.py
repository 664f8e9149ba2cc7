"""What the fields of a Monsum or FastBill customer are called, and what they may hold: for policies that name fields before any is written.

Owns the values the reference lists. Checked when settings are loaded; what the provider itself would say is not known here.
Source: Monsum API reference "Customer" (© 2016), read 2026-11-21.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches

from receiver.mistakes import unknown
from receiver.sources.canonical import payment_type
from receiver.sources.monsum_fields import CUSTOMER_TOLD
from workers.fold import VOLATILE

# Every name, the provider's or ours, of a field whose change is told -> ours.
CUSTOMER_NAMES: Mapping[str, str] = {
    name: canonical for native, canonical in CUSTOMER_TOLD.items() if canonical not in VOLATILE for name in (native, canonical)
}
PAYMENT_TYPES = {"1": "transfer", "2": "direct debit", "3": "cash", "4": "paypal", "5": "advance payment", "6": "credit card"}
DAYS_MAX = 1000
_LANGUAGE = re.compile(r"^[a-z]{2}([-_][a-z]{2})?$", re.ASCII | re.IGNORECASE)


def check_customer_field(name: str) -> None:
    """Nothing; raises ValueError with the nearest name where no change of a customer's field is ever told by this one."""
    if name not in CUSTOMER_NAMES:
        raise ValueError(f"{name}: {unknown(name.lower(), sorted(CUSTOMER_NAMES), 'field')}")


def check_customer_value(name: str, value: str) -> None:
    """Nothing; raises ValueError with what it may hold where the reference says that this field cannot hold this."""
    wrong = _WRONG[name](value) if name in _WRONG else None
    if wrong:
        raise ValueError(f'{name} = "{value}": {wrong}')


def _payment_type(value: str) -> str | None:
    if value in PAYMENT_TYPES:
        return None
    words = {word: number for number, word in PAYMENT_TYPES.items()}
    near = get_close_matches(value.lower(), words, n=1)
    meant = words[near[0]] if near else payment_type(value)
    listed = ", ".join(f'"{number}" ({word})' for number, word in PAYMENT_TYPES.items())
    return (f'do you mean "{meant}"? ' if meant in PAYMENT_TYPES else "") + f"it is one of {listed}"


def _days(value: str) -> str | None:
    right = value.isascii() and value.isdecimal() and len(value) < 5 and int(value) <= DAYS_MAX
    return None if right else f'it is a whole number of days from 0 to {DAYS_MAX}, such as "30"'


def _language(value: str) -> str | None:
    return None if _LANGUAGE.match(value) else 'it is a code of two letters, such as "de"'


def _yes_or_no(value: str) -> str | None:
    return None if value in ("0", "1") else 'it is "0" (no) or "1" (yes)'


_WRONG = {"payment_type": _payment_type, "days_for_payment": _days, "language_code": _language, "newsletter_optin": _yes_or_no}
