"""Timers: what will happen next by itself, by day."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from workers.console.read import timers
from workers.console.read.timers import KINDS, Page, Timer, Wanted, parsed
from workers.console.site import site
from workers.errors import FilterInvalid

FIELDS = ("source", "workflow", "kind")


def listed(request: Request) -> Response:
    """The page; narrowed by source, workflow and kind."""
    here, params = site(request), request.query_params
    asked = {name: params.get(name, "").strip() for name in FIELDS}
    wrong, found = "", Page(timers=[], next=None, looked_to=None)
    with here.database.read() as connection:
        at, loose = here.database.machine_now(connection), timers.without_a_day(connection)
        try:
            found = timers.page(connection, Wanted(**asked, after=parsed(params.get("from", ""))), now=at)
        except FilterInvalid as error:
            wrong = str(error)
    names = sorted(workflow.name for workflow in here.registry.all())
    choices = {"source": here.sources, "workflow": names, "kind": KINDS}
    days = by_day(found.timers, at, here.chosen.console.tz)
    return here.page(
        request, "timers.html.j2", status=400 if wrong else 200, found=found, days=days, asked=asked, choices=choices, loose=loose,
        wrong=wrong, now=at, first=not params.get("from"),
    )  # fmt: skip


def by_day(found: Sequence[Timer], now: datetime, zone: ZoneInfo) -> list[tuple[str, list[Timer]]]:
    """The timers under the names of their days in `zone`; what is overdue under its own."""
    today = now.astimezone(zone).date()

    def name(timer: Timer) -> str:
        return "Due now" if timer.at <= now else day_name(timer.at.astimezone(zone).date(), today)

    return [(day, list(group)) for day, group in groupby(found, key=name)]


def day_name(day: date, today: date) -> str:
    """A day as one says it, such as "Tomorrow, Saturday 21 November 2026".

    >>> day_name(date(2026, 11, 22), date(2026, 11, 21))
    'Tomorrow, Sunday 22 November 2026'
    """
    near = {0: "Today, ", 1: "Tomorrow, "}.get((day - today).days, "")
    return f"{near}{day:%A} {day.day} {day:%B %Y}"
