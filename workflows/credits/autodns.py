"""A prepaid AutoDNS account that runs low: what to top it up by is put before a person, and nothing is charged.

One run for each time it fell below its threshold. The event is a hint: a fresh read of the account decides, and gives the figures.
"""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from workers.authoring import CreditLow, NotFound, Run, autodns, workflow
from workflows.credits.amounts import CENT, cents
from workflows.credits.policy import Amount


class AutodnsCreditsPolicy(BaseModel):
    """How much the account should hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Amount = Field(default=Decimal("100.00"), gt=0)


@workflow(
    "credits-autodns",
    on=CreditLow,
    key=lambda event: f"customer:{event.customer_id}/{event.n}",
    policy=AutodnsCreditsPolicy,
    kinds=("autodns",),
)
def propose_topup(run: Run, event: CreditLow) -> None:
    """One task, with what fills the account up to the target."""
    policy: AutodnsCreditsPolicy = run.policy()
    try:
        account = run.read("account", autodns.account, event.customer_id)
    except NotFound:
        run.skip("account_not_found")
    if account.available.currency != event.threshold.currency:
        run.skip("currency_differs")
    if account.available >= event.threshold:
        run.skip("balance_fine")
    wanted = max(cents(max(policy.target, event.threshold.amount) - account.available.amount), CENT)
    run.task(
        "top up", "autodns_credit_low", customer=event.customer_id, available=str(account.available), threshold=str(event.threshold),
        amount=str(wanted), currency=account.available.currency, n=event.n,
    )  # fmt: skip
