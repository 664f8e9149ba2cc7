"""What each kind of source offers from the shell: only what it has, and what it has by name."""

import pytest

from workers.providers import offers
from workers.providers.bundle import KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("noun", offers.NOUNS)
def test_every_kind_with_an_api_can_be_asked_for_both(kind: str, noun: str) -> None:
    assert "get" in offers.acts(kind, noun)


def test_what_a_kind_has_not_is_refused_with_what_it_has() -> None:
    said = offers.why_not("autodns", "customers", "count")

    assert "autodns has no `customers count`" in said and "account" in said and "list" in said


def test_a_kind_without_an_api_says_so() -> None:
    assert offers.acts("standard", "customers") == {}
    assert "no API" in offers.why_not("standard", "customers", "list")


def test_only_qvickly_exports() -> None:
    assert [kind for kind in KINDS if offers.EXPORT in offers.acts(kind, "customers")] == ["qvickly"]
