"""What an effect sends, as a person reads it: by which way, to whom, under which subject.

Used by story.py and views.py, for effects carried out and for those only observed. The operator reads the operator's own database
here, personal data included; none of it is ever logged.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from workers import mirror
from workers.console.masking import HIDDEN, masked

CHANNELS = {"invoice.sendbyemail": "e-mail", "invoice.sendbypost": "post"}
NAMES = {"recipient.to": "recipient", "recipient.cc": "cc", "recipient.bcc": "bcc"}
FIRST = ("recipient", "cc", "bcc", "subject")
SHORT = 60
Gist = dict[str, str]


def outgoing(connection: Connection, source: str, service: str, request: Mapping[str, Any]) -> Gist:
    """The request by plain names: `channel` and `recipient` where it is a mail or a letter, then whatever else it says.

    Ids are left out, and what lets somebody in.

    A letter goes to the address on the invoice: it is taken from what is known of the invoice now.
    """
    told = ((name, value) for name, value in _flat(masked(request)) if not name.endswith("_id") and value != HIDDEN)
    said = {NAMES.get(name, name): value for name, value in told}
    found = {"channel": CHANNELS[service]} if service in CHANNELS else {}
    if found.get("channel") == "post":
        found["recipient"] = _postal(connection, source, str(request.get("invoice_id")))
    found |= {name: said[name] for name in FIRST if name in said}
    return {name: value for name, value in {**found, **said}.items() if value}


def in_words(gist: Gist) -> str:
    """One line of it, such as: by e-mail to max@example.com, subject “Invoice 17”. Long texts are cut."""
    way = " ".join(f"{word} {gist[name]}" for word, name in (("by", "channel"), ("to", "recipient")) if name in gist)
    rest = [f"{name} “{_cut(value)}”" for name, value in gist.items() if name not in ("channel", "recipient")]
    return ", ".join([way, *rest] if way else rest)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for part, inner in value.items():
            yield from _flat(inner, f"{name}.{part}" if name else str(part))
    elif isinstance(value, list):
        for place, inner in enumerate(value, 1):
            yield from _flat(inner, f"{name}.{place}")
    elif value is not None and value is not False:
        yield name, str(value)


def _postal(connection: Connection, source: str, invoice_id: str) -> str:
    held = mirror.load(connection, source, "invoice", invoice_id)
    fields = held.state.fields if held else {}
    person = " ".join(str(fields[name]) for name in ("first_name", "last_name") if fields.get(name))
    town = " ".join(str(fields[name]) for name in ("zipcode", "city") if fields.get(name))
    parts = (fields.get("organization"), person, fields.get("address"), fields.get("address_2"), town, fields.get("country"))
    return ", ".join(str(part) for part in parts if part) or "the address on the invoice"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHORT else line[: SHORT - 1] + "…"
