"""The page for practising names every fault there is, with whether the provider acted, and nothing else."""

import re

from tests.processes import ROOT
from workers.sandbox.faults import AFTER, BEFORE

PAGE = (ROOT / "docs/practice.md").read_text(encoding="utf-8")


def acted() -> dict[str, bool]:
    """Whether each documented fault acted, as the table says."""
    table = PAGE.partition("| `kind` | what the caller sees")[2].partition("\n\n")[0]
    found = {}
    for row in table.splitlines()[2:]:
        kinds, _, answer = (cell.strip() for cell in row.strip("|").split("|"))
        names, answers = re.findall(r"`([a-z-]+)`", kinds), answer.split(", ")
        found |= {name: said == "yes" for name, said in zip(names, answers * len(names) if len(answers) == 1 else answers, strict=True)}
    return found


def test_every_fault_is_on_the_page_with_whether_the_provider_acted() -> None:
    assert acted() == {**dict.fromkeys(BEFORE, False), **dict.fromkeys(AFTER, True)}
