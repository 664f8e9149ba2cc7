"""Who is dunned: every reason not to has a code, and what needs a person says why."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.workflows.dunning.cases import DE, GERMANY, SE
from workers.authoring import InvoiceDoc, Money
from workflows.dunning.amount import exact
from workflows.dunning.eligibility import Facts, last_level_for, stale_data, why_approve, why_not_dunned, words_of
from workflows.dunning.policy import DunningPolicy

POLICY = DunningPolicy()
NOW = datetime(2026, 4, 7, 7, 0, tzinfo=UTC)


def money(text: str, currency: str = "EUR") -> Money:
    return Money(exact(text), currency)


def invoice(**said: Any) -> InvoiceDoc:
    fields = {
        "source": "shop", "id": "A", "type": "outgoing", "outstanding": money("1190.00"), "due_date": date(2026, 3, 16),
        "payment_type": "1", "doc_version": "x",
    }  # fmt: skip
    return InvoiceDoc.model_validate(fields | said)


def facts(**said: Any) -> Facts:
    return Facts(**{"was_sent": True, **said})


def test_an_overdue_invoice_that_was_sent_is_dunned() -> None:
    assert why_not_dunned(invoice(), facts(), POLICY) is None


@pytest.mark.parametrize(
    ("said", "known", "reason"),
    [
        ({"type": "draft"}, {}, "not_outgoing"),
        ({"type": "credit"}, {}, "not_outgoing"),
        ({"is_canceled": True}, {}, "invoice_cancelled"),
        ({"ext_uid": "billhook-topup-7"}, {}, "own_top_up"),
        ({"due_date": None}, {}, "no_due_date"),
        ({"outstanding": None}, {}, "outstanding_unknown"),
        ({"outstanding": money("0.00")}, {}, "paid"),
        ({"outstanding": money("-3.00")}, {}, "paid"),
        ({"outstanding": money("4.99")}, {}, "below_minimum"),
        ({"outstanding": money("49.99", "SEK")}, {}, "below_minimum"),
        ({"payment_type": None}, {}, "unmapped_payment_type"),
        ({"payment_type": "9"}, {}, "unmapped_payment_type"),
        ({"payment_type": "3"}, {}, "payment_type_not_dunned"),
        ({"payment_type": "2"}, {}, "collection_not_failed"),
        ({"payment_type": "4"}, {}, "collection_not_failed"),
        ({"payment_type": "6"}, {}, "collection_not_failed"),
        ({}, {"by_discount": True}, "cash_discount"),
        ({}, {"was_sent": False}, "not_sent"),
        ({}, {"blocks": frozenset({"dispute", "pause"})}, "disputed"),
        ({}, {"blocks": frozenset({"promise"})}, "promised"),
        ({}, {"blocks": frozenset({"pause"})}, "paused"),
        ({}, {"blocks": frozenset({"exclude"})}, "excluded"),
        ({}, {"blocks": frozenset({"foreign_dunning", "dispute"})}, "foreign_dunning"),
        ({}, {"blocks": frozenset({"insolvency"})}, "insolvency"),
        ({}, {"blocks": frozenset({"something new"})}, "blocked"),
        ({}, {"words": words_of((), {"Dunning": " OFF "})}, "excluded"),
    ],
)
def test_whatever_keeps_an_invoice_from_being_dunned_has_a_code(said: dict[str, Any], known: dict[str, Any], reason: str) -> None:
    assert why_not_dunned(invoice(**said), facts(**known), POLICY) == reason


@pytest.mark.parametrize(
    "said",
    [{"outstanding": money("5.00")}, {"outstanding": money("50.00", "SEK")}, {"outstanding": money("0.01", "NOK")}, {"payment_type": "5"}],
)
def test_the_least_amount_and_an_advance_request_are_dunned(said: dict[str, Any]) -> None:
    assert why_not_dunned(invoice(**said), facts(), POLICY) is None


@pytest.mark.parametrize("payment_type", ["2", "4", "6"])
def test_a_collection_is_dunned_once_it_failed(payment_type: str) -> None:
    assert why_not_dunned(invoice(payment_type=payment_type), facts(collection_failed=True), POLICY) is None


def test_an_advance_request_gets_the_reminder_only() -> None:
    assert (last_level_for(invoice(payment_type="5"), POLICY), last_level_for(invoice(), POLICY)) == (0, None)


def test_tags_and_attributes_exclude_by_the_policys_words() -> None:
    policy = DunningPolicy(exclude=("VIP", "plan=Friend"))

    for words in (words_of(["vip"], {}), words_of([], {"plan": "friend"})):
        assert why_not_dunned(invoice(), facts(words=words), policy) == "excluded"
    assert why_not_dunned(invoice(), facts(words=words_of(["vip-2"], {"dunning": "off"})), policy) is None


@pytest.mark.parametrize(
    ("synced_hours_ago", "bank_on", "stale"),
    [
        (1, date(2026, 4, 7), None),
        (23, date(2026, 4, 1), None),
        (24, date(2026, 4, 7), "sync"),
        (None, date(2026, 4, 7), "sync"),
        (1, None, "bank"),
        (1, date(2026, 3, 31), "bank"),
    ],
)
def test_old_data_is_not_dunned_on_and_holidays_make_no_bank_data_old(
    synced_hours_ago: int | None, bank_on: date | None, stale: str | None
) -> None:
    synced = None if synced_hours_ago is None else NOW - timedelta(hours=synced_hours_ago)

    found = stale_data(synced_at=synced, bank_checked_on=bank_on, now=NOW, today=date(2026, 4, 7), days=GERMANY, policy=POLICY)

    assert found == stale


def approve(level: int = 1, **said: Any) -> tuple[str, ...]:
    asked: dict[str, Any] = {
        "outstanding": money("1190.00"), "debtor": "business", "fee": money("0.00"), "first_to_customer": False, "credit": None,
        "ladder": DE, "policy": POLICY,
    }  # fmt: skip
    return why_approve(level, **{"together": said.get("outstanding", asked["outstanding"]), **asked, **said})


@pytest.mark.parametrize(
    ("level", "said", "reasons"),
    [
        (1, {}, ()),
        (3, {}, ("level_needs_approval",)),
        (1, {"outstanding": money("5000.00")}, ()),
        (1, {"outstanding": money("5000.01")}, ("large_amount",)),
        (1, {"together": money("5000.01")}, ("large_amount",)),
        (0, {"first_to_customer": True}, ("first_notice_to_customer",)),
        (0, {"first_to_customer": True, "policy": DunningPolicy(approve_first_notice=False)}, ()),
        (1, {"credit": money("1190.00")}, ("credit_covers_debt",)),
        (1, {"credit": money("1189.99")}, ()),
        (1, {"credit": money("0.00")}, ()),
        (1, {"credit": money("0.00", "SEK")}, ()),
        (1, {"credit": money("1.00", "SEK")}, ("credit_covers_debt",)),
        (1, {"outstanding": money("1190.00", "SEK")}, ("foreign_currency",)),
        (1, {"debtor": "consumer", "fee": money("2.50")}, ("consumer_fee",)),
        (1, {"debtor": "business", "fee": money("2.50")}, ()),
        (1, {"debtor": "consumer", "fee": money("2.50"), "policy": DunningPolicy(approve_consumer_fees=False)}, ()),
        (1, {"ladder": SE, "outstanding": money("899.00", "SEK")}, ("level_needs_approval",)),
        (
            3,
            {"first_to_customer": True, "outstanding": money("6000.00")},
            ("level_needs_approval", "large_amount", "first_notice_to_customer"),
        ),
    ],
)
def test_a_person_approves_what_is_large_first_last_foreign_covered_or_charged(
    level: int, said: dict[str, Any], reasons: tuple[str, ...]
) -> None:
    assert approve(level, **said) == reasons
