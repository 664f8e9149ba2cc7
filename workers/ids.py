"""Ids of runs and effects: made without asking the database, unguessable enough not to meet, and in the order they were made.

New rows then lie beside each other in the tables and in every index on an id: a write touches few pages, and what reads by windows of
ids reads its runs, slots and log rows from the same places.
"""

import time
import uuid

CLOCK_DIGITS, CHANCE_DIGITS = 11, 9  # milliseconds until the year 2527; two made within one millisecond meet once in 69 thousand million


def new_id() -> str:
    """20 hex digits: the host's milliseconds since 1970, then chance. Nothing is decided by the time in it."""
    return f"{now_ms():0{CLOCK_DIGITS}x}{uuid.uuid4().hex[:CHANCE_DIGITS]}"


def now_ms() -> int:
    """The host's milliseconds since 1970."""
    return time.time_ns() // 1_000_000
