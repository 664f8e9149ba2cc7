"""docs/failures.md is true: every failure is there, and every test it names exists, once, and runs."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "failures.md").read_text(encoding="utf-8")
ROWS = {found[1]: line for line in PAGE.splitlines() if (found := re.match(r"\| (F\d+) \|", line))}
DEFINED = re.findall(
    r"^def (test_\w+)\(", "\n".join(path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("test_*.py"))), re.MULTILINE
)


def test_every_failure_of_the_specification_has_its_row() -> None:
    assert list(ROWS) == [f"F{number}" for number in range(1, 19)]


@pytest.mark.parametrize("failure", ROWS)
def test_every_test_that_is_named_exists_once(failure: str) -> None:
    named = re.findall(r"`(test_\w+)`", ROWS[failure])

    assert named
    assert {name: DEFINED.count(name) for name in named} == dict.fromkeys(named, 1)
