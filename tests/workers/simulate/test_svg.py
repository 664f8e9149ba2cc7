"""The picture: a calendar with a lane for each key, and words that do not cover one another."""

import re
from datetime import date
from xml.etree import ElementTree

from workers.simulate.svg import draw
from workers.simulate.timeline import Row

SVG = "{http://www.w3.org/2000/svg}"


def row(at: str, key: str = "A", kind: str = "effect", name: str = "L0", state: str = "done", **figures: str) -> Row:
    return Row(at=f"{at}T09:00:00", workflow="dunning", key=key, kind=kind, name=name, state=state, reason="", figures=figures)


def drawn(*rows: Row) -> ElementTree.Element:
    return ElementTree.fromstring(draw(rows, title="Müller & <Söhne>", start=date(2026, 3, 2), until=date(2026, 5, 31)))


def marks(picture: ElementTree.Element) -> list[tuple[int, int]]:
    """(x, y) of every mark."""
    return [(int(c.get("cx", "")), int(c.get("cy", ""))) for g in picture.iter(f"{SVG}g") for c in g.iter(f"{SVG}circle")]


def test_what_comes_from_outside_is_text_and_not_markup() -> None:
    picture = drawn(row("2026-03-23", key="<A>"))

    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"Müller & <Söhne>", "<A>"} <= set(texts)


def test_a_mark_says_what_when_and_how_much() -> None:
    picture = drawn(row("2026-04-21", name="L2", total="1234.69", interest="4.69"))

    words = [text.text for g in picture.iter(f"{SVG}g") for text in g.iter(f"{SVG}text")]
    assert words == ["L2  21.4. 09:00", "done, 1234.69, interest 4.69"]


def test_later_is_further_right_by_the_same_for_each_day() -> None:
    (first, _), (second, _), (third, _) = marks(drawn(row("2026-03-02"), row("2026-03-12"), row("2026-04-01")))

    assert (third - second) == 2 * (second - first) > 0


def test_words_that_would_cover_another_mark_stand_below_it() -> None:
    (_, first), (_, second), (_, third) = marks(drawn(row("2026-03-02"), row("2026-03-03"), row("2026-05-20")))

    assert first == third < second


def test_each_key_has_a_lane_of_its_own() -> None:
    (_, first), (_, second) = marks(drawn(row("2026-03-02"), row("2026-05-02", key="B")))

    assert first < second


def test_no_word_reaches_beyond_the_picture() -> None:
    picture = drawn(row("2026-05-31", to="somebody.with.a.long.name@muster-und-soehne.de"))

    width, letters = int(picture.get("width", "0")), re.escape("somebody.with.a.long.name")
    [text] = [t for t in picture.iter(f"{SVG}text") if re.search(letters, t.text or "")]
    assert int(text.get("x", "")) + 6 * len(text.text or "") <= width
