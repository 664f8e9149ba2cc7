"""A chart over time: bars or lines on a common axis, as SVG that takes its colours from the page.

Knows no table: it is given series of numbers. The figures stand in the page's table as well, for who does not see the picture.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 440, 140, 50, 6, 10, 22
TICKS = 4
Values = Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One row of figures, None where nothing is known. `tone` is its class: first, second."""

    name: str
    values: Values
    tone: Literal["first", "second"] = "first"
    shape: Literal["bars", "line", "area"] = "line"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What is drawn. `labels` name the points of time, one for each value; `worded` says a value as a person does."""

    id: str
    title: str
    about: str
    labels: Sequence[str]
    series: Sequence[Series]
    worded: Callable[[float], str]

    @property
    def is_empty(self) -> bool:
        """Whether no value is known at all."""
        return all(value is None for one in self.series for value in one.values)

    @property
    def rows(self) -> Iterator[tuple[str, list[str]]]:
        """The figures for a table, the newest first."""
        for place in range(len(self.labels) - 1, -1, -1):
            yield self.labels[place], ["" if one.values[place] is None else self.worded(one.values[place] or 0.0) for one in self.series]


def drawn(chart: Chart) -> Markup:
    """The SVG element."""
    top = ceiling(max((value for one in chart.series for value in one.values if value is not None), default=0.0))
    parts = [*_grid(chart, top), *(_shape(one, top) for one in chart.series), *_points(chart)]
    head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-t {}-d"><title id="{}-t">{}</title>').format(
        WIDTH, HEIGHT, chart.id, chart.id, chart.id, chart.title
    )
    return head + Markup('<desc id="{}-d">{}</desc>').format(chart.id, chart.about) + Markup("").join(parts) + Markup("</svg>")


def ceiling(value: float) -> float:
    """The end of the axis: the next 1, 2 or 5 times a power of ten.

    >>> [ceiling(v) for v in (0, 0.3, 7, 12, 480)]
    [1.0, 0.5, 10.0, 20.0, 500.0]
    """
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if value <= step * power * (1 + 1e-9))


def _x(place: float, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * place / max(1, count)


def _y(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)


def _grid(chart: Chart, top: float) -> Iterator[Markup]:
    """The lines of the axis with what they stand for, and some instants."""
    for share in (0.0, 0.5, 1.0):
        y = _y(top * share, top)
        yield Markup('<line class="grid" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>').format(LEFT, y, WIDTH - RIGHT, y)
        yield Markup('<text class="axis end" x="{}" y="{:.1f}">{}</text>').format(LEFT - 5, y + 4, chart.worded(top * share))
    count = len(chart.labels)
    for tick in range(TICKS):
        place = round(tick * (count - 1) / (TICKS - 1))
        anchor = "start" if tick == 0 else "end" if tick == TICKS - 1 else "middle"
        yield Markup('<text class="axis {}" x="{:.1f}" y="{}">{}</text>').format(
            anchor, _x(place + 0.5, count), HEIGHT - 6, chart.labels[place]
        )


def _shape(series: Series, top: float) -> Markup:
    count = len(series.values)
    if series.shape == "bars":
        return Markup("").join(
            Markup('<rect class="bar {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                series.tone, _x(place, count) + 0.4, _y(value, top), _x(1, count) - LEFT - 0.8, _y(0, top) - _y(value, top)
            )
            for place, value in enumerate(series.values)
            if value
        )
    return Markup("").join(_stretch(series, stretch, top) for stretch in _stretches(series.values))


def _stretches(values: Values) -> Iterator[list[tuple[int, float]]]:
    """The runs of known values, so that a gap stays a gap."""
    run: list[tuple[int, float]] = []
    for place, value in enumerate(values):
        if value is not None:
            run.append((place, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _stretch(series: Series, stretch: list[tuple[int, float]], top: float) -> Markup:
    count = len(series.values)
    if len(stretch) == 1:
        place, value = stretch[0]
        return Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="2"/>').format(series.tone, _x(place + 0.5, count), _y(value, top))
    points = " ".join(f"{_x(place + 0.5, count):.1f},{_y(value, top):.1f}" for place, value in stretch)
    line = Markup('<polyline class="line {}" points="{}"/>').format(series.tone, points)
    if series.shape == "line":
        return line
    first, last = (f"{_x(stretch[end][0] + 0.5, count):.1f},{_y(0, top):.1f}" for end in (0, -1))
    return Markup('<polygon class="area {}" points="{} {} {}"/>').format(series.tone, first, points, last) + line


def _points(chart: Chart) -> Iterator[Markup]:
    """A place to point at for each instant: it tells its figures."""
    count = len(chart.labels)
    for place, label in enumerate(chart.labels):
        known = [f"{one.name} {chart.worded(one.values[place] or 0.0)}" for one in chart.series if one.values[place] is not None]
        if known:
            yield Markup('<rect class="hit" x="{:.1f}" y="{}" width="{:.1f}" height="{}"><title>{}</title></rect>').format(
                _x(place, count), TOP, _x(1, count) - LEFT, HEIGHT - TOP - BOTTOM, escape(f"{label}: {', '.join(known)}")
            )
