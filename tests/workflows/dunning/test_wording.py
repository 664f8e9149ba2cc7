"""The words of a notice: every level in three languages, checked at load, amounts and dates as they are read, nothing unsafe."""

from decimal import Decimal
from pathlib import Path

import pytest

from workers.authoring import CustomerDoc, Money
from workflows.dunning.wording import LANGUAGES, SAMPLE, SAMPLE_INVOICE, Written, language_of, load_wording, written_money

REMINDER = {**SAMPLE_INVOICE, "number": "26/002", "interest": "", "per_day": "", "flat_sum": "", "fee": ""}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_groups_invoices_under_the_wording_of_their_level_the_highest_first(language: str) -> None:
    lines = [Written(name="L0", level=0, facts=REMINDER), Written(name="L2", level=2, facts=SAMPLE_INVOICE)]

    text = load_wording(None).compose(language, lines, SAMPLE, total="1.234,69 €")

    assert text.message.index("26/001") < text.message.index("26/002")
    assert "26/001, 26/002" in text.subject
    assert "1.234,69 €" in text.message
    assert "  " not in text.subject


def test_a_reminder_says_nothing_of_interest_or_fees() -> None:
    text = load_wording(None).compose("de", [Written(name="L0", level=0, facts=REMINDER)], SAMPLE, total="1,00 €")

    assert text.subject == "Zahlungserinnerung zu Rechnung 26/002"
    assert not any(word in text.message for word in ("Verzugszinsen", "Verzugspauschale", "Mahnkosten", "Summe"))


def test_a_template_that_names_what_is_not_known_is_refused_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "L1.txt").write_text("{{ salary }}")

    with pytest.raises(ValueError, match=r"template de/L1\.txt: 'salary' is undefined; known names are"):
        load_wording(str(tmp_path))


@pytest.mark.parametrize(
    ("language", "country", "expected"), [("de-AT", "SE", "de"), ("fr", "SE", "sv"), (None, None, "de"), ("fr", "FR", "en")]
)
def test_the_language_is_the_customers_else_the_countrys_else_english(language: str | None, country: str | None, expected: str) -> None:
    customer = CustomerDoc(source="shop", id="501", language=language, country=country)

    assert language_of(customer, "DE") == expected


def test_amounts_are_written_by_the_language_and_nothing_is_written_of_zero() -> None:
    assert written_money(Money(Decimal("1234.5"), "EUR"), "de") == "1.234,50\xa0€"
    assert written_money(Money(Decimal("1234.5"), "EUR"), "en") == "€1,234.50"
    assert written_money(Money(Decimal("0.00"), "EUR"), "de") == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["S0", "S1"])
def test_a_swedish_notice_cites_no_german_law_in_any_language(language: str, name: str) -> None:
    text = load_wording(None).compose(language, [Written(name=name, level=1, facts=SAMPLE_INVOICE)], SAMPLE, total="1,00 €")

    assert not any(law in text.message for law in ("BGB", "§"))
