"""How figures are worded on the pages and in `billhook top`: spans of time, rates, milliseconds."""

from datetime import datetime


def span(seconds: float | None) -> str:
    """A span as a person says it, coarser the longer it is; "" for None.

    >>> [span(s) for s in (0.004, 0.25, 7.4, 130, 7300, 200000)]
    ['4 ms', '250 ms', '7.4 s', '2 min', '2 h', '2 days']
    """
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds // 60:.0f} min"
    return f"{seconds // 3600:.0f} h" if seconds < 172_800 else f"{seconds // 86_400:.0f} days"


def age(at: datetime | None, now: datetime) -> str:
    """How long ago an instant was; "" for None. A clock that went back makes no negative age.

    >>> from datetime import UTC, timedelta
    >>> age(datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 21, 0, 3, tzinfo=UTC))
    '3 min'
    """
    return "" if at is None else span(max(1.0, float(round((now - at).total_seconds()))))


def until(at: datetime, now: datetime) -> str:
    """How far off an instant is; "now" where it has come."""
    return "now" if at <= now else "in " + span(max(1.0, float(round((at - now).total_seconds()))))


def rate(per_minute: float) -> str:
    """A rate per minute without needless digits, large ones parted.

    >>> [rate(r) for r in (0.0, 12.0, 0.4, 61234.6)]
    ['0', '12', '0.4', '61 235']
    """
    if per_minute and per_minute < 10 and per_minute != int(per_minute):
        return f"{per_minute:.1f}"
    return f"{round(per_minute):,}".replace(",", " ")
