"""docs/gaps.md shows the scan sets and what no API recovers as they are in the code."""

from pathlib import Path

from workers.missed import every
from workers.providers import bundle
from workers.providers.scans import UNSEEN

PAGE = Path(__file__).parent.parent / "docs" / "gaps.md"
NAMES = {"monsum": "Monsum", "fastbill": "FastBill", "qvickly": "Qvickly", "autodns": "AutoDNS", "standard": "Standard Webhooks"}


def tables() -> str:
    """What the page must hold, word for word."""
    return "\n\n".join(section(kind) for kind in NAMES)


def section(kind: str) -> str:
    lines = [f"### {NAMES[kind]}", ""]
    if kind in bundle.KINDS:
        lines += ["| scan | every | asks | requests a sweep | finds | does not find |", "|---|---|---|---|---|---|"]
        for scan in bundle.KINDS[kind].scans:
            needs = {"": "", "login": " (needs the portal login)", "polls": " (needs `poll`)"}[scan.needs]
            finds = ", ".join(f"`{name}`" for name in scan.finds)
            lines.append(f"| {scan.name}{needs} | {every(scan)} | {scan.calls} | {scan.costs} | {finds} | {scan.misses} |")
        lines.append("")
    lines += ["| lost for good | why |", "|---|---|", *(f"| {one.fact} | {one.why} |" for one in UNSEEN[kind])]
    return "\n".join(lines)


def test_the_page_on_gaps_holds_what_is_in_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [section(kind) for kind in NAMES if section(kind) not in page] == []
