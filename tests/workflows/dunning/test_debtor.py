"""Who owes: business only where that is known."""

import pytest

from workflows.dunning.debtor import debtor_of


@pytest.mark.parametrize(
    ("said", "debtor"), [("business", "business"), ("consumer", "consumer"), (None, "consumer"), ("firma", "consumer")]
)
def test_whoever_is_not_known_to_be_a_business_is_a_consumer(said: str | None, debtor: str) -> None:
    assert debtor_of(said) == debtor
