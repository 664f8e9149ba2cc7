"""The picture: a calendar with a lane for each key, and words that do not cover one another."""

from datetime import date
from xml.etree import ElementTree

from workers.simulate.svg import COLOURS, draw
from workers.simulate.timeline import Row

SVG = "{http://www.w3.org/2000/svg}"


def row(at: str, key: str = "A", kind: str = "effect", name: str = "L0", state: str = "done", **figures: str) -> Row:
    return Row(at=f"{at}T09:00:00", workflow="dunning", key=key, kind=kind, name=name, state=state, reason="", figures=figures)


def drawn(*rows: Row) -> ElementTree.Element:
    return ElementTree.fromstring(draw(rows, title="Müller & <Söhne>", start=date(2026, 3, 2), until=date(2026, 5, 31)))


def marks(picture: ElementTree.Element) -> list[tuple[int, int]]:
    """(x, y) of every mark."""
    return [(int(c.get("cx", "")), int(c.get("cy", ""))) for g in picture.iter(f"{SVG}g") for c in g.iter(f"{SVG}circle")]


def cards(picture: ElementTree.Element) -> list[tuple[int, int, int, int]]:
    """(x, y, right, bottom) of every card, in the order drawn."""
    framed = [g.find(f"{SVG}rect") for g in picture.iter(f"{SVG}g") if g.find(f"{SVG}text") is not None]
    said = [{name: int(one.get(name, "")) for name in ("x", "y", "width", "height")} for one in framed if one is not None]
    return [(one["x"], one["y"], one["x"] + one["width"], one["y"] + one["height"]) for one in said]


def test_what_comes_from_outside_is_text_and_not_markup() -> None:
    picture = drawn(row("2026-03-23", key="<A>"))

    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"Müller & <Söhne>", "<A>"} <= set(texts)


def test_a_card_says_what_when_and_how_much() -> None:
    picture = drawn(row("2026-04-21", name="L2", total="1234.69", currency="EUR"))

    words = [text.text for g in picture.iter(f"{SVG}g") for text in g.iter(f"{SVG}text")]
    assert words == ["L2  21 Apr, 09:00", "1234.69 EUR"]


def test_later_is_further_right_by_the_same_for_each_day() -> None:
    (first, _), (second, _), (third, _) = marks(drawn(row("2026-03-02"), row("2026-03-12"), row("2026-04-01")))

    assert (third - second) == 2 * (second - first) > 0


def test_a_bar_reaches_from_the_mark_to_the_deadline() -> None:
    picture = drawn(row("2026-03-02", deadline="2026-03-12"), row("2026-03-12"))

    (first, y), (second, _) = marks(picture)
    ends = [(line.get("x1"), line.get("x2"), line.get("y2")) for line in picture.iter(f"{SVG}line")]
    assert (str(first), str(second), str(y)) in ends


def test_no_card_covers_another() -> None:
    days = ("2026-03-02", "2026-03-02", "2026-03-03", "2026-03-05", "2026-03-20", "2026-03-21")
    placed = cards(drawn(*(row(day, name=f"L{n}", to="somebody@muster.de") for n, day in enumerate(days))))

    assert len(placed) == len(days)
    for n, (x, y, right, bottom) in enumerate(placed):
        assert all(right <= left or other_right <= x or bottom <= top or low <= y for left, top, other_right, low in placed[n + 1 :])


def test_what_has_room_stands_on_the_first_line() -> None:
    (_, first, _, _), (_, second, _, _), (_, third, _, _) = cards(drawn(row("2026-03-02"), row("2026-03-03"), row("2026-05-20")))

    assert first == third < second


def test_each_key_has_a_lane_of_its_own() -> None:
    (_, first), (_, second) = marks(drawn(row("2026-03-02"), row("2026-05-02", key="B")))

    assert first < second


def test_no_word_reaches_beyond_the_picture() -> None:
    picture = drawn(row("2026-05-31", to="somebody.with.a.long.name@muster-und-soehne.de"))

    width = int(picture.get("width", "0"))
    [text] = [t for t in picture.iter(f"{SVG}text") if "somebody.with.a.long.name" in (t.text or "")]
    assert int(text.get("x", "")) + 6 * len(text.text or "") <= width


def test_what_another_card_says_is_not_drawn() -> None:
    claim = row("2026-03-23", kind="claim", name="flat", state="open", amount="40.00")

    assert len(marks(drawn(row("2026-03-23", flat="40.00"), claim))) == 1


def test_as_a_part_of_a_page_it_has_no_style_of_its_own() -> None:
    picture = draw([row("2026-03-23")], title="Invoice <A>", start=date(2026, 3, 2), until=date(2026, 5, 31), standalone=False)

    assert "style" not in picture
    assert ElementTree.fromstring(picture).findtext(f"{SVG}title") == "Invoice <A>"


def test_what_a_person_is_told_and_what_a_person_must_look_at_differ_in_colour_and_shape() -> None:
    picture = drawn(row("2026-03-23", kind="alert", name="spike"), row("2026-04-23", kind="parked", name="bounced"))

    shapes = {one.get("class", "").split()[1]: len(one.get("points", "").split()) for one in picture.iter(f"{SVG}polygon")}
    assert shapes == {"alert": 3, "parked": 4}
    assert len(list(picture.iter(f"{SVG}polygon"))) == 4, "each stands on its day and in the legend"
    assert len(set(COLOURS.values())) == len(COLOURS)
