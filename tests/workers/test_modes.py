"""Which workflows can be switched on a source, and what may always be stopped."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from receiver.db import Database
from tests.workers.letters import mail
from workers import control, modes
from workers.ordered import BY_HAND
from workers.registry import REGISTRY, Registry
from workers.testing.flow import START

MAIL = next(workflow for workflow in REGISTRY.all() if workflow.fn is mail)


def listed(
    database: Database, registry: Registry, policies: Mapping[str, Mapping[str, str]] | None = None, kind: str = "monsum"
) -> list[tuple[str, str, str]]:
    with database.read() as connection:
        return [(one.workflow, one.mode, one.note) for one in modes.switches(connection, "shop", kind, registry, policies or {})]


def switch(database: Database, workflow: str, mode: str, source: str = "shop") -> None:
    database.write(lambda c: control.set_mode(c, source, workflow, mode, was="observe", at=START, actor="operator"))


def objection(database: Database, workflow: str, mode: str, registry: Registry, kind: str = "monsum") -> str | None:
    with database.read() as connection:
        return modes.objection(connection, "shop", kind, workflow, mode, registry)


@pytest.fixture
def registry() -> Registry:
    return Registry([MAIL])


@pytest.fixture
def torn(registry: Registry) -> Registry:
    registry.broken["author_1_torn"] = "flows/torn.py does not import: SyntaxError"
    return registry


def test_a_workflow_nobody_configured_is_listed_with_the_mode_it_acts_in(database: Database, registry: Registry) -> None:
    database.write(lambda c: control.put(c, "baseline:shop", {"at": START.isoformat(), "done": True}, at=START))
    before = listed(database, registry)

    switch(database, "t-mail", "auto")

    assert before == [("t-mail", "observe", "")]
    assert listed(database, registry) == [("t-mail", "auto", "")]


def test_policies_and_what_was_ever_set_are_listed_with_the_registry_and_say_that_no_file_is_theirs(
    database: Database, registry: Registry
) -> None:
    switch(database, "gone", "off")
    switch(database, "elsewhere", "off", source="other")

    assert listed(database, registry, {"t-mail": {"mode": "off"}, "mistyped": {}}) == [
        ("gone", "off", "no file registers gone"),
        ("mistyped", "observe", "no file registers mistyped"),
        ("t-mail", "off", ""),
    ]


def test_a_frozen_source_does_not_hide_that_a_workflow_has_no_file(database: Database, torn: Registry) -> None:
    switch(database, "gone", "off")
    database.write(lambda c: control.put(c, "freeze", {"reason": "operator"}, at=START))

    assert listed(database, torn)[0][2] == "frozen: operator; no file that imports registers gone; flows/torn.py does not import"


@pytest.mark.parametrize("mode", control.MODES)
def test_a_name_nobody_knows_can_be_given_no_mode_and_the_known_ones_are_named(database: Database, registry: Registry, mode: str) -> None:
    assert objection(database, "t-mail", mode, registry) is None
    assert objection(database, "t-mial", mode, registry) == "there is no workflow t-mial: known are t-mail"


@pytest.mark.parametrize(("mode", "stops"), [("off", True), ("observe", True), ("propose", False), ("auto", False)])
def test_what_has_only_a_mode_somebody_set_can_be_stopped_and_not_started(
    database: Database, registry: Registry, mode: str, stops: bool
) -> None:
    switch(database, "gone", "auto")

    assert (objection(database, "gone", mode, registry) is None) == stops


@pytest.mark.parametrize(("mode", "stops"), [("off", True), ("observe", True), ("propose", False), ("auto", False)])
def test_any_workflow_can_be_stopped_while_a_file_does_not_import_and_none_started(
    database: Database, torn: Registry, mode: str, stops: bool
) -> None:
    why_not = objection(database, "in-the-torn-file", mode, torn)

    assert (why_not is None) == stops
    assert stops or "flows/torn.py does not import: it can only be set to off or observe" in str(why_not)


def test_a_workflow_that_is_not_for_this_kind_of_source_is_left_out_and_not_switched_on(sqlite_database: Database) -> None:
    monsum_only = Registry([replace(MAIL, kinds=frozenset({"monsum"}))])
    policies = {"t-mail": {"mode": "auto"}}

    assert [name for name, _, _ in listed(sqlite_database, monsum_only, policies)] == ["t-mail"]
    assert listed(sqlite_database, monsum_only, policies, kind="autodns") == []
    assert "not for sources of kind autodns" in str(objection(sqlite_database, "t-mail", "auto", monsum_only, kind="autodns"))
    assert objection(sqlite_database, "t-mail", "off", monsum_only, kind="autodns") is None


def test_what_a_person_orders_is_held_by_no_mode(sqlite_database: Database) -> None:
    registry = Registry([BY_HAND])

    assert listed(sqlite_database, registry) == []
    assert "billhook pause --workflow by-hand" in str(objection(sqlite_database, "by-hand", "off", registry))
    with sqlite_database.read() as connection:
        assert modes.in_force(connection, "shop", BY_HAND, "off") == "auto"
        assert modes.in_force(connection, "shop", MAIL, "off") == "off"
