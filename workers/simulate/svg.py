"""The picture of a timeline: a calendar with one lane for each customer's or invoice's matters, good enough to send to an accountant.

Draws plain SVG text from rows; knows no workflow and reads no database.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from html import escape

from workers.simulate.timeline import Row

DAY_W, LEFT, TOP, TEXT_H, GAP = 22, 120, 76, 13, 14
NARROWEST, LETTER_W = 680, 6.4
DAYS_WIDE = 46  # a longer time is drawn with narrower days
COLOURS = {
    "effect": "#1f6f43", "proposal": "#b7791f", "skip": "#8a8f98", "parked": "#b02a37", "alert": "#b02a37", "claim": "#4a4fb0",
    "state": "#3b82c4",
}  # fmt: skip
HOLLOW = ("proposal", "state")
ENDED_BADLY = ("rejected", "unknown", "cancelled", "expired")
STYLE = "text{font:11px system-ui,sans-serif;fill:#222}.s{fill:#667}.h{font-weight:600;font-size:12px}"


def draw(rows: Sequence[Row], *, title: str, start: date, until: date) -> str:
    """The SVG document. Each mark stands on its day, with what it is, and the figures below it."""
    days = (until - start).days + 1
    width_of_day = DAY_W if days <= DAYS_WIDE else max(9, DAY_W * DAYS_WIDE // days)
    drawn, y, right = [], TOP, max(NARROWEST, LEFT + days * width_of_day)
    for key, own in _lanes(rows):
        body, height, reach = _lane(key, own, y, start, width_of_day)
        drawn.append(body)
        y, right = y + height, max(right, reach)
    size = f'width="{right + 12}" height="{y + 34}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {right + 12} {y + 34}" role="img">'
    name = f'<text class="h" x="12" y="22" style="font-size:15px">{escape(title)}</text>'
    calendar = "".join(_days(start, until, width_of_day, y))
    legend = _legend({row.kind for row in rows}, y + 20)
    return f'{head}<style>{STYLE}</style><rect {size} fill="#fff"/>{name}{calendar}{"".join(drawn)}{legend}</svg>\n'


def _lanes(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Rows by key, in the order in which the keys first appear."""
    lanes: dict[str, list[Row]] = {}
    for row in rows:
        lanes.setdefault(row.key or row.workflow, []).append(row)
    return list(lanes.items())


def _days(start: date, until: date, width: int, bottom: int) -> Iterator[str]:
    """The calendar: weekends shaded, Mondays dated, months named."""
    for number in range((until - start).days + 1):
        day, x = start + timedelta(days=number), LEFT + number * width
        if day.weekday() >= 5:
            yield f'<rect x="{x}" y="{TOP - 12}" width="{width}" height="{bottom - TOP + 12}" fill="#f1f2f5"/>'
        if day.weekday() == 0 or number == 0:
            yield f'<line x1="{x}" y1="{TOP - 12}" x2="{x}" y2="{bottom}" stroke="#d8dbe2"/>'
            yield f'<text class="s" x="{x + 3}" y="{TOP - 18}">{day.day}.</text>'
        if day.day == 1 or number == 0:
            yield f'<text class="h" x="{x + 3}" y="{TOP - 32}">{day.strftime("%Y-%m")}</text>'


def _lane(key: str, rows: Sequence[Row], top: int, start: date, width: int) -> tuple[str, int, int]:
    """(what is drawn, its height, how far right it reaches): a mark goes below those whose words reach under it."""
    ends: list[int] = []
    line = f'<line x1="0" y1="{top}" x2="100%" y2="{top}" stroke="#d8dbe2"/>'
    drawn = [line, f'<text class="h" x="12" y="{top + 20}">{escape(key)}</text>']
    for row in rows:
        x = LEFT + (datetime.fromisoformat(row.at).date() - start).days * width + width // 2
        words = _words(row)
        level = next((n for n, end in enumerate(ends) if end < x - 6), len(ends))
        ends[level : level + 1] = [x + 14 + int(max(len(one) for one in words) * LETTER_W)]
        drawn.append(_mark(row, x, top + 20 + level * (2 * TEXT_H + GAP), words))
    return "".join(drawn), max(1, len(ends)) * (2 * TEXT_H + GAP) + 10, max(ends)


def _words(row: Row) -> tuple[str, str]:
    """What a mark says: the name with day and time, then state or reason and the figures."""
    at = datetime.fromisoformat(row.at)
    money = " ".join(row.figures[name] for name in ("total", "amount", "currency") if name in row.figures)
    rest = [f"{name} {value}" for name, value in row.figures.items() if name not in ("total", "amount", "currency")]
    return f"{row.name}  {at.day}.{at.month}. {row.at[11:16]}", ", ".join(part for part in (row.state, row.reason, money, *rest) if part)


def _mark(row: Row, x: int, y: int, words: tuple[str, str]) -> str:
    colour = COLOURS["parked"] if row.state in ENDED_BADLY else COLOURS[row.kind]
    lines = f'<text x="{x + 9}" y="{y}">{escape(words[0])}</text><text class="s" x="{x + 9}" y="{y + TEXT_H}">{escape(words[1])}</text>'
    return f"<g><title>{escape(f'{row.at} {row.workflow} {row.kind}')}</title>{_dot(x, y, row.kind, colour)}{lines}</g>"


def _dot(x: int, y: int, kind: str, colour: str) -> str:
    fill = "#fff" if kind in HOLLOW else colour
    return f'<circle cx="{x}" cy="{y - 4}" r="4.5" fill="{fill}" stroke="{colour}" stroke-width="2"/>'


def _legend(kinds: set[str], y: int) -> str:
    """What the colours of these kinds mean."""
    shown = [(kind, colour) for kind, colour in COLOURS.items() if kind in kinds]
    return "".join(
        f'{_dot(18 + n * 90, y, kind, colour)}<text x="{28 + n * 90}" y="{y}">{kind}</text>' for n, (kind, colour) in enumerate(shown)
    )
