"""The words of a notice: templates per language and level, checked when a policy is loaded, rendered when a message is composed.

Shipped in German, English and Swedish below texts/; a folder of the same shape, named in the policy, goes before them. They see only
what is listed in SAMPLE and SAMPLE_INVOICE (workers/templates.py). Amounts and dates are written by Babel, rounded here and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency

from workers.authoring import CustomerDoc, Money, Templates, Text, text_of
from workflows.dunning.ladder import shipped_ladders

SHIPPED = Path(__file__).parent / "texts"
LANGUAGES = ("de", "en", "sv")
OF_COUNTRY = {"DE": "de", "AT": "de", "CH": "de", "SE": "sv"}
TITLES = {
    "de": {"L0": "Zahlungserinnerung", "L1": "1. Mahnung", "L2": "2. Mahnung", "L3": "Letzte Mahnung", "S0": "Zahlungserinnerung",
           "S1": "Inkassoschreiben"},
    "en": {"L0": "Payment reminder", "L1": "First demand", "L2": "Second demand", "L3": "Last demand", "S0": "Payment reminder",
           "S1": "Letter of demand"},
    "sv": {"L0": "Betalningspåminnelse", "L1": "Första kravet", "L2": "Andra kravet", "L3": "Sista kravet", "S0": "Betalningspåminnelse",
           "S1": "Inkassokrav"},
}  # fmt: skip
FIGURES = ("principal", "interest", "per_day", "flat_sum", "fee", "total")
SAMPLE: Mapping[str, Any] = {
    "salutation": "mr",
    "first_name": "Max",
    "last_name": "Muster",
    "organization": "Muster GmbH",
    "signature": "Wir",
}
SAMPLE_INVOICE: Mapping[str, str] = {
    "number": "26/001", "invoice_date": "02.03.2026", "due_date": "16.03.2026", "deadline": "04.05.2026",
    **dict.fromkeys(FIGURES, "1,00 €"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One invoice in a message, as it is read: level name and what lines.txt may name."""

    name: str
    level: int
    facts: Mapping[str, str]


class Wording:
    """The templates of one folder before the shipped ones."""

    def __init__(self, folder: str | None) -> None:
        self._templates = Templates(SHIPPED, folder, known=[*SAMPLE, *SAMPLE_INVOICE])

    def check(self) -> None:
        """Render every text of every level once. Raises ValueError naming the file and what is wrong with it."""
        names = [step.name for ladder in shipped_ladders().values() for step in ladder.steps]
        for language in LANGUAGES:
            for name in names:
                line = Written(name=name, level=0, facts=SAMPLE_INVOICE)
                self.compose(language, [line, line], SAMPLE, total="2,00 €")

    def compose(self, language: str, lines: Sequence[Written], facts: Mapping[str, Any], *, total: str) -> Text:
        """One message: the invoices grouped under the wording of their level, the highest level first and in the subject."""
        ordered = sorted(lines, key=lambda one: -one.level)
        names = list(dict.fromkeys(one.name for one in ordered))
        groups = {name: [one.facts for one in ordered if one.name == name] for name in names}
        sections = [self._render(language, name, {**facts, "invoices": invoices}).strip() for name, invoices in groups.items()]
        sections[1:] = [text[:1].upper() + text[1:] for text in sections[1:]]
        known = {
            **facts, "title": TITLES[language][names[0]], "numbers": [one.facts["number"] for one in ordered], "sections": sections,
            "many": len(lines) > 1, "total": total,
        }  # fmt: skip
        return text_of(language, self._render(language, "subject", known), self._render(language, "message", known))

    def _render(self, language: str, part: str, facts: Mapping[str, Any]) -> str:
        return self._templates.render(f"{language}/{part}.txt", {**facts, "language": language})


@lru_cache(maxsize=32)
def load_wording(folder: str | None) -> Wording:
    """The checked texts of a folder (None: the shipped ones), once per process. Raises ValueError saying what is missing or wrong."""
    wording = Wording(folder)
    wording.check()
    return wording


def language_of(customer: CustomerDoc, country: str) -> str:
    """The customer's language where there are texts, else that of the customer's or the ladder's country, else English."""
    said = (customer.language or "").replace("_", "-").partition("-")[0].lower()
    if said in LANGUAGES:
        return said
    return OF_COUNTRY.get(customer.country or country, "en")


def of_customer(customer: CustomerDoc, *, signature: str) -> dict[str, str]:
    """What a template may name of the customer."""
    return {
        "salutation": customer.salutation or "", "first_name": customer.first_name or "", "last_name": customer.last_name or "",
        "organization": customer.organization or "", "signature": signature,
    }  # fmt: skip


def written_money(amount: Money | None, language: str) -> str:
    """An amount as it is read; empty where there is none or nothing."""
    if amount is None or amount.amount == 0:
        return ""
    return str(format_currency(amount.rounded().amount, amount.currency, locale=Locale.parse(language)))


def written_date(day: date | None, language: str) -> str:
    """A date as it is read, such as 20.11.2026."""
    return "" if day is None else str(format_date(day, format="medium", locale=Locale.parse(language)))
