"""Every page, light, dark and on a phone: readable for everybody (axe, WCAG A and AA), inside its width, and silent."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver.db import Database
from tests.browser.conftest import Stories, Visit, make_story

pytestmark = pytest.mark.browser
AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text(encoding="utf-8")
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
Open = Callable[..., Visit]


def paths(stories: Stories) -> dict[str, str]:
    """Every kind of page, by a name for its picture."""
    return {
        "now": "/", "needs": "/needs", "deliveries": "/deliveries", "events": "/events", "runs": "/runs", "effects": "/effects",
        "refusals": "/refusals", "audit": "/audit", "workflows": "/workflows", "sources": "/sources", "boards": "/boards",
        "board": "/boards/dunning", "replay": "/replay?type=invoice.completed", "say": "/say", "say-one": "/say/bank.checked",
        "story": "/story?key=customer:501", "delivery": f"/deliveries/{stories.hostile}", "run": f"/runs/{stories.run}",
        "effect": f"/effects/{stories.unknown}", "refusal": "/refusals/1", "approve": f"/act/approve?subject={stories.proposed[0]}",
        "mode": "/hold/mode?source=shop&workflow=auto-send", "gates": "/needs?kind=gates",
        "recheck": "/recheck?source=shop", "not-found": "/nothing/1",
    }  # fmt: skip


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_shuts_anybody_out(visit: Open, stories: Stories, dark: bool) -> None:
    one, found = visit(dark=dark), {}
    for name, path in paths(stories).items():
        page = one.go(path)
        one.picture(f"{name}-{'dark' if dark else 'light'}")
        page.evaluate(AXE)
        violations = page.evaluate("(rules) => axe.run(document, rules)", RULES)["violations"]
        found |= {f"{name}: {v['id']}": [node["html"][:200] for node in v["nodes"][:2]] for v in violations}

    assert found == {}


def test_the_look_for_mistakes_finds_one(visit: Open) -> None:
    page = visit().go("/runs")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"/static/icon.svg\">')")
    page.evaluate(AXE)

    assert [v["id"] for v in page.evaluate("(rules) => axe.run(document, rules)", RULES)["violations"]] == ["image-alt"]


def test_no_page_is_wider_than_a_phone(visit: Open, stories: Stories) -> None:
    one, wide = visit(phone=True), {}
    for name, path in paths(stories).items():
        page = one.go(path)
        one.picture(f"{name}-phone")
        width = page.evaluate("document.documentElement.scrollWidth")
        wide |= {name: width} if width > 390 else {}

    assert wide == {}


def test_the_theme_that_was_chosen_stays(visit: Open) -> None:
    page = visit().go("/runs")
    page.get_by_role("button", name="Light or dark").click()

    page.reload()

    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_keys_are_told(visit: Open) -> None:
    page = visit().go("/runs")
    page.keyboard.press("?")

    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()


def test_every_page_is_there_without_script(visit: Open, stories: Stories) -> None:
    one = visit(script=False)

    for path in paths(stories).values():
        assert one.go(path).locator("main h1").count() == 1, path


def test_an_act_is_done_without_script(visit: Open, store: Database) -> None:
    effect = make_story(store, "5301", "501", at=datetime.now(UTC))
    page = visit(script=False).go(f"/act/reject?subject={effect}")

    page.get_by_role("button", name="Reject").click()

    assert "rejected by an operator" in page.get_by_role("status").inner_text()
