"""Texts that operators may word: theirs first, in a sandbox, and what would fail later is told with its file."""

from pathlib import Path

import pytest

from workers.templates import SUBJECT_MAX, Templates, Text, text_of

KNOWN = {"number": "26/001", "organization": "Muster GmbH"}


def folder(place: Path, name: str = "shipped", **texts: str) -> Path:
    """A folder of German texts, such as message="Anbei." for de/message.txt."""
    (place / name / "de").mkdir(parents=True)
    for part, text in texts.items():
        (place / name / "de" / f"{part}.txt").write_text(text)
    return place / name


def rendered(place: Path, text: str) -> str:
    return Templates(folder(place, message=text), None, known=KNOWN).render("de/message.txt", KNOWN)


def test_a_folder_of_ones_own_goes_before_the_shipped_texts(tmp_path: Path) -> None:
    shipped = folder(tmp_path, subject="shipped {{ number }}", message="shipped")
    own = folder(tmp_path, "own", message="own {{ number }}")

    templates = Templates(shipped, str(own), known=KNOWN)

    assert templates.render("de/message.txt", KNOWN) == "own 26/001"
    assert templates.render("de/subject.txt", KNOWN) == "shipped 26/001"


def test_the_languages_are_those_of_both_folders_and_no_hidden_ones(tmp_path: Path) -> None:
    shipped, own = folder(tmp_path), tmp_path / "own"
    for name in ("fr", ".git"):
        (own / name).mkdir(parents=True)

    assert Templates(shipped, str(own), known=KNOWN).languages == {"de", "fr"}


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='there is no folder "/nowhere"'):
        Templates(tmp_path, "/nowhere", known=KNOWN)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ salary }}", r"^template de/message\.txt: 'salary' is undefined; known names are number, organization$"),
        ("{{ number", r"^template de/message\.txt: unexpected end of template"),
        ("{% if number == '0' %}{{ nmber }}{% endif %}", r"^template de/message\.txt: 'nmber' is undefined; known names are"),
        ("{{ 1 / 0 }}", r"^template de/message\.txt: division by zero"),
        ("{{ number + 1 }}", r"^template de/message\.txt: can only concatenate str"),
        ("{% include 'de/message.txt' %}", r"^template de/message\.txt: maximum recursion depth exceeded"),
        ("{{ 'x' * 9999999999 }}", r"^template de/message\.txt: a text multiplies nothing"),
        ("{{ 10 ** 9999999999 }}", r"^template de/message\.txt: a text multiplies nothing"),
        ("{% for one in range(99999) %}{% for two in range(99999) %}{% endfor %}{% endfor %}", r"'range' is undefined"),
        ("{{ number.__class__.__mro__ }}", r"^template de/message\.txt: access to attribute '__class__' of 'str' object is unsafe"),
    ],
)
def test_a_text_that_cannot_be_rendered_is_told_with_its_file(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        rendered(tmp_path, text)


def test_a_text_that_is_missing_is_told_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"template sv/message\.txt: it is missing"):
        Templates(folder(tmp_path), None, known=KNOWN).render("sv/message.txt", KNOWN)


def test_lines_that_only_decide_leave_nothing_behind(tmp_path: Path) -> None:
    assert rendered(tmp_path, "one\n  {% if number %}\ntwo & three\n  {% endif %}\n") == "one\ntwo & three\n"


def test_what_stands_in_a_fact_cannot_break_the_subject_into_headers() -> None:
    assert text_of("de", "Rechnung Muster\r\nBcc: all@example.org", "\nAnbei.\n\n") == Text(
        "Rechnung Muster Bcc: all@example.org", "Anbei.\n"
    )


def test_a_subject_is_cut_where_it_is_too_long() -> None:
    assert len(text_of("de", "x" * 300, "Anbei.").subject) == SUBJECT_MAX


@pytest.mark.parametrize(("subject", "message"), [(" \n", "Anbei."), ("Rechnung", " \n")])
def test_a_text_without_a_subject_or_a_message_is_refused(subject: str, message: str) -> None:
    with pytest.raises(ValueError, match="the text in de is empty"):
        text_of("de", subject, message)


def test_a_text_that_is_not_utf_8_is_told_with_its_file(tmp_path: Path) -> None:
    place = folder(tmp_path, message="")
    (place / "de" / "message.txt").write_bytes("Grüße".encode("latin-1"))

    with pytest.raises(ValueError, match=r"^template de/message\.txt: 'utf-8' codec can't decode"):
        Templates(place, None, known=KNOWN).render("de/message.txt", KNOWN)
