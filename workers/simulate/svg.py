"""The picture of a timeline: a calendar with one lane for each customer's or invoice's matters, good enough to send to an accountant.

A mark on the day, a bar up to the deadline, and a card that says what, to whom, and how much. Draws plain SVG text from rows; what they
say is chosen and worded by workers/simulate/cards.py. Knows no workflow and reads no database.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape

from workers.simulate.cards import Card, card_of, written_day
from workers.simulate.timeline import Row

DAY_W, LEFT, TOP, LINE_H, GAP, PAD = 22, 110, 92, 15, 7, 7
STRIP, NARROWEST, LETTER_W = 26, 700, 6.9
DAYS_WIDE = 46  # a longer time is drawn with narrower days
COLOURS = {
    "effect": "#1f6f43", "proposal": "#b7791f", "skip": "#7b818c", "parked": "#b02a37", "alert": "#a1298f", "claim": "#4a4fb0",
    "state": "#3b82c4",
}  # fmt: skip
MEANING = {
    "effect": "done", "proposal": "waits for a yes", "skip": "not done", "parked": "a person must look", "alert": "a person is told",
    "claim": "claim ended", "state": "learned",
}  # fmt: skip
HOLLOW = ("proposal", "state", "skip")
SHAPES = {"parked": ((0, -6), (6, 0), (0, 6), (-6, 0)), "alert": ((0, -6), (6, 5), (-6, 5))}
ENDED_BADLY = ("rejected", "unknown", "cancelled", "expired")
STYLE = (
    'text{font:11px "DejaVu Sans",Verdana,sans-serif;fill:#222}.s{fill:#5b6070}.h{font-weight:600;font-size:12px}.t{font-weight:600}'
    ".title{font-size:16px}.ground,.frame{fill:#fff}.frame{stroke:#d5d9e1}.weekend{fill:#f3f4f7}.day{stroke:#e1e4ea}.lane{stroke:#c9cdd6}"
) + "".join(f".{kind} .way,.dot.{kind}{{stroke:{colour}}}.{kind} .edge,.dot.{kind}{{fill:{colour}}}" for kind, colour in COLOURS.items())
STYLE += ".dot.hollow{fill:#fff}"


@dataclass(frozen=True)
class Box:
    """Where a card stands."""

    x: int
    y: int
    width: int
    height: int

    def meets(self, other: "Box") -> bool:
        apart = self.x + self.width + GAP <= other.x or other.x + other.width + GAP <= self.x
        return not apart and self.y < other.y + other.height + GAP and other.y < self.y + self.height + GAP


@dataclass(frozen=True)
class Calendar:
    """The days of the picture."""

    start: date
    width: int

    def x(self, day: date) -> int:
        """The middle of a day."""
        return LEFT + (day - self.start).days * self.width + self.width // 2


def draw(rows: Sequence[Row], *, title: str, start: date, until: date, standalone: bool = True) -> str:
    """The SVG document. What has no card is not drawn; what lies outside the days is drawn at their edge.

    Not `standalone`: as a part of a page, which has its own style for the same classes.
    """
    days = (until - start).days + 1
    calendar = Calendar(start, DAY_W if days <= DAYS_WIDE else max(10, DAY_W * DAYS_WIDE // days))
    drawn, y, right, kinds = [], TOP, max(NARROWEST, LEFT + days * calendar.width), set[str]()
    for key, cards in _lanes(rows):
        body, height, reach = _lane(key, cards, y, calendar, until)
        drawn.append(body)
        y, right, kinds = y + height, max(right, reach), kinds | {card.kind for card in cards}
    size = f'width="{right + 14}" height="{y + 36}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {right + 14} {y + 36}" role="img" class="ladder">'
    name = f'<text class="h title" x="14" y="24">{escape(title.replace("_", " "))}</text>'
    span = f'<text class="s" x="14" y="42">{written_day(start, year=True)} to {written_day(until, year=True)}</text>'
    ground = "".join(_days(calendar, until, y))
    style = f"<style>{STYLE}</style>" if standalone else f"<title>{escape(title)}</title>"
    return f'{head}{style}<rect class="ground" {size}/>{name}{span}{ground}{"".join(drawn)}{_legend(kinds, y + 22)}</svg>\n'


def _lanes(rows: Sequence[Row]) -> list[tuple[str, list[Card]]]:
    """Cards by key, in the order in which the keys first appear."""
    lanes: dict[str, list[Card]] = {}
    for row in rows:
        if (card := card_of(row, rows)) is not None:
            lanes.setdefault(row.key or row.workflow, []).append(card)
    return list(lanes.items())


def _days(calendar: Calendar, until: date, bottom: int) -> Iterator[str]:
    """The calendar: weekends shaded, Mondays dated, months named."""
    for number in range((until - calendar.start).days + 1):
        day, x = calendar.start + timedelta(days=number), LEFT + number * calendar.width
        if day.weekday() >= 5:
            yield f'<rect x="{x}" y="{TOP - 12}" width="{calendar.width}" height="{bottom - TOP + 12}" class="weekend"/>'
        if day.weekday() == 0 or number == 0:
            yield f'<line x1="{x}" y1="{TOP - 12}" x2="{x}" y2="{bottom}" class="day"/>'
            yield f'<text class="s" x="{x + 3}" y="{TOP - 17}">{day.day}</text>'
        if day.day == 1 or number == 0:
            yield f'<text class="h" x="{x + 3}" y="{TOP - 32}">{day.strftime("%B %Y")}</text>'


def _lane(key: str, cards: Sequence[Card], top: int, calendar: Calendar, until: date) -> tuple[str, int, int]:
    """(what is drawn, its height, how far right it reaches): marks on one line, each card below its mark and beside no other's words."""
    strip, placed, marks, boxes = top + STRIP, list[Box](), list[tuple[bool, str]](), list[str]()
    for card in cards:
        x = calendar.x(min(max(card.on, calendar.start), until))
        box = _place(card, x, strip + 14, placed)
        placed.append(box)
        tone = "parked" if card.state in ENDED_BADLY else card.kind
        ends = calendar.x(min(card.deadline, until)) if card.deadline else None
        marks.append((card.kind == "effect", _mark(card, x, strip, box.y, tone, ends)))
        boxes.append(_box(card, box, tone))
    line = f'<line x1="0" y1="{top}" x2="100%" y2="{top}" class="lane"/><text class="h" x="14" y="{strip + 4}">{escape(key)}</text>'
    height = max(box.y + box.height for box in placed) - top + 14
    over = [mark for _, mark in sorted(marks, key=lambda one: one[0])]  # what was done is seen where several things happen at once
    return line + "".join(over) + "".join(boxes), height, max(box.x + box.width for box in placed)


def _place(card: Card, x: int, top: int, placed: Sequence[Box]) -> Box:
    """The highest free place below the mark."""
    width, height = int(max(len(line) for line in card.lines) * LETTER_W) + 2 * PAD, len(card.lines) * LINE_H + PAD
    for y in sorted({top, *(box.y + box.height + GAP for box in placed)}):
        box = Box(x - 5, y, width, height)
        if not any(box.meets(other) for other in placed):
            return box
    raise AssertionError("below everything there is always room")


def _mark(card: Card, x: int, y: int, card_y: int, tone: str, deadline_x: int | None) -> str:
    """The dot on its day, the bar up to the deadline, and the line down to the card."""
    down = f'<line x1="{x}" y1="{y}" x2="{x}" y2="{card_y}" class="way" stroke-opacity=".5"/>'
    bar = ""
    if deadline_x is not None:
        bar = (
            f'<line x1="{x}" y1="{y}" x2="{deadline_x}" y2="{y}" class="way" stroke-width="5" stroke-opacity=".28"/>'
            f'<line x1="{deadline_x}" y1="{y - 6}" x2="{deadline_x}" y2="{y + 6}" class="way" stroke-width="2"/>'
        )
    return f'<g class="{tone}"><title>{escape(card.title)}</title>{down}{bar}{_dot(x, y, card.kind, tone)}</g>'


def _box(card: Card, box: Box, tone: str) -> str:
    """The card: what it is and what is asked for in bold."""
    bold = {card.lines[0], card.sum}
    lines = "".join(
        f'<text class="{"t" if line in bold else "s"}" x="{box.x + PAD + 2}" y="{box.y + 14 + n * LINE_H}">{escape(line)}</text>'
        for n, line in enumerate(card.lines)
    )
    frame = f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="3" class="frame"/>'
    edge = f'<rect x="{box.x}" y="{box.y}" width="3" height="{box.height}" class="edge"/>'
    return f'<g class="{tone}">{frame}{edge}{lines}</g>'


def _dot(x: int, y: int, kind: str, tone: str) -> str:
    """A circle; what must be looked at is a square on its point, what is told a triangle: they differ in print without colours too."""
    said = f'class="dot {tone}{" hollow" if kind in HOLLOW else ""}" stroke-width="2"'
    if kind in SHAPES:
        corners = " ".join(f"{x + right},{y + down}" for right, down in SHAPES[kind])
        return f'<polygon points="{corners}" {said}/>'
    return f'<circle cx="{x}" cy="{y}" r="5" {said}/>'


def _legend(kinds: set[str], y: int) -> str:
    """What the marks mean, and the bar."""
    drawn, x = [], 18
    for kind in COLOURS:
        if kind in kinds:
            drawn.append(f'{_dot(x, y - 4, kind, kind)}<text class="s" x="{x + 11}" y="{y}">{MEANING[kind]}</text>')
            x += 34 + int(len(MEANING[kind]) * LETTER_W)
    return "".join(drawn) + f'<text class="s" x="{x}" y="{y}">a bar reaches to the deadline</text>'
