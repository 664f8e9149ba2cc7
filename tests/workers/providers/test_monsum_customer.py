"""Names and values of a customer's fields: what no customer can have is refused, with what is right."""

import pytest

from workers.providers.monsum_customer import CUSTOMER_NAMES, check_customer_field, check_customer_value


@pytest.mark.parametrize("name", ["email", "country_code", "country", "invoice_delivery_method", "tags", "x_attributes", "credit_balance"])
def test_a_field_is_known_by_the_providers_name_and_by_ours(name: str) -> None:
    check_customer_field(name)


@pytest.mark.parametrize(
    "name, why",
    [
        ("adress", "do you mean address"),
        ("E-MAIL", "do you mean email"),
        ("wingspan", "no such field; known are"),
        ("hash", "no such field"),
    ],
)
def test_a_field_nobody_is_told_of_is_refused_with_the_nearest(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_customer_field(name)


def test_every_name_leads_to_ours() -> None:
    assert CUSTOMER_NAMES["telephone"] == CUSTOMER_NAMES["phone"] == "phone"
    assert set(CUSTOMER_NAMES.values()) <= set(CUSTOMER_NAMES)


@pytest.mark.parametrize(
    "name, value",
    [
        ("payment_type", "2"), ("days_for_payment", "0"), ("days_for_payment", "1000"), ("language_code", "DE"), ("language_code", "de-AT"),
        ("newsletter_optin", "1"), ("comment", "anything"), ("invoice_delivery_method", "pigeon"),
    ],
)  # fmt: skip
def test_what_the_reference_allows_or_says_nothing_of_is_taken(name: str, value: str) -> None:
    check_customer_value(name, value)


@pytest.mark.parametrize(
    "name, value, why",
    [
        ("payment_type", "99", 'payment_type = "99": it is one of "1"'),
        ("payment_type", "direct debt", 'do you mean "2"'),
        ("payment_type", "lastschrift", 'do you mean "2"'),
        ("days_for_payment", "soon", "a whole number of days from 0 to 1000"),
        ("days_for_payment", "-1", "a whole number of days"),
        ("days_for_payment", "1001", "a whole number of days"),
        ("days_for_payment", "30 ", "a whole number of days"),
        ("language_code", "german", "two letters"),
        ("newsletter_optin", "yes", r'"0" \(no\) or "1" \(yes\)'),
    ],
)
def test_what_the_reference_does_not_allow_is_refused_with_what_is_right(name: str, value: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_customer_value(name, value)
