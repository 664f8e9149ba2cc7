"""What a person calls a thing: numbers and addresses are looked up, on both databases, and nothing else fits."""

from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from workers.keys import Fit, fits, prefix_of, told
from workers.mirror import _BLANK, Mirror, called


def known(database: Database, kind: str, object_id: str, fields: dict[str, Any], source: str = "shop") -> None:
    names = {name: called(fields, name) for name in ("number", "email")}
    row = {**_BLANK, "source": source, "kind": kind, "object_id": object_id, "fields": fields, **names}
    database.write(lambda c: c.execute(sa.insert(table_of(Mirror)).values(row)))


@pytest.fixture
def shop(database: Database) -> Database:
    known(database, "customer", "77", {"number": "501", "email": "Max@Example.com", "organization": "2026-0017"})
    known(database, "customer", "501", {"number": "9", "email": "eva@example.com"})
    known(database, "invoice", "4711", {"number": "2026-0017", "city": "501"})
    known(database, "invoice", "4712", {"number": 'RE_%"Ü'}, source="other")
    return database


def found(database: Database, key: str, source: str | None = None) -> list[tuple[str, str]]:
    with database.read() as connection:
        return [(fit.key, fit.why) for fit in fits(connection, key, source)]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("2026-0017", [("invoice:4711", "invoice number")]),
        ("max@example.com", [("customer:77", "e-mail address")]),
        ("501", [("customer:77", "customer number"), ("customer:501", "id")]),
        ('RE_%"Ü', [("invoice:4712", "invoice number")]),
        ("RE", []),
        ("%", []),
        ("", []),
    ],
)
def test_a_number_or_an_address_finds_its_object_and_a_part_of_one_does_not(
    shop: Database, key: str, expected: list[tuple[str, str]]
) -> None:
    assert found(shop, key) == expected


def test_only_the_named_source_is_looked_through(shop: Database) -> None:
    assert found(shop, "2026-0017", "other") == []


def test_more_than_one_fit_is_said_with_a_name_for_each() -> None:
    said = told("501", [Fit("customer:77", "shop", "customer number"), Fit("customer:501", "shop", "id")])

    assert "customer:77 on shop (customer number), customer:501 on shop (id)" in said


@pytest.mark.parametrize(("key", "word"), [("foo:1", "foo"), ("17@2026-11-20T09:00", None), ("501", None), ("foo:", None), (":1", None)])
def test_a_word_before_a_colon_is_a_prefix_where_a_runs_own_key_is_not(key: str, word: str | None) -> None:
    assert prefix_of(key) == word
