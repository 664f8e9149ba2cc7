"""Ladders as data: per country the steps, their days and fees, and the figures of its law.

Pure. The shipped ones are ladders.toml beside this file; a policy makes its own by replacing single figures, and what no law allows is
refused with the reason.
"""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workflows.dunning.amount import Amount
from workflows.dunning.debtor import Debtor
from workflows.dunning.default import Basis

SHIPPED = Path(__file__).with_name("ladders.toml")
ZERO = Decimal("0.00")


class StepChange(BaseModel):
    """What a policy may replace in one step; what it leaves out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    grace_days: int | None = Field(default=None, ge=0, le=90)
    deadline_days: int | None = Field(default=None, ge=1, le=90)
    fee_business: Amount | None = None
    fee_consumer: Amount | None = None
    states_interest: bool | None = None
    states_flat_sum: bool | None = None
    letter: bool | None = None
    approval: bool | None = None


class Step(BaseModel):
    """One rung. `grace_days` run after the reference, `deadline_days` from sending; fees in the country's currency.

    `letter`: a person sends one beside the e-mail. `approval_always`: no policy may waive the approval.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    grace_days: int = Field(ge=0)
    deadline_days: int = Field(ge=1)
    deadline_days_min: int = 1
    fee_business: Amount = ZERO
    fee_consumer: Amount = ZERO
    fee_max: Amount | None = None
    fee_must_be_agreed: bool = False
    states_interest: bool = False
    states_flat_sum: bool = False
    letter: bool = False
    approval: bool = False
    approval_always: bool = False

    def fee(self, debtor: Debtor) -> Decimal:
        """What this step charges by itself."""
        return self.fee_business if debtor == "business" else self.fee_consumer

    @model_validator(mode="after")
    def _lawful(self) -> Self:
        if self.deadline_days < self.deadline_days_min:
            raise ValueError(f"levels.{self.name}.deadline_days is {self.deadline_days}: the law asks for {self.deadline_days_min} or more")
        if self.fee_max is not None and max(self.fee_business, self.fee_consumer) > self.fee_max:
            raise ValueError(f"levels.{self.name}: a fee above {self.fee_max} is not allowed by law")
        if self.approval_always and not self.approval:
            raise ValueError(f"levels.{self.name}.approval: this step is never sent without a person's approval")
        return self


class Ladder(BaseModel):
    """One country's ladder. A level is the place of its step, from 0; after the last one only a person hands over."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: str
    currency: str
    zones: tuple[str, ...]
    margin_business: Amount
    margin_consumer: Amount
    flat_sum: Amount
    fee_safe_consumer: Amount | None = None
    plan_fee: Amount | None = None
    default_basis: tuple[Basis, ...]
    formal_level: int
    fees_need_default: bool = False
    end_grace_days: int = Field(ge=0, le=90)
    steps: tuple[Step, ...] = Field(min_length=1)

    @property
    def last_level(self) -> int:
        return len(self.steps) - 1

    def margin(self, debtor: Debtor) -> Decimal:
        """Percentage points over the base rate."""
        return self.margin_business if debtor == "business" else self.margin_consumer

    def level_named(self, name: str) -> int:
        """The level of "L2". Raises ValueError naming the steps there are."""
        names = [step.name for step in self.steps]
        if name not in names:
            raise ValueError(f"there is no level {name} in {self.country}: it has {', '.join(names)}")
        return names.index(name)

    def changed(self, changes: Mapping[str, StepChange]) -> "Ladder":
        """This ladder with figures of some steps replaced; names of other countries' steps are not its business."""
        steps = [step.model_dump() | _said(changes.get(step.name)) for step in self.steps]
        return Ladder.model_validate(self.model_dump() | {"steps": steps})


@lru_cache(maxsize=1)
def shipped_ladders() -> Mapping[str, Ladder]:
    """The ladders of this package by country."""
    return parse_ladders(SHIPPED.read_text(encoding="utf-8"))


def parse_ladders(text: str) -> Mapping[str, Ladder]:
    """The ladders of a TOML text: a table per country, with its `[[XX.steps]]`. Raises ValueError naming the field."""
    return {country: Ladder.model_validate({"country": country, **said}) for country, said in tomllib.loads(text).items()}


def _said(change: StepChange | None) -> dict[str, object]:
    return {} if change is None else change.model_dump(exclude_none=True)
