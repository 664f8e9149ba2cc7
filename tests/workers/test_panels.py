"""Panels: an author's query is checked at import, reads only, and its failure is named with its line."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from receiver.db import Database
from receiver.money import Money
from workers.authoring import panel
from workers.errors import PanelFailed, WorkflowInvalid
from workers.panels import Panel, make_panel
from workers.registry import Registry


@dataclass(frozen=True)
class Late:
    customer: str
    owed: Money
    since: date


class Model(BaseModel):
    customer: str
    count: int


ROW = Late("501", Money(Decimal("12.50"), "EUR"), date(2026, 11, 1))


def late(connection: sa.Connection, source: str) -> list[Late]:
    """Who pays late.

    And more.
    """
    return [ROW]


def failing(connection: sa.Connection, source: str) -> list[Late]:
    return [ROW][1:][0:1] or [{}["nothing"]]


def writing(connection: sa.Connection, source: str) -> list[Late]:
    connection.execute(sa.text("DELETE FROM run"))
    return []


def wrong(connection: sa.Connection, source: str) -> list[Late]:
    return [("501",)]  # type: ignore[list-item]


def models(connection: sa.Connection, source: str) -> list[Model]:
    return [Model(customer=source, count=connection.execute(sa.text("SELECT count(*) FROM run")).scalar_one())]


def rows(database: Database, fn: Any) -> list[dict[str, Any]]:
    with database.read() as connection:
        return make_panel("t", fn).rows(connection, "shop")


def test_a_panel_has_the_fields_of_its_row_as_columns_and_its_docstring_as_title() -> None:
    panel = make_panel("late payers", late)

    assert (panel.columns, panel.about) == (("customer", "owed", "since"), "Who pays late.")
    assert make_panel("t", models).columns == ("customer", "count")


def test_rows_are_given_by_column(database: Database) -> None:
    assert rows(database, late) == [{"customer": "501", "owed": ROW.owed, "since": ROW.since}]
    assert rows(database, models) == [{"customer": "shop", "count": 0}]


@pytest.mark.parametrize(("fn", "kind"), [(failing, "KeyError"), (writing, "(OperationalError|ReadOnlySqlTransaction)")])
def test_what_fails_in_a_panel_is_named_with_its_file_and_line(database: Database, fn: Any, kind: str) -> None:
    line = fn.__code__.co_firstlineno + 1

    with pytest.raises(PanelFailed, match=rf'The panel "t" fails at test_panels.py:{line}: {kind}'):
        rows(database, fn)


def test_a_row_of_another_kind_is_named(database: Database) -> None:
    with pytest.raises(PanelFailed, match=r'"t" gives a tuple: return Late.*test_panels.py'):
        rows(database, wrong)


def unannotated(connection, source):  # type: ignore[no-untyped-def]
    return []


def of_dicts(connection: sa.Connection, source: str) -> list[dict[str, str]]:
    return []


def of_texts(connection: sa.Connection, source: str) -> list[str]:
    return []


def unknown(connection: sa.Connection, source: str) -> "list[NothingOfThisName]":  # type: ignore[name-defined]  # noqa: F821
    return []


@pytest.mark.parametrize("fn", [unannotated, of_dicts, of_texts, unknown])
def test_a_panel_says_what_its_rows_are(fn: Any) -> None:
    with pytest.raises(WorkflowInvalid, match=r'Panel "t": .*annotate.*test_panels.py'):
        make_panel("t", fn)


def of_a_connection(connection: sa.Connection) -> list[Late]:
    return []


def test_a_panel_takes_a_connection_and_a_source() -> None:
    with pytest.raises(WorkflowInvalid, match=r'Panel "t": it takes two arguments, the connection and the source.*test_panels.py'):
        make_panel("t", of_a_connection)  # type: ignore[arg-type]


def test_a_panel_without_parentheses_is_told_how_to_be_written() -> None:
    with pytest.raises(WorkflowInvalid, match=r'write @panel\("late payers"\).*test_panels.py'):
        panel(late)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "a/b", 5, "x" * 65])
def test_a_panel_has_a_plain_name(name: Any) -> None:
    with pytest.raises(WorkflowInvalid, match=r"a name is letters, digits, dashes and blanks.*test_panels.py"):
        make_panel(name, late)


def test_two_panels_of_one_name_are_refused_and_one_imported_again_is_not() -> None:
    registry = Registry()
    registry.add_panel(make_panel("t", late))
    registry.add_panel(make_panel("t", late))

    with pytest.raises(WorkflowInvalid, match='Two functions make the panel "t"'):
        registry.add_panel(make_panel("t", models))


def test_a_file_that_does_not_import_to_its_end_leaves_no_panel() -> None:
    registry = Registry()
    registry.add_panel(make_panel("t", late))

    registry.drop(late.__module__)

    assert registry.panels() == list[Panel]()
