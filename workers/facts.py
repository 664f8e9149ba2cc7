"""What of an effect's row a row of the log vouches for: the columns that never change again once it is written.

Hashed by workers/ledger.py with each change, and again by workers/prove/vouched.py from what the database has by then. A row that plans
or approves vouches for the plan, the approval and the slots; every other row for the call and its answer. What the columns of one kind
say now is therefore what the last row of that kind was made of.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from receiver.db import canonical_json

_TEXT = msgspec.json.Encoder()
INSTANT = "%Y-%m-%d %H:%M:%S.%f"
Taken = tuple[str, str, str, str, int]  # source, object, purpose, version, generation of one slot


class Planned(msgspec.Struct, frozen=True):
    """The plan, its slots in the order they were taken, and the approval, if a person gave one. Instants are text, as in the log.

    The order of the fields is the order of the hashed text.
    """

    amount: str | None
    approval_life_s: int | None
    approved_at: str | None
    approved_by: str | None
    customer_id: str | None
    intended_at: str
    object_id: str
    object_kind: str
    purpose: str
    run_id: str
    service: str
    slots: Sequence[Taken]
    source: str
    step: str
    valid_until: str | None
    workflow: str


class Called(msgspec.Struct, frozen=True):
    """The last call and what it came to; `reply` is the stored text."""

    calling_at: str | None
    fresh_hash: str | None
    reference: str | None
    reply: str | None
    settled_at: str | None


def plans(before: str, after: str) -> bool:
    """Whether a row of the log vouches for the plan, not for the call."""
    return before == "" or after == "approved"


def of_plan(row: Mapping[str, Any], slots: Sequence[Taken]) -> str:
    """The hash of the plan in an effect's row."""
    return hash_of(Planned(slots=slots, **{name: _text(row.get(name)) for name in Planned.__struct_fields__ if name != "slots"}))


def of_call(row: Mapping[str, Any]) -> str:
    """The hash of the call in an effect's row; what it lacks was not there yet."""
    reply = row.get("reply")
    named = {name: _text(row.get(name)) for name in Called.__struct_fields__ if name != "reply"}
    return hash_of(Called(reply=None if reply is None else canonical_json(reply), **named))


def hash_of(facts: Planned | Called) -> str:
    """SHA-256 over the facts as JSON without blanks, hex."""
    return hashlib.sha256(_TEXT.encode(facts)).hexdigest()


def instant(at: datetime) -> str:
    """The time as text: `2026-11-20 09:00:00.000000`, UTC, the same on every database."""
    return at.astimezone(UTC).strftime(INSTANT)


def _text(value: Any) -> Any:
    return instant(value) if isinstance(value, datetime) else value
