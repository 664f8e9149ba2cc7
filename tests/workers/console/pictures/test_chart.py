"""A chart: well-formed, with a title, figures beside it, gaps, and nothing a strict browser refuses."""

import doctest
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from workers.console import figures
from workers.console.figures import rate
from workers.console.pictures import chart as charts
from workers.console.pictures.chart import Chart, Series, drawn

SVG = "{*}"


def made(*series: Series) -> Chart:
    labels = [f"09:0{minute}" for minute in range(len(series[0].values))]
    return Chart(id="c", title='A <b>"title"', about="What it shows.", labels=labels, series=series, worded=rate)


def picture(*series: Series) -> Element:
    found: Element = fromstring(str(drawn(made(*series))))
    return found


def test_a_picture_says_what_it_is_to_who_does_not_see_it() -> None:
    svg = picture(Series(name="arrived", values=[1.0, 2.0], shape="bars"))

    assert svg.get("role") == "img"
    assert [svg.findtext(f"{SVG}title"), svg.findtext(f"{SVG}desc")] == ['A <b>"title"', "What it shows."]
    assert svg.get("aria-labelledby") == "c-t c-d"


def test_a_gap_stays_a_gap_and_a_lonely_point_a_point() -> None:
    svg = picture(Series(name="median", values=[1.0, 2.0, None, 4.0]))

    assert len(svg.findall(f"{SVG}polyline")) == 1
    assert len(svg.findall(f"{SVG}circle")) == 1


def test_each_known_instant_tells_its_figures_where_it_is_pointed_at() -> None:
    svg = picture(Series(name="arrived", values=[1.0, None]), Series(name="routed", values=[2.0, None]))

    assert [hit.findtext(f"{SVG}title") for hit in svg.iterfind(f"{SVG}rect")] == ["09:00: arrived 1, routed 2"]


def test_it_has_no_style_and_no_script_of_its_own() -> None:
    series = [Series(name=shape, values=[1.0, 2.0], shape=shape) for shape in ("bars", "line", "area")]  # type: ignore[arg-type]
    svg = picture(*series)

    names = {name for element in svg.iter() for name in element.keys()}  # noqa: SIM118 - an element is no mapping
    assert not {name for name in names if name == "style" or name.startswith("on")}
    assert {element.tag.rpartition("}")[2] for element in svg.iter()} & {"style", "script", "foreignObject"} == set()


def test_the_table_has_the_newest_first_and_nothing_for_a_gap() -> None:
    chart = made(Series(name="arrived", values=[1.0, None, 3.0]))

    assert list(chart.rows) == [("09:02", ["3"]), ("09:01", [""]), ("09:00", ["1"])]
    assert made(Series(name="x", values=[None])).is_empty


def test_the_examples_hold() -> None:
    assert doctest.testmod(charts).failed == doctest.testmod(figures).failed == 0
