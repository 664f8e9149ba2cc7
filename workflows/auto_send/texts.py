"""The words of the e-mail: templates by language, checked when the policy is loaded, rendered when an invoice is sent.

Shipped in German, English and Swedish below templates/; a folder of the same shape, named in the policy, goes before them.
They see only what `facts` gives them (workers/templates.py). Amounts and dates are written by Babel.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency

from workers.authoring import CustomerDoc, InvoiceDoc, Money, Templates, Text, text_of

SHIPPED = Path(__file__).parent / "templates"
PARTS = ("subject", "message")
SAMPLE: Mapping[str, str | bool] = {
    "number": "26/001", "invoice_date": "20.11.2026", "due_date": "04.12.2026", "total": "1.190,00 €", "salutation": "mr",
    "first_name": "Max", "last_name": "Muster", "organization": "Muster GmbH", "signature": "Muster", "second": True, "direct_debit": True,
}  # fmt: skip


class Texts:
    """The templates of one folder before the shipped ones."""

    def __init__(self, folder: str | None) -> None:
        self._templates = Templates(SHIPPED, folder, known=SAMPLE)
        self.languages = self._templates.languages

    def check(self) -> None:
        """Render every text once with made-up facts. Raises ValueError naming the file and what is wrong with it."""
        for language in sorted(self.languages):
            for second in (False, True):
                self.compose(language, {**SAMPLE, "second": second, "direct_debit": second, "salutation": "mrs" if second else ""})

    def require(self, language: str) -> None:
        """Raises ValueError where a language has no texts."""
        if language not in self.languages:
            known = ", ".join(sorted(self.languages))
            files = " and ".join(f"{language}/{part}.txt" for part in PARTS)
            raise ValueError(f'there is no text in "{language}": add {files}, or name one of {known}')

    def compose(self, language: str, facts: Mapping[str, str | bool]) -> Text:
        """The text in a language that is there."""
        subject, message = (self._templates.render(f"{language}/{part}.txt", facts) for part in PARTS)
        return text_of(language, subject, message)


@lru_cache(maxsize=32)
def load_texts(folder: str | None) -> Texts:
    """The checked texts of a folder (None: the shipped ones), once per process. Raises ValueError saying what is missing or wrong."""
    texts = Texts(folder)
    texts.check()
    return texts


def language_of(
    customer: CustomerDoc, country: str | None, fallback: tuple[str, ...], by_country: Mapping[str, str], known: frozenset[str]
) -> str:
    """The first language of the fallback list that has texts: "de-AT" is looked for as "de-AT", then as "de"."""
    for name in fallback:
        said = customer.language if name == "LANGUAGE_CODE" else by_country.get(country or "") if name == "country_default" else name
        tag = (said or "").replace("_", "-")
        for candidate in (tag, tag.lower(), tag.partition("-")[0].lower()):
            if candidate in known:
                return candidate
    return fallback[-1]


def facts(invoice: InvoiceDoc, customer: CustomerDoc, *, language: str, signature: str, second: bool) -> dict[str, str | bool]:
    """Everything a template may name, written as it is read in `language` and the customer's own variant of it."""
    locale = locale_of(customer.language, language)
    return {
        "number": invoice.number or "",
        "invoice_date": written_date(invoice.invoice_date, locale),
        "due_date": written_date(invoice.due_date, locale),
        "total": written_money(invoice.total, locale),
        "salutation": customer.salutation or "",
        "first_name": customer.first_name or "",
        "last_name": customer.last_name or "",
        "organization": customer.organization or "",
        "signature": signature,
        "second": second,
        "direct_debit": invoice.payment_type == "2",
    }


def locale_of(said: str | None, language: str) -> Locale:
    """The customer's own locale where it is a variant of the text's language, else that language's."""
    for tag in (said or "", language):
        try:
            locale = Locale.parse(tag.replace("-", "_"))
        except (ValueError, UnknownLocaleError):
            continue
        if locale.language == language.partition("-")[0].lower():
            return locale
    return Locale("en")


def written_money(amount: Money | None, locale: Locale) -> str:
    """An amount as it is read, rounded here and nowhere else."""
    return "" if amount is None else str(format_currency(amount.rounded().amount, amount.currency, locale=locale))


def written_date(day: date | None, locale: Locale) -> str:
    """A date as it is read, such as 20.11.2026."""
    return "" if day is None else str(format_date(day, format="medium", locale=locale))
