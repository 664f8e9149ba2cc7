"""A customer's whole story, however its notifications arrive, ends in one state and one set of events."""

from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flow.story import Belief, believed, whole_story
from workers.testing.flow import Flow

KINDS = ("monsum", "fastbill")
LENGTH = 25  # of the longer story, Monsum's
examined = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def in_order(kind: str) -> Belief:
    with Flow(kind=kind) as flow:  # type: ignore[arg-type]
        told = whole_story(flow)
        assert kind != "monsum" or len(told) == LENGTH
        for body in told:
            flow.deliver(body)
        return believed(flow)


def arrivals() -> st.SearchStrategy[list[int]]:
    """Places of the notifications in the order they arrive: each at least once, some again."""
    every = st.permutations(range(LENGTH))
    return st.tuples(every, st.lists(st.integers(0, LENGTH - 1), max_size=6)).flatmap(lambda both: st.permutations([*both[0], *both[1]]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_story_told_in_order_means_what_happened(kind: str) -> None:
    belief = in_order(kind)

    customer = next(id for what, id in belief.mirror if what == "customer")
    invoice, draft = (id for what, id in belief.mirror if what == "invoice")
    expected = [
        ("customer.created", customer),
        ("customer.deleted", customer),
        ("invoice.canceled", invoice),
        ("invoice.completed", invoice),
        ("invoice.created", invoice),
        ("invoice.created", draft),
    ]
    if kind == "monsum":  # FastBill core tells nothing of payments and subscriptions, nor of deleted drafts
        expected += [("payment.chargeback", invoice), ("payment.failed", invoice), ("payment.reminded", customer)]
        expected += [(f"subscription.{act}", customer) for act in ("created", "changed", "canceled", "reactivated", "closed")]
        expected += [("invoice.deleted", draft), ("invoice.paid", invoice), ("invoice.paid", invoice), ("invoice.reopened", invoice)]
    assert belief.events == sorted(expected)
    assert belief.mirror["customer", customer]["city"] == "Köln"


@pytest.mark.parametrize("kind", KINDS)
@examined
@given(order=arrivals())
def test_a_story_permuted_and_repeated_ends_in_the_same_mirror_and_events(kind: str, order: list[int]) -> None:
    with Flow(kind=kind) as flow:  # type: ignore[arg-type]
        told = whole_story(flow)
        for place in order:
            if place < len(told):
                flow.deliver(told[place])

        assert believed(flow) == in_order(kind)


@examined
@given(order=arrivals(), pauses=st.lists(st.integers(0, 20), min_size=LENGTH + 6, max_size=LENGTH + 6))
def test_a_story_with_scans_between_its_notifications_makes_the_same_events(order: list[int], pauses: list[int]) -> None:
    with Flow() as flow:
        told = whole_story(flow)
        for place, minutes in zip(order, pauses, strict=False):
            if place < len(told):
                flow.deliver(told[place])
                flow.advance(minutes=minutes)

        belief = believed(flow)
        assert set(in_order("monsum").events) <= set(belief.events)
        decided = (
            "invoice.completed", "invoice.paid", "invoice.canceled", "invoice.deleted", "customer.deleted", "payment.failed",
            "payment.chargeback", "subscription.closed",
        )  # fmt: skip
        assert [e for e in belief.events if e[0] in decided] == [e for e in in_order("monsum").events if e[0] in decided]
