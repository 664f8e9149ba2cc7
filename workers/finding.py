"""One thing that `billhook doctor` looked at."""

from dataclasses import dataclass

FINE, NOTE, WRONG = "fine", "note", "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """`state` is fine, note or wrong; `todo` what to do about it."""

    area: str
    state: str
    text: str
    todo: str = ""
