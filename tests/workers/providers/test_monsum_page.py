"""docs/providers/monsum.md and fastbill.md say what the code does, and the code covers the references, field by field."""

import re

import pytest

from tests.workers.providers import monsum_page, monsum_users
from tests.workers.providers.monsum_page import CARRIED, FOLDER, NAMES, covered, page
from tests.workers.providers.monsum_reference import PAGES, PAYLOADS, UNNAMED, Said, fields, services
from workers.providers import monsum

TEXT = "".join((PAYLOADS / name).read_text(encoding="utf-8") for name in PAGES)


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_the_page_is_what_the_code_makes_of_it(kind: str) -> None:
    written = (FOLDER / f"{kind}.md").read_text(encoding="utf-8")

    assert written == page(kind), "write it anew: python -m tests.workers.providers.monsum_page"
    assert "missing" not in written and all(line.count("|") == head.count("|") for head, line in _rows(written))


def _rows(text: str) -> list[tuple[str, str]]:
    """Each line of a table, beside its head: none is a cell short."""
    found, head = [], ""
    for line in text.splitlines():
        head = "" if not line.startswith("|") else head or line
        found += [(head, line)] if head else []
    return found


def test_the_references_are_read_whole() -> None:
    lines = [line for line in TEXT.splitlines() if re.match(r"[A-Z][A-Z0-9_]+ [^|]|PAYPAL_PAYERID$|COSTUMER_ID$", line)]

    assert len(fields()) == len(lines) - 2  # ITEMS of invoice.get and INVOICE_EXT_UID of invoice.update stand there twice
    assert len(services()) == len(set(re.findall(r"^(?:customer|invoice|item)\.\w+$", TEXT, re.M))) + len(UNNAMED) == 21


def test_every_service_and_every_field_is_carried_out() -> None:
    assert [one for one in services() if one not in CARRIED] == []
    assert [said for said in fields() if not covered(said)] == []


def test_every_service_of_ours_is_in_a_reference_or_fastbills_own() -> None:
    ours = {one.name for one in monsum.SERVICES.values()} | {one.name for one in monsum.QUERIES}

    assert sorted(ours - set(services())) == sorted(
        ["customer.get page", "document", "item.get of one", "webhook.create", "webhook.delete", "webhook.get"]
    )


@pytest.mark.parametrize(
    "said",
    [
        Said("customer.update", "DATA", "PASSWORD", False),
        Said("customer.get", "FILTER", "NICKNAME", False),
        Said("invoice.setpaid", "RESPONSE", "BANK", False),
    ],
)
def test_what_nobody_sends_or_reads_is_not_counted(said: Said) -> None:
    assert not covered(said)


def test_users_are_found_by_attribute_by_name_and_by_the_providers_name() -> None:
    assert "credits" in monsum_users.users("CustomerDoc", ["credit_balance"], "")
    assert "customers" in monsum_users.users("InvoiceDoc", ["vat_total"], "")
    assert monsum_users.users("", (), "INVOICE_EXT_UID") == "looks"
    assert monsum_users.users("CustomerDoc", ["nickname"], "NICKNAME") == "–"
    assert monsum_page.NAMES.keys() == {"monsum", "fastbill"}
