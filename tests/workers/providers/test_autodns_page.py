"""docs/providers/autodns.md says what the code does, and the code covers the reference."""

import re

from tests.workers.providers.autodns_page import COVERED, PAGE, page
from workers.providers import autodns


def test_the_page_is_what_the_code_makes_of_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.workers.providers.autodns_page"


def test_every_service_and_query_carries_out_an_operation() -> None:
    assert [one for one in (*autodns.SERVICES.values(), *autodns.QUERIES) if one not in COVERED.values()] == []


def test_the_count_of_fields_is_that_of_the_reference() -> None:
    assert re.search(r"Covered: 53 of 53 fields of BasicCustomer", PAGE.read_text(encoding="utf-8"))
