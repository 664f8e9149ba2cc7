"""The course of a run as a picture: a line for each step on one axis of time, as SVG that takes its colours from the page.

The same figures stand in the table of steps below it, for who does not see the picture.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

from workers.cli.output import plain
from workers.console.figures import span
from workers.console.read.course import Bar, Course

WIDTH, LEFT, RIGHT, TOP, ROW = 860, 210, 90, 26, 20
NAME_MAX, TICKS, NARROWEST = 30, 5, 3.0
SHORT = timedelta(minutes=10)
TONES = {"done": "good", "rejected": "bad", "unknown": "bad", "proposed": "ask", "expired": "calm", "cancelled": "calm"}


def drawn(course: Course, zone: ZoneInfo) -> Markup:
    """The SVG element."""
    height = TOP + len(course.bars) * ROW + 8
    about = (
        f"{len(course.bars)} steps from {_clock(course.begin, zone)} to {_clock(course.end, zone)}; the table of steps below has them all."
    )
    head = Markup(
        '<svg class="gantt" viewBox="0 0 {} {}" role="img" aria-labelledby="g-t g-d"><title id="g-t">The course of the run</title>'
        '<desc id="g-d">{}</desc>'
    ).format(WIDTH, height, about)
    parts = [*_axis(course, height, zone), *(_bar(place, bar, course) for place, bar in enumerate(course.bars))]
    return head + Markup("").join(parts) + Markup("</svg>")


def x(at: datetime, course: Course) -> float:
    """Where an instant lies."""
    whole = max(course.end - course.begin, timedelta(milliseconds=1))
    return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, (at - course.begin) / whole))


def _axis(course: Course, height: int, zone: ZoneInfo) -> Iterator[Markup]:
    """Upright lines with what they stand for, and one for now."""
    whole = course.end - course.begin
    for tick in range(TICKS):
        at = course.begin + whole * tick / (TICKS - 1)
        place = x(at, course) if whole else LEFT + (WIDTH - LEFT - RIGHT) * tick / (TICKS - 1)
        yield Markup('<line class="grid" x1="{:.1f}" y1="{}" x2="{:.1f}" y2="{}"/>').format(place, TOP - 6, place, height)
        anchor = "start" if tick == 0 else "middle"
        yield Markup('<text class="axis {}" x="{:.1f}" y="{}">{}</text>').format(anchor, place, TOP - 12, _tick(at, course, zone))
    if course.now is not None and course.begin <= course.now < course.end:
        place = x(course.now, course)
        yield Markup('<line class="today" x1="{:.1f}" y1="{}" x2="{:.1f}" y2="{}"><title>now</title></line>').format(
            place, TOP - 6, place, height
        )


def _tick(at: datetime, course: Course, zone: ZoneInfo) -> str:
    whole = course.end - course.begin
    if whole < SHORT:
        return "+" + span((at - course.begin).total_seconds()) if at > course.begin else _clock(at, zone)
    return at.astimezone(zone).strftime("%H:%M" if whole < timedelta(days=2) else "%d %b")


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _bar(place: int, bar: Bar, course: Course) -> Markup:
    """One line: its name, what it took, and the words for who points at it."""
    y, begin, end = TOP + place * ROW, x(bar.begin, course), x(bar.end, course)
    took = span((bar.end - bar.begin).total_seconds()) if bar.shape != "step" else ""
    whole = plain(bar.name)
    name = whole if len(whole) <= NAME_MAX else whole[: NAME_MAX - 1] + "…"
    title = f"{whole}: {plain(bar.said)}" + (f", {'until now ' if bar.open and bar.shape == 'effect' else ''}{took}" if took else "")
    parts = [Markup('<text class="name" x="{}" y="{}">{}</text>').format(LEFT - 10, y + 14, name), _shape(bar, begin, end, y)]
    if bar.shape == "effect" and bar.called_at is not None:
        called = min(max(x(bar.called_at, course), begin), end)
        width = max(NARROWEST, end - called)
        tone = TONES.get(bar.state, "busy")
        parts.append(Markup('<rect class="call {}" x="{:.1f}" y="{}" width="{:.1f}" height="10"/>').format(tone, called, y + 5, width))
    said = " ".join(part for part in (plain(bar.state), took) if part)
    parts.append(Markup('<text class="said" x="{:.1f}" y="{}">{}</text>').format(max(begin + NARROWEST, end) + 6, y + 14, said))
    return Markup("<g><title>{}</title>").format(title) + Markup("").join(parts) + Markup("</g>")


def _shape(bar: Bar, begin: float, end: float, y: int) -> Markup:
    if bar.shape == "step":
        return Markup('<circle class="step" cx="{:.1f}" cy="{}" r="3.5"/>').format(begin, y + 10)
    tone = f"{bar.shape} {TONES.get(bar.state, 'busy') if bar.shape == 'effect' else ''}{' open' if bar.open else ''}"
    return Markup('<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="10" rx="2"/>').format(
        " ".join(tone.split()), begin, y + 5, max(NARROWEST, end - begin)
    )
