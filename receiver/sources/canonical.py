"""Canonical values: one form for what Monsum's notifications, its API and FastBill write in many.

Pure functions from a native JSON value to a canonical one; `None` is "said to be empty". Used by the normalisers in
receiver/sources/monsum.py. Evidence for every quirk: the samples under tests/payloads/monsum.
"""

import unicodedata
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from receiver.errors import PayloadInvalid
from receiver.money import parse_decimal

KEY_MAX = 128
_SHIFTED = ("22:00:00", "23:00:00")  # local midnight in Germany, written as UTC
_TRUE, _FALSE = ("1", "true"), ("0", "false", "")
# PAYMENT_TYPE of the Monsum API reference; the words are those of notifications and of older API answers.
_PAYMENT_TYPES = {
    "invoice": "1", "transfer": "1", "ueberweisung": "1", "überweisung": "1", "directdebit": "2", "lastschrift": "2", "cash": "3",
    "bar": "3", "paypal": "4", "advance": "5", "vorkasse": "5", "creditcard": "6", "kreditkarte": "6",
}  # fmt: skip
_SALUTATIONS = {"herr": "mr", "frau": "mrs", "familie": "family", "mr": "mr", "mrs": "mrs", "family": "family"}


def text(value: Any) -> str | None:
    """NFC text; null, "", [], {} and false are None; a number is its digits."""
    if value is None or value is False or value in ("", [], {}):
        return None
    if isinstance(value, (dict, list)):
        return None
    return unicodedata.normalize("NFC", str(value)) or None


def identifier(value: Any) -> str | None:
    """An id as text; "0" is none."""
    found = text(value)
    return None if found is None or found.strip() in ("", "0") else found.strip()


def key(name: str, value: Any) -> str | None:
    """`identifier`, printable and as long as our tables keep it; raises PayloadInvalid naming the field."""
    found = identifier(value)
    if found is not None and (len(found) > KEY_MAX or not found.isprintable()):
        raise PayloadInvalid(field=name)
    return found


def decimal_text(value: Any) -> str:
    """A number as plain decimal text without trailing zeros: "59", "-12.67", "9.656557379". Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise ValueError("not a decimal number")
    return plain(parse_decimal(str(value)))


def plain(number: Decimal) -> str:
    """`number` as text without exponent or trailing zeros; zero is "0"."""
    shown = format(number, "f")
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if shown in ("", "-", "-0") else shown


def amount(name: str, value: Any) -> str | None:
    """`decimal_text`, None where nothing is said; raises PayloadInvalid naming the field."""
    if value is None or value in ("", []):
        return None
    try:
        return decimal_text(value)
    except ValueError:
        raise PayloadInvalid(field=name) from None


def balance(value: Any) -> str | None:
    """Like `decimal_text`, but None for what is no number: a credit balance nobody can read counts as not said."""
    try:
        return decimal_text(value)
    except ValueError:
        return None


def flag(name: str, value: Any) -> bool:
    """A flag written as bool, 0/1 or "0"/"1"; raises PayloadInvalid naming the field."""
    shown = str(value).lower() if value is not None else ""
    if shown in _TRUE:
        return True
    if shown in _FALSE:
        return False
    raise PayloadInvalid(field=name)


def whole(value: Any) -> int | None:
    """A whole number written as int or text; None for anything else."""
    shown = str(value).strip()
    return int(shown) if shown.removeprefix("-").isdecimal() and len(shown) < 10 else None


def day(name: str, value: Any, *, shifted: bool = False) -> str | None:
    """ "YYYY-MM-DD" from a date with or without time; "" and zero dates are None.

    `shifted`: a time of 22:00 or 23:00 is midnight of the next day in Germany (DUE_DATE in
    tests/payloads/monsum/api_invoice.get.response.json). Raises PayloadInvalid naming the field.
    """
    shown = text(value)
    if shown is None or shown.startswith("0000-00-00"):
        return None
    try:
        found = date.fromisoformat(shown[:10])
        return (found + timedelta(days=1)).isoformat() if shifted and shown[11:] in _SHIFTED else found.isoformat()
    except (ValueError, OverflowError):
        raise PayloadInvalid(field=name) from None


def moment(value: Any) -> str | None:
    """A local time as it was written, "YYYY-MM-DD HH:MM:SS"; "" and zero times are None."""
    shown = text(value)
    return None if shown is None or shown.startswith("0000-00-00") else shown


def payment_type(value: Any) -> str | None:
    """ "1" transfer, "2" direct debit, "3" cash, "4" PayPal, "5" advance payment, "6" credit card; other words as they are."""
    shown = text(value)
    return None if shown is None else _PAYMENT_TYPES.get(shown.lower(), shown)


def salutation(value: Any) -> str | None:
    """ "mr", "mrs" or "family" for the words of API and notifications; other words as they are."""
    shown = text(value)
    return None if shown is None else _SALUTATIONS.get(shown.lower(), shown)


def tags(value: Any) -> list[str]:
    """Tags as a list, from a list or from text parted by commas."""
    parts = value if isinstance(value, list) else (text(value) or "").split(",")
    return [tag for part in parts if (tag := (text(part) or "").strip())]


def attributes(value: Any) -> dict[str, Any] | None:
    """X_ATTRIBUTES by name: from an object or a list of KEY and VALUE; `[]` is {} (PHP); "" and null say nothing: None."""
    if isinstance(value, dict):
        return {str(name): kept(item) for name, item in value.items()}
    if isinstance(value, list):
        pairs = [{str(name).upper(): item for name, item in entry.items()} for entry in value if isinstance(entry, dict)]
        return {str(pair["KEY"]): kept(pair.get("VALUE")) for pair in pairs if "KEY" in pair}
    return None


def kept(value: Any) -> Any:
    """Any JSON value with its text in NFC: what we keep without knowing it."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, list):
        return [kept(item) for item in value]
    if isinstance(value, dict):
        return {str(name): kept(item) for name, item in value.items()}
    return value
