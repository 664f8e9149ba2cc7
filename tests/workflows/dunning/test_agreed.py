"""What one customer agreed to: told by attributes that the policy names, and by nothing else."""

from decimal import Decimal
from typing import Any

import pytest

from workflows.dunning.agreed import Agreed, agreed_of
from workflows.dunning.eligibility import words_of
from workflows.dunning.policy import DunningPolicy
from workflows.dunning.rates import NoRate

from .cases import L0, L1, day
from .conftest import Office, Open

OPT_IN = {"agreed_rate_attribute": "interest_rate", "agreed_date": ["due_date=agreed", "contract"]}
LONG_AGO = {"DE": {"2020-01-01": "1.27"}}


def agreed(attributes: dict[str, Any], *tags: str, **said: Any) -> Agreed:
    return agreed_of(DunningPolicy.model_validate(OPT_IN | said), words_of(tags, attributes), attributes)


def test_nothing_is_agreed_where_the_policy_names_nothing() -> None:
    said = {"interest_rate": "7.5", "due_date": "agreed"}

    assert agreed(said, agreed_rate_attribute=None, agreed_date=[]) == Agreed()


def test_attributes_and_tags_tell_what_was_agreed() -> None:
    assert agreed({"Interest_Rate ": " 7.50 ", "due_date": "Agreed"}) == Agreed(due_date=True, percent=Decimal("7.50"))
    assert agreed({}, "contract") == Agreed(due_date=True)
    assert agreed({"due_date": "printed", "interest_rate": ""}) == Agreed()


@pytest.mark.parametrize("said", ["9,5", "9.5 %", "-1", "31", "legal", "NaN"])
def test_what_is_no_rate_is_not_taken_for_the_laws(said: str) -> None:
    found = agreed({"interest_rate": said})

    assert (found.unreadable, found.has_rate) == (True, True)
    assert found.rate_on("DE", day("2026-04-21")) == NoRate("agreed_rate_unreadable", "DE", day("2026-04-21"))


def before_l2(open_office: Open, **said: Any) -> tuple[Office, str]:
    """A business with these attributes, whose L2 is due on 21 April; there is no base rate for that day."""
    office = open_office("2026-04-20 10:00", policy={"approve_first_notice": False, "rates": LONG_AGO, **OPT_IN})
    attributes = {f"x_attributes.{name}": value for name, value in said.items()}
    customer = office.flow.trigger("customer.created", customer_type="business", **attributes)["customer_id"]
    invoice = office.invoice(customer_id=customer)
    office.reached(invoice, L0, L1)
    return office, invoice


def test_a_customers_agreed_rate_and_date_are_reckoned_with_and_no_base_rate_is_missed(open_office: Open) -> None:
    office, invoice = before_l2(open_office, interest_rate="7.30", due_date="agreed")

    office.until("2026-04-21")

    assert office.figures("L2", invoice)["interest"] == "8.57"  # 36 days from 17 March at 7.30 %
    assert not [reason for kind, reason in office.flow.told if kind == "alert" and "rate" in reason]


def test_a_customer_who_agreed_to_nothing_misses_the_base_rate(open_office: Open) -> None:
    office, invoice = before_l2(open_office)

    office.until("2026-04-21")

    assert office.figures("L2", invoice)["interest"] is None
    assert ("alert", "rate_missing") in office.flow.told


def test_a_rate_of_the_policy_for_all_misses_no_base_rate_either(open_office: Open) -> None:
    office = open_office("2026-04-20 10:00", policy={"approve_first_notice": False, "rates": LONG_AGO, "agreed_rate": "7.30"})
    office.reached(office.invoice(), L0, L1)

    office.until("2026-04-21")

    assert not [reason for kind, reason in office.flow.told if kind == "alert" and "rate" in reason]


def test_an_agreed_rate_that_is_none_states_no_interest_and_people_hear_of_it(open_office: Open) -> None:
    office, invoice = before_l2(open_office, interest_rate="9,5 %")

    office.until("2026-04-21")

    assert (office.figures("L2", invoice)["interest"], office.figures("L2", invoice)["total"]) == (None, "1230.00")
    assert ("alert", "agreed_rate_unreadable") in office.flow.told
