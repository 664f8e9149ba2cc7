"""The words of the e-mail: checked before they are needed, written in the customer's way."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from babel import Locale

from receiver.money import Money
from workers.authoring import CustomerDoc, InvoiceDoc
from workflows.auto_send.policy import COUNTRY_LANGUAGES
from workflows.auto_send.texts import SAMPLE, facts, language_of, load_texts, locale_of, written_date, written_money

FALLBACK = ("LANGUAGE_CODE", "country_default", "de")
KNOWN = frozenset({"de", "en", "sv"})


def customer(**said: str) -> CustomerDoc:
    return CustomerDoc.from_fields("shop", "501", said)


def invoice(**said: object) -> InvoiceDoc:
    return InvoiceDoc.from_fields("shop", "77", {"type": "outgoing", "number": "26/001", "total": "1190", "due_date": "2026-12-04", **said})


def folder(place: Path, *, subject: str = "Rechnung {{ number }}", message: str = "Anbei {{ number }}.") -> str:
    """A folder with one language, "de"."""
    (place / "de").mkdir()
    (place / "de" / "subject.txt").write_text(subject)
    (place / "de" / "message.txt").write_text(message)
    return str(place)


@pytest.mark.parametrize("language", sorted(KNOWN))
def test_every_shipped_language_has_both_texts(language: str) -> None:
    text = load_texts(None).compose(language, SAMPLE)

    assert "26/001" in text.subject
    assert "1.190,00 €" in text.message


@pytest.mark.parametrize(
    ("said", "country", "language"),
    [
        ({"language": "de-AT"}, None, "de"),
        ({"language": "sv_SE"}, None, "sv"),
        ({"language": "EN"}, None, "en"),
        ({"language": "fr"}, "SE", "sv"),
        ({}, "SE", "sv"),
        ({}, "FR", "de"),
        ({}, None, "de"),
    ],
)
def test_the_first_language_with_texts_is_taken(said: dict[str, str], country: str | None, language: str) -> None:
    assert language_of(customer(**said), country, FALLBACK, COUNTRY_LANGUAGES, KNOWN) == language


def test_a_variant_with_texts_of_its_own_goes_before_its_language() -> None:
    assert language_of(customer(language="de-AT"), None, FALLBACK, COUNTRY_LANGUAGES, KNOWN | {"de-AT"}) == "de-AT"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("Anbei {{ nummer }}.", "'nummer' is undefined; known names are number"),
        ("Anbei {{ number", "template de/message.txt"),
        ("  ", "the text in de is empty"),
    ],
)
def test_a_template_that_would_fail_later_is_refused_when_it_is_loaded(tmp_path: Path, message: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        load_texts(folder(tmp_path, message=message))


def test_a_name_used_only_in_second_copies_is_checked_too(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'nobody' is undefined"):
        load_texts(folder(tmp_path, message="Anbei.{% if second %}{{ nobody }}{% endif %}"))


def test_a_template_in_a_name_is_not_run() -> None:
    said = facts(invoice(), customer(last_name="{{ 7 * 7 }}"), language="de", signature="", second=False)

    assert "{{ 7 * 7 }}" in load_texts(None).compose("de", {**said, "salutation": "mr"}).message


@pytest.mark.parametrize(
    ("amount", "locale", "written"),
    [
        (Money(Decimal("1190"), "EUR"), "de", "1.190,00\xa0€"),
        (Money(Decimal("1190"), "EUR"), "de_AT", "€\xa01.190,00"),
        (Money(Decimal("899.005"), "SEK"), "sv", "899,01\xa0kr"),
        (Money(Decimal("1190"), "EUR"), "en", "€1,190.00"),
        (None, "de", ""),
    ],
)
def test_amounts_are_written_as_they_are_read_and_rounded_once(amount: Money | None, locale: str, written: str) -> None:
    assert written_money(amount, Locale.parse(locale)) == written


def test_dates_are_written_as_they_are_read() -> None:
    assert written_date(date(2026, 12, 4), Locale("de")) == "04.12.2026"
    assert written_date(None, Locale("de")) == ""


def test_a_locale_of_another_language_does_not_mix_into_the_text() -> None:
    assert locale_of("fr-FR", "de") == Locale("de")
    assert locale_of("de-AT", "de") == Locale("de", "AT")
    assert locale_of("no such thing", "sv") == Locale("sv")
    assert locale_of(None, "xx-nothing") == Locale("en")


def test_a_direct_debit_is_announced_with_its_day() -> None:
    said = facts(invoice(payment_type="2"), customer(), language="de", signature="", second=False)

    assert "Den Betrag ziehen wir am 04.12.2026 per Lastschrift" in load_texts(None).compose("de", said).message
