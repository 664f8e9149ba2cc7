"""docs/simulate.md is true: its example comes to the table that is printed below it, and every happening stands on it."""

import re
from pathlib import Path

import pytest

from workers.cli.main import run
from workers.simulate.happenings import SHIPPED
from workers.simulate.scenario import Customer, Head, Invoice, Part

PAGE = (Path(__file__).parent.parent / "docs" / "simulate.md").read_text(encoding="utf-8")
EXAMPLE, SHOWN = re.search(r"```toml\n(.*?)```\n\n```\n(.*?)```", PAGE, re.DOTALL).groups()  # type: ignore[union-attr]
NAMES = set(re.findall(r"`([a-z_]+)`", PAGE))


def test_the_example_comes_to_the_table_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "story.toml").write_text(EXAMPLE, encoding="utf-8")

    code = run(["simulate", "story.toml"])

    _, head, printed = capsys.readouterr().out.partition("at  ")
    assert code == 0
    assert [line.split() for line in (head + printed).splitlines()] == [line.split() for line in SHOWN.splitlines()]


def test_every_happening_and_every_field_of_it_stands_on_the_page() -> None:
    fields = {name for one in SHIPPED.values() for name in (*one.needs, *one.either, *one.may)}

    assert {*SHIPPED, *fields} - NAMES == {"as"}


@pytest.mark.parametrize("table", [Head, Customer, Invoice])
def test_every_field_of_a_table_stands_on_the_page(table: type[Part]) -> None:
    assert set(table.model_fields) - NAMES == set()
