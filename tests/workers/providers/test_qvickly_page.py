"""docs/providers/qvickly.md says what the code does, and the code covers the reference."""

import re

from tests.workers.providers.qvickly_page import COVERED, PAGE, PAYMENT_API, page, reference_fields, reference_titles
from workers.providers import qvickly
from workers.providers.service import Service


def test_the_page_is_what_the_code_makes_of_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.workers.providers.qvickly_page"


def test_every_operation_of_the_reference_is_covered() -> None:
    assert set(COVERED) == set(reference_titles())
    assert len(reference_titles()) == 12


def test_every_field_of_the_reference_stands_in_the_page() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))

    assert len(reference_fields()) == 55
    assert reference_fields() <= named


def test_every_service_and_query_is_of_one_of_the_two_apis() -> None:
    of_one = [*COVERED.values(), *PAYMENT_API]

    assert all(one in of_one for one in (*qvickly.SERVICES.values(), *qvickly.QUERIES))
    assert len([one for one in PAYMENT_API if isinstance(one, Service)]) == 3
