"""Cash discount (Skonto): whether what is left of an invoice is the discount its customer was allowed.

Pure. The discount explains a rest only where the money came in time; where the day is not known the customer has the benefit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from workflows.dunning.balance import Credit
from workflows.dunning.calendar import WorkingDays

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class CashDiscount:
    """CASH_DISCOUNT_PERCENT of the total for payment within CASH_DISCOUNT_DAYS of the invoice date."""

    percent: Decimal
    days: int

    def amount(self, total: Decimal) -> Decimal:
        """The discount on `total`, to the cent, ROUND_HALF_UP."""
        return (total * self.percent / 100).quantize(CENT, rounding=ROUND_HALF_UP)

    def ends_on(self, invoice_date: date, days: WorkingDays) -> date:
        """The last day on which it may be taken, moved to a working day."""
        return days.deadline(invoice_date + timedelta(days=self.days))


def explained_by_discount(
    discount: CashDiscount | None, *, total: Decimal, outstanding: Decimal, invoice_date: date, credits: Sequence[Credit] | None,
    days: WorkingDays, minimum: Decimal,
) -> bool:  # fmt: skip
    """Whether the rest is a discount that was taken, so that there is nothing to ask for.

    `credits`: the payments with their days, None where they are not known. `minimum`: what is left beyond the discount may be up to but
    not including this, the amount below which nothing is dunned anyway. An invoice of which nothing was paid is never explained.
    """
    if discount is None or discount.percent <= 0 or outstanding >= total:
        return False
    if outstanding - discount.amount(total) >= minimum:
        return False
    if credits is None:
        return True
    last_day = discount.ends_on(invoice_date, days)
    in_time = sum((one.amount for one in credits if one.on <= last_day), Decimal(0))
    return total - in_time - discount.amount(total) < minimum
