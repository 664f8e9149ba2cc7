"""The console's search in the shell: the same fields, bounds and pages."""

import pytest

from receiver.db import Database
from tests.workers.cli.conftest import Billhook, Made


def test_an_effect_is_found_by_its_amount(billhook: Billhook, made: Made) -> None:
    found, missed = billhook("search", "effects", "least=100", "currency=eur", "--json"), billhook("search", "effects", "least=120")

    assert [row["id"] for row in found.json["rows"]] == [made.effect]
    assert "nothing like it" in missed.out


def test_the_next_page_is_named_and_goes_on(billhook: Billhook, store: Database, made: Made) -> None:
    first = billhook("search", "deliveries", "text=red", "--json")

    assert [row["id"] for row in first.json["rows"]] == [made.delivery]
    assert billhook("search", "deliveries", "--older", str(made.delivery - 1), "--json").json["rows"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "there is no list nothing"),
        (["runs", "colour=red"], "runs has no field colour"),
        (["effects", "least=many"], "least: write an amount"),
        (["effects", "least"], "write FIELD=VALUE, not least"),
    ],
)
def test_what_cannot_be_searched_is_wrong_usage(billhook: Billhook, store: Database, words: list[str], said: str) -> None:
    printed = billhook("search", *words)

    assert printed.code == 2
    assert said in printed.err


def test_the_fields_of_a_list_are_told(billhook: Billhook, store: Database) -> None:
    assert {row["field"] for row in billhook("search", "runs", "--fields", "--json").json} >= {
        "customer",
        "text",
        "error",
        "since",
        "until",
    }
