"""Working days of a place: Monday to Friday without the public holidays of a country and, where given, of its region.

Pure, for authors (workers/authoring.py): the holidays come from the library `holidays`.
"""

from datetime import date
from functools import lru_cache

import holidays

PUBLIC = ("public",)


def is_workday(day: date, country: str, region: str | None, kinds: tuple[str, ...] = PUBLIC) -> bool:
    """Whether a local date is a working day. `kinds`: the library's categories of days off, where public holidays are not all."""
    return day.weekday() < 5 and day not in _holidays(country, region, day.year, kinds)


def check_place(country: str, region: str | None) -> None:
    """Raise ValueError naming what is known where the holidays of a place are not."""
    supported = holidays.list_supported_countries()
    if country not in supported:
        raise ValueError(f'no holidays are known for country "{country}": write its two letters, such as "DE" or "SE"')
    if region is not None and region not in supported[country]:
        raise ValueError(f'"{country}" has no region "{region}": one of {", ".join(supported[country]) or "none"}')


@lru_cache(maxsize=256)
def _holidays(country: str, region: str | None, year: int, kinds: tuple[str, ...]) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, subdiv=region, years=year, categories=kinds))
