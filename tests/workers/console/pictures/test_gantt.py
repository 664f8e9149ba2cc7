"""The picture of a run: each step in its place on the axis, with words, and nothing a strict browser refuses."""

from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from defusedxml.ElementTree import fromstring

from workers.console.pictures.gantt import LEFT, drawn, x
from workers.console.read.course import Bar, Course

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")


def bar(name: str, hours: float, **more: object) -> Bar:
    made: dict[str, object] = {"shape": "wait", "begin": AT, "end": AT + hours * HOUR, "said": "waited", **more}
    return Bar(name=name, **made)  # type: ignore[arg-type]


def picture(*bars: Bar, now: datetime | None = None) -> tuple[Element, Course]:
    course = Course(begin=AT, end=max(one.end for one in bars), now=now, bars=list(bars))
    return fromstring(str(drawn(course, BERLIN))), course


def test_a_bar_is_as_long_as_its_time() -> None:
    svg, course = picture(bar("half", 5), bar("whole", 10))

    widths = [float(rect.get("width", "0")) for rect in svg.iterfind(".//{*}rect")]
    assert widths[1] == 2 * widths[0]
    assert x(AT, course) == LEFT


def test_an_effect_shows_its_call_and_its_outcome() -> None:
    svg, _ = picture(bar("send <e-mail>", 2, shape="effect", called_at=AT + HOUR, state="unknown", said="unknown", open=True))

    assert [rect.get("class") for rect in svg.iterfind(".//{*}rect")] == ["effect bad open", "call bad"]
    assert svg.findtext(".//{*}g/{*}title") == "send <e-mail>: unknown, until now 2 h"


def test_now_is_a_line_where_the_run_is_not_over() -> None:
    svg, _ = picture(bar("a", 10), now=AT + HOUR)

    assert [line.get("class") for line in svg.iterfind(".//{*}line")].count("today") == 1


def test_what_took_no_time_at_all_can_be_drawn_and_has_no_style() -> None:
    svg, _ = picture(bar("a", 0, shape="step"))

    assert svg.find(".//{*}circle") is not None
    assert "style" not in {name for element in svg.iter() for name in element.keys()}  # noqa: SIM118 - an element is no mapping
