"""The currency of an amount that is said without one: the invoice's, else the customer's, else the source's only one, else nobody's."""

from collections.abc import Sequence
from typing import Any

import pytest

from receiver.db import Database
from workers import mirror
from workers.currencies import currency_of
from workers.testing.flow import START


def known(database: Database, kind: str, id: str, **fields: Any) -> None:
    database.write(lambda c: mirror.write_own(c, "shop", kind, id, fields, touches={}, at=START))


@pytest.mark.parametrize(
    ("said", "currencies", "currency"),
    [
        ({"invoice_id": "4711", "customer_id": "501"}, ("EUR",), "SEK"),
        ({"invoice_id": "4712"}, ("EUR",), "NOK"),
        ({"customer_id": "501"}, ("EUR",), "NOK"),
        ({"invoice_id": "4713"}, ("EUR",), "EUR"),
        ({"invoice_id": "4713"}, ("EUR", "SEK"), None),
        ({}, ("SEK",), "SEK"),
        ({}, ("EUR", "SEK"), None),
    ],
)
def test_whose_currency_an_amount_is_in(database: Database, said: dict[str, str], currencies: Sequence[str], currency: str | None) -> None:
    known(database, "invoice", "4711", currency="SEK", customer_id="501")
    known(database, "invoice", "4712", customer_id="501")
    known(database, "customer", "501", currency="NOK")

    with database.read() as connection:
        found = currency_of(connection, "shop", said, currencies)

    assert found == currency
