"""The reference pages for workflow authors say what the code has: no name is missing, and none is there that is gone."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workers.letters import mail
from workers import authoring, links, lookups, overview, windows, workdays
from workers.providers import monsum, monsum_docs
from workers.providers.monsum_docs import Doc
from workers.providers.service import Find, Query, Service
from workers.sandbox import faults
from workers.sandbox.core import MonsumSandbox
from workers.testing.flow import Flow

DOCS = Path(__file__).parent.parent / "docs"
SERVICES, REFERENCE = ((DOCS / name).read_text(encoding="utf-8") for name in ("services.md", "author-reference.md"))
OF_THE_OBJECT = {"invoice_id", "customer_id", "invoice_item_id", "webhook_id", "type"}
LOOKUPS = [
    name
    for name in authoring.__all__
    if getattr(getattr(authoring, name), "__module__", "") in (links.__name__, lookups.__name__, overview.__name__) and name[0].islower()
]


def rows(page: str, heading: str) -> Iterator[list[str]]:
    """The cells of each line of the table below a heading."""
    chapter = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    for line in chapter.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def attribute(kind: type, value: object) -> str:
    return next(f"monsum.{name}" for name, one in vars(monsum).items() if one is value and isinstance(one, kind))


def kwargs(service: Service) -> tuple[list[str], list[str]]:
    """What must and what may be said of a request beside its object."""
    parameters = inspect.signature(service.build).parameters.values()
    if not any(one.kind is one.VAR_KEYWORD for one in parameters):
        named = {one.name: one.default is one.empty for one in parameters if one.kind is one.KEYWORD_ONLY}
    else:
        named = {name: field.is_required() for name, field in service.request.model_fields.items() if name not in OF_THE_OBJECT}
    return [name for name, needed in named.items() if needed], [name for name, needed in named.items() if not needed]


def row_of(service: Service) -> list[Any]:
    needed, optional = kwargs(service)
    found = service.effect_class
    lost = f"Find, {found.no_counts_after_s / 60:.0f} min" if isinstance(found, Find) else type(found).__name__
    return [attribute(Service, service), service.name, needed, optional, lost, "both" if len(service.kinds) == 2 else min(service.kinds)]


def test_every_service_is_listed_with_its_arguments_its_class_and_its_kinds() -> None:
    listed = []
    for name, service, _, said, lost, _, kinds in rows(SERVICES, "Services"):
        needed, _, optional = said.partition("[")
        listed.append([*quoted(name), *quoted(service), quoted(needed), quoted(optional), lost, kinds])

    assert listed == [row_of(service) for service in monsum.SERVICES.values()]


def test_only_what_can_be_looked_up_says_where() -> None:
    for name, _, _, _, lost, where, _ in rows(SERVICES, "Services"):
        assert (where == "–") == (lost == "AtMostOnce"), name


def test_every_query_is_listed_with_what_it_takes_and_gives() -> None:
    listed = [[*quoted(name), *quoted(service), kind, *quoted(gives)] for name, service, kind, gives in rows(SERVICES, "Queries")]

    assert listed == [[attribute(Query, query), query.name, query.object_kind, query.result.__name__] for query in monsum.QUERIES]


def test_every_document_is_listed_with_its_fields() -> None:
    listed = {quoted(name)[0]: set(quoted(said)) for name, said in rows(SERVICES, "Documents")}
    documents = {name: cls for name, cls in vars(monsum_docs).items() if isinstance(cls, type) and issubclass(cls, Doc) and cls is not Doc}

    assert set(listed) == set(documents)
    for name, cls in documents.items():
        properties = {f".{one}" for one, value in vars(cls).items() if isinstance(value, property)}
        wanted = set(cls.model_fields) - set(Doc.model_fields) | properties
        nested = set(monsum_docs.Reminder.model_fields) if name == "RemindersDoc" else set()
        assert listed[name] == wanted | nested, name


@pytest.mark.parametrize("name", LOOKUPS)
def test_every_lookup_is_listed_as_it_is_called(name: str) -> None:
    parameters = ", ".join(inspect.signature(getattr(authoring, name)).parameters)

    assert f"{name}({parameters})" in [quoted(row[0])[0] for row in rows(REFERENCE, "Lookups")]


def test_every_lookup_listed_can_be_imported_by_an_author() -> None:
    named = {quoted(row[0])[0].partition("(")[0] for row in rows(REFERENCE, "Lookups")}

    assert named == set(LOOKUPS)


def test_every_function_of_the_local_clock_is_listed_as_it_is_called() -> None:
    offered = {name: getattr(authoring, name) for name in authoring.__all__}
    functions = {
        f"{name}({', '.join(inspect.signature(one).parameters)})"
        for name, one in offered.items()
        if inspect.isfunction(one) and one.__module__ in (windows.__name__, workdays.__name__)
    }

    assert functions
    assert functions == {quoted(row[0])[0] for row in rows(REFERENCE, "The local clock")}


def test_everything_about_texts_is_listed_as_it_is_called() -> None:
    made = [authoring.Templates, authoring.Templates.render, authoring.text_of]
    called = {f"{one.__qualname__}({', '.join(p for p in inspect.signature(one).parameters if p != 'self')})" for one in made}

    assert called | {"Templates.languages"} == {quoted(row[0])[0] for row in rows(REFERENCE, "Texts")}


def test_every_call_of_run_and_of_flow_is_listed_and_exists() -> None:
    guide = (DOCS / "authors.md").read_text(encoding="utf-8")
    for said, cls, own in (("run", authoring.Run, {"check_cancelled", "check_replayed", "last_step"}), ("flow", Flow, set())):
        with Flow(mail, connect=False) as made:
            public = {name for name in (*dir(cls), *(vars(made) if cls is Flow else ())) if not name.startswith("_")} - own

        listed = set(re.findall(rf"`{said}\.(\w+)", REFERENCE))

        assert listed == public
        assert set(re.findall(rf"`{said}\.(\w+)", guide)) <= public


def test_every_act_and_every_fault_of_the_sandbox_is_listed() -> None:
    acts, broken = (REFERENCE.partition(f"**{word}**")[2].partition("\n\n")[0] for word in ("Acts", "Faults"))

    assert set(quoted(acts)) - {"billhook trigger"} == set(MonsumSandbox()._acts.known)
    assert {name for name in quoted(broken) if "(" not in name} == set(faults.KINDS)


def test_every_argument_of_effect_and_workflow_is_listed() -> None:
    for heading, declares in (("`effect(", authoring.effect), ("`@workflow(", authoring.workflow)):
        title = next(line[3:] for line in REFERENCE.splitlines() if line.startswith(f"## {heading}"))
        listed = {name for row in rows(REFERENCE, title) for name in quoted(row[0])}

        assert listed == set(inspect.signature(declares).parameters) - {"service"}


def test_every_page_the_guide_and_the_references_lead_to_is_there() -> None:
    for page in ("authors.md", "author-reference.md", "services.md"):
        linked = set(re.findall(r"\]\(([a-z-]+\.md)", (DOCS / page).read_text(encoding="utf-8")))
        assert linked
        assert {name for name in linked if not (DOCS / name).exists()} == set()
