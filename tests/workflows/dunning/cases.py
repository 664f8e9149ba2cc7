"""What the tests of dunning reckon with: rates of their own, the two ladders, their working days."""

from datetime import date

from workflows.dunning.calendar import WorkingDays
from workflows.dunning.ladder import shipped_ladders
from workflows.dunning.notice import Notice
from workflows.dunning.rates import RateTable

RATES = RateTable().replaced(
    {
        "DE": {
            "2024-01-01": "3.62", "2025-01-01": "2.27", "2025-07-01": "1.27", "2026-01-01": "1.27",
            "2026-07-01": "1.52", "2027-07-01": "1.27", "2028-01-01": "1.27",
        },
        "SE": {"2025-01-01": "3.00", "2025-07-01": "2.00", "2026-01-01": "2.00", "2026-07-01": "2.00"},
    }
)  # fmt: skip
DE, SE = shipped_ladders()["DE"], shipped_ladders()["SE"]
GERMANY, SWEDEN = WorkingDays(country="DE"), WorkingDays(country="SE")


def day(text: str) -> date:
    return date.fromisoformat(text)


def notice(level: int, sent: str, deadline: str, **said: object) -> Notice:
    return Notice(level=level, sent_on=day(sent), deadline_on=day(deadline), **said)  # type: ignore[arg-type]


# Invoice A of the acceptance scenarios on its way: what went out, and until when it asked for the money.
L0 = notice(0, "2026-03-23", "2026-03-30")
L1 = notice(1, "2026-04-07", "2026-04-17")
L2 = notice(2, "2026-04-21", "2026-05-04")
L3 = notice(3, "2026-05-08", "2026-05-18")
