"""What one customer agreed to, as tags and X_ATTRIBUTES say that the policy names: the due date, and a rate of interest.

Pure. An attribute that is no rate is not taken for the law's: no interest is stated then, and people hear of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from workflows.dunning.amount import exact
from workflows.dunning.eligibility import words_of
from workflows.dunning.policy import PERCENT_MAX, DunningPolicy
from workflows.dunning.rates import NoRate


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """`due_date`: whether it was. `percent`: a rate a year in place of base rate and margin; `unreadable`: there is one that is no rate."""

    due_date: bool = False
    percent: Decimal | None = None
    unreadable: bool = False

    @property
    def has_rate(self) -> bool:
        """Whether no base rate is needed for this customer."""
        return self.unreadable or self.percent is not None

    def rate_on(self, country: str, on: date) -> Decimal | NoRate | None:
        """The agreed rate, None where there is none, or why it cannot be used."""
        return NoRate("agreed_rate_unreadable", country, on) if self.unreadable else self.percent


def agreed_of(policy: DunningPolicy, words: frozenset[str], attributes: Mapping[str, object]) -> Agreed:
    """What a customer with these words (`words_of`) and attributes agreed to."""
    said = _value(policy.agreed_rate_attribute, attributes)
    percent = _percent(said)
    return Agreed(due_date=bool(words & words_of(policy.agreed_date, {})), percent=percent, unreadable=said != "" and percent is None)


def _value(name: str | None, attributes: Mapping[str, object]) -> str:
    wanted = (name or "").strip().lower()
    found = (str(value).strip() for known, value in attributes.items() if wanted and known.strip().lower() == wanted and value is not None)
    return next(found, "")


def _percent(said: str) -> Decimal | None:
    try:
        percent = exact(said)
    except ValueError:
        return None
    return percent if 0 <= percent <= PERCENT_MAX else None
