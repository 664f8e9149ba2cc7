"""Looks of programs: bounded, and wrong wishes refused by the field's name."""

from typing import Any

import pytest
from starlette.datastructures import QueryParams

from tests.workers.console.conftest import Browser, Made
from workers.cli.tail import AT_ONCE
from workers.console.deeds import DEEDS
from workers.console.pages.programs import looked
from workers.errors import FieldInvalid, NotHere


def look(browser: Browser, name: str, query: str = "") -> Any:
    return looked(browser.app.state.site, name, QueryParams(query))


def test_the_acts_are_listed_with_their_roles_and_fields(browser: Browser) -> None:
    acts = {row["act"]: row for row in look(browser, "acts")}

    assert acts.keys() == DEEDS.keys()
    assert acts["approve"]["role"] == "approver" and acts["replay-off"]["role"] == "operator"
    assert acts["did"]["fields"] == ("subject", "on", "reason")


def test_what_came_behind_an_id_is_told(browser: Browser, made: Made) -> None:
    first = look(browser, "tail", "kind=deliveries&kind=runs&last=5")

    assert first.keys() == {"deliveries", "runs"} and [row["id"] for row in first["deliveries"]["rows"]] == [made.delivery]
    assert first["deliveries"]["low"] == made.delivery
    assert look(browser, "tail", f"deliveries={made.delivery}")["deliveries"]["rows"] == []
    assert [row["id"] for row in look(browser, "tail", "deliveries=0&runs=")["deliveries"]["rows"]] == [made.delivery]
    assert [row["id"] for row in look(browser, "tail", "runs=")["runs"]["rows"]] == [made.run]
    assert look(browser, "tail", f"last={AT_ONCE * 9}&source=shop")["events"]["rows"]


@pytest.mark.parametrize(
    ("name", "query", "field"),
    [
        ("tail", "deliveries=x", "deliveries"), ("tail", "deliveries=9999999999999999999999", "deliveries"), ("search", "", "list"),
        ("search", "list=runs&colour=red", "colour"), ("search", "list=effects&least=much", "least"), ("timers", "from=x", "from"),
        ("workflows", "source=nowhere", "source"), ("open-invoices", "dated_before=x", "dated_before"),
    ],
)  # fmt: skip
def test_a_wrong_wish_is_refused_by_its_name(browser: Browser, name: str, query: str, field: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        look(browser, name, query)

    assert refused.value.field == field


def test_what_is_not_there_is_said(browser: Browser) -> None:
    for name, query in (("nothing", ""), ("boards", "name=nothing")):
        with pytest.raises(NotHere):
            look(browser, name, query)
