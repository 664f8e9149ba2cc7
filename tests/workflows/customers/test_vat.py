"""VAT ids: valid, invalid or unknown; an outage is never taken for either of the first two."""

from datetime import timedelta

import pytest

from workers.testing.flow import Flow
from workflows.customers.vat import check_vat_id, compact, syntax_of

GOOD, OTHER = "DE136695976", "ATU13585627"
CHECK = "customer.checkvatid"


def asked(flow: Flow) -> list[str]:
    return [str(call.data["VAT_ID"]) for call in flow.sandbox.calls if call.service == CHECK]


def jump(flow: Flow, **span: float) -> None:
    flow.clock.move(flow.clock.now + timedelta(**span))
    flow.advance(seconds=1)


@pytest.mark.parametrize(
    "vat_id, verdict",
    [
        (GOOD, "valid"),
        (OTHER, "valid"),
        ("EL094259216", "valid"),
        ("DE136695977", "invalid"),
        ("DE1", "invalid"),
        ("ZZ123", "unknown"),
        ("12", "unknown"),
        ("CHE107787577IVA", "valid"),
        ("NO995525828MVA", "valid"),
    ],
)
def test_the_syntax_says_yes_no_or_that_it_does_not_know_the_country(vat_id: str, verdict: str) -> None:
    assert syntax_of(vat_id) == verdict


def test_blanks_dots_and_dashes_do_not_count() -> None:
    assert compact(" de 136.695-976 ") == GOOD


def test_a_new_customers_vat_id_is_checked_and_kept_as_evidence() -> None:
    with Flow(check_vat_id) as flow:
        flow.trigger("customer.created", vat_id=GOOD)

        assert asked(flow) == [GOOD]
        assert flow.told == []
        assert flow.runs[0][2] == "waiting"


def test_a_customer_without_a_vat_id_is_not_asked_about() -> None:
    with Flow(check_vat_id) as flow:
        flow.trigger("customer.created")

        assert asked(flow) == []
        assert flow.runs[0][2:] == ("skipped", "no_vat_id")


def test_what_the_provider_calls_invalid_is_a_task() -> None:
    with Flow(check_vat_id) as flow:
        flow.sandbox.account.vat_answers[GOOD] = "invalid"

        flow.trigger("customer.created", vat_id=GOOD)

        assert flow.told == [("task", "vat_id_invalid")]


def test_a_number_that_cannot_exist_is_a_task_and_the_provider_is_not_asked() -> None:
    with Flow(check_vat_id) as flow:
        flow.trigger("customer.created", vat_id="DE136695977")

        assert asked(flow) == []
        assert flow.told == [("task", "vat_id_invalid")]


@pytest.mark.parametrize("outage", ["unavailable", "not-json", "words"])
def test_an_outage_is_unknown_and_asked_again_after_5_minutes_1_6_and_24_hours(outage: str) -> None:
    with Flow(check_vat_id) as flow:
        if outage == "words":
            flow.sandbox.account.vat_answers[GOOD] = "service unavailable"
        else:
            flow.sandbox.faults.add(outage, CHECK, times=5)
        flow.trigger("customer.created", vat_id=GOOD)
        began = flow.clock.now

        counts = []
        for hours in (0.09, 1.01, 6.01, 24.01):
            flow.clock.move(began + timedelta(hours=hours))
            flow.advance(seconds=1)
            counts.append(len(asked(flow)))

        assert counts == [2, 3, 4, 5]
        assert flow.told == [("alert", "vat_id_unknown")]


def test_an_outage_that_ends_is_a_verdict_and_nobody_is_told() -> None:
    with Flow(check_vat_id) as flow:
        flow.sandbox.faults.add("unavailable", CHECK, times=2)
        flow.trigger("customer.created", vat_id=GOOD)

        jump(flow, hours=2)
        jump(flow, hours=2)

        assert len(asked(flow)) == 3
        assert flow.told == []


def test_it_is_checked_once_more_a_year_later() -> None:
    with Flow(check_vat_id) as flow:
        flow.trigger("customer.created", vat_id=GOOD)
        jump(flow, days=364)
        early = len(asked(flow))

        jump(flow, days=2)

        assert (early, len(asked(flow))) == (1, 2)


def test_a_changed_vat_id_is_checked_and_another_change_is_not_for_us() -> None:
    with Flow(check_vat_id) as flow:
        customer = flow.trigger("customer.created", vat_id=GOOD)["customer_id"]
        flow.trigger("customer.updated", customer_id=customer, city="Bonn")
        same = asked(flow)

        flow.trigger("customer.updated", customer_id=customer, city="Wien", vat_id=OTHER)

        assert same == [GOOD]
        assert asked(flow) == [GOOD, OTHER]


def test_a_vat_id_that_is_entered_later_is_checked_then() -> None:
    with Flow(check_vat_id) as flow:
        customer = flow.trigger("customer.created")["customer_id"]

        flow.trigger("customer.updated", customer_id=customer, city="Trier", vat_id=GOOD)

        assert asked(flow) == [GOOD]


def test_one_that_changes_during_an_outage_is_checked_instead_of_the_old_one() -> None:
    with Flow(check_vat_id) as flow:
        flow.sandbox.faults.add("unavailable", CHECK)
        customer = flow.trigger("customer.created", vat_id=GOOD)["customer_id"]

        flow.trigger("customer.updated", customer_id=customer, city="Wien", vat_id=OTHER)
        jump(flow, hours=2)

        assert asked(flow) == [GOOD, OTHER]
