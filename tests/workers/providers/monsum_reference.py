"""The two references of Monsum as data: every service with its filters, its data and its answer. Read from their text, never retyped."""

import re
from pathlib import Path
from typing import NamedTuple

PAYLOADS = Path(__file__).parents[2] / "payloads" / "monsum"
PAGES = ("reference_customer.txt", "reference_invoice.txt")
PARTS = ("FILTER", "DATA", "RESPONSE")
# The one service the reference describes without naming it; its name is in the recorded request.
UNNAMED = {"Creates a link to Account-Data and Dashboard of the Customer": "customer.createsecurelink"}
_SERVICE = re.compile(r"(?:customer|invoice|item)\.[a-z0-9]+")
_FIELD = re.compile(r"([A-Z][A-Z0-9_]+)(?: (Required)?.*)?")


class Said(NamedTuple):
    """One field of one service. `part`: FILTER, DATA or RESPONSE."""

    service: str
    part: str
    name: str
    required: bool


def fields() -> list[Said]:
    """Every field, in the order of the references, each once."""
    found: dict[Said, None] = {}
    for page in PAGES:
        service, part = "", ""
        for line in (PAYLOADS / page).read_text(encoding="utf-8").splitlines():
            if line in UNNAMED or _SERVICE.fullmatch(line):
                service, part = UNNAMED.get(line, line), ""
            elif line in PARTS:
                part = line
            elif part and (named := _FIELD.fullmatch(line)):
                found[Said(service, part, named[1], named[2] is not None)] = None
    return list(found)


def services() -> list[str]:
    """Every service, in the order of the references."""
    return list(dict.fromkeys(field.service for field in fields()))
