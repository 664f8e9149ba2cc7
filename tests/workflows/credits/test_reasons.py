"""Every reason code of credits and customers stands on its page."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
FIELDS = {"mandate_reference", "mandate_date", "payment_token"}
PLACES = {"skip": 0, "drop": 0, "fail": 0, "_not_granted": 1, "_refuse": 3, "alert": 1, "task": 1}


def reasons(folder: str) -> set[str]:
    """Codes a run ends with, or people are told; what `fail` is given is told with "topup_" before it."""
    found: set[str] = set()
    for path in sorted((ROOT / "workflows" / folder).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                place = PLACES.get(name)
                said = texts(node.args[place]) if place is not None and len(node.args) > place else set()
                found |= {f"topup_{code}" for code in said} if name == "fail" else said
            if isinstance(node, ast.Return) and node.value is not None and path.name in ("effects.py", "conditions.py"):
                found |= {text for text in texts(node.value) if "_" in text} - FIELDS
    return {code for code in found if re.fullmatch(r"[a-z]+(_[a-z]+)+", code)}


def texts(node: ast.AST) -> set[str]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


@pytest.mark.parametrize("folder, one", [("credits", "paid_not_granted"), ("customers", "write_loop")])
def test_every_reason_is_explained_on_the_page(folder: str, one: str) -> None:
    page = (ROOT / "docs" / f"{folder}.md").read_text(encoding="utf-8")

    codes = reasons(folder)

    assert one in codes
    assert {code for code in codes if f"`{code}`" not in page} == set()
