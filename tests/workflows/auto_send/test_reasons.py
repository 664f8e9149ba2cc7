"""Every reason code of auto-send stands on its page, and a test beside this one comes to it."""

import ast
import re
from pathlib import Path

from workflows import auto_send
from workflows.auto_send.workflow import PLAN_AGAIN

PAGE = (Path(auto_send.__path__[0]).parent.parent / "docs" / "auto-send.md").read_text(encoding="utf-8")
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py") if path != Path(__file__))
FIRST, SECOND = {"skip", "held", "tell_once"}, {"task", "alert", "park"}


def reasons() -> set[str]:
    """Codes given to people, and codes that functions return as the reason why not."""
    found: set[str] = set()
    for path in sorted(Path(auto_send.__path__[0]).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                place = 0 if node.func.attr in FIRST else 1 if node.func.attr in SECOND else None
                found |= texts(node.args[place]) if place is not None and len(node.args) > place else set()
            if isinstance(node, ast.Return) and node.value is not None and path.name in ("sending.py", "recipient.py"):
                found |= {text for text in texts(node.value) if "_" in text}
    return found


def texts(node: ast.AST) -> set[str]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def test_every_reason_is_explained_on_the_page() -> None:
    codes = {code for code in reasons() if re.fullmatch(r"[a-z_]+", code)}

    assert {"zero_total", "unmapped_channel", "address_bounced"} <= codes
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()


def on_the_page() -> set[str]:
    """Codes in the first column of the page's tables of reasons."""
    told = PAGE.partition("## Reasons")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", told, re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([a-z_.]+)`", row)}


def test_every_reason_is_come_to_by_a_test() -> None:
    codes = {code for code in reasons() if re.fullmatch(r"[a-z_]+", code)} | on_the_page() | set(PLAN_AGAIN)

    assert {"duplicate_intent", "send.stopped", "total_unknown"} <= codes
    assert {code for code in codes if f'"{code}"' not in TESTS} == set()
