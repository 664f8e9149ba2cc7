"""docs/simulate.md is true, and so is every example of a simulation: a scenario in ```toml comes to the table that is printed below it."""

import re
from pathlib import Path

import pytest

from workers.cli.main import run
from workers.simulate.happenings import SHIPPED
from workers.simulate.scenario import Customer, Head, Invoice, Part

DOCS = Path(__file__).parent.parent / "docs"
NAMES = set(re.findall(r"`([a-z_]+)`", (DOCS / "simulate.md").read_text(encoding="utf-8")))
PLAYED = re.compile(r"```toml\n((?:(?!```).)*)```\n\n```\n(at  .*?)```", re.DOTALL)
EXAMPLES = [
    pytest.param(*found.groups(), id=f"{path.stem}-{place}")
    for path in sorted(DOCS.glob("*.md"))
    for place, found in enumerate(PLAYED.finditer(path.read_text(encoding="utf-8")))
]


@pytest.mark.slow  # make check runs it
@pytest.mark.parametrize(("example", "shown"), EXAMPLES)
def test_an_example_comes_to_the_table_below_it(
    example: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "story.toml").write_text(example, encoding="utf-8")

    code = run(["simulate", "story.toml"])

    _, head, printed = capsys.readouterr().out.partition("at  ")
    assert code == 0
    assert [line.rstrip() for line in (head + printed).splitlines()] == [line.rstrip() for line in shown.splitlines()]


def test_the_page_of_every_workflow_has_an_example() -> None:
    assert {str(one.id).rpartition("-")[0] for one in EXAMPLES} >= {"simulate", "auto-send", "dunning", "credits", "customers"}


def test_every_workflow_that_looks_at_customers_is_in_an_example() -> None:
    shown = "".join(str(one.values[0]) for one in EXAMPLES if str(one.id).startswith("customers-"))

    assert [name for name in ("customers", "customers-vat", "customers-vat-invoice") if f"[policy.{name}]" not in shown] == []


def test_every_happening_and_every_field_of_it_stands_on_the_page() -> None:
    fields = {name for one in SHIPPED.values() for name in (*one.needs, *one.either, *one.may)}

    assert {*SHIPPED, *fields} - NAMES == {"as"}


@pytest.mark.parametrize("table", [Head, Customer, Invoice])
def test_every_field_of_a_table_stands_on_the_page(table: type[Part]) -> None:
    assert set(table.model_fields) - NAMES == set()
