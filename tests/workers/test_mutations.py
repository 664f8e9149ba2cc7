"""Whatever is sent is taken or refused by name: a sample of what tests/bench/mutations.py runs a hundred thousand times."""

import random

import pytest

from tests.bench import mutations
from tests.bench.mutators import ON_BYTES, ON_JSON, spoilt
from tests.bench.readers import PROVIDERS, Sample, samples


def test_a_few_hundred_spoilt_samples_are_taken_or_refused_by_name() -> None:
    result = mutations.run(300, seed=5)

    assert [f"{failure.error} at {failure.place}: {failure.body!r}" for failure in result.failures.values()] == []
    assert {"taken", "PayloadInvalid", "Retryable", "OutcomeUnknown", "Rejected"} <= set(result.raised)


def test_every_provider_is_spoilt_and_every_sample_once_before_any_twice() -> None:
    assert {sample.provider for sample in samples()} == set(PROVIDERS)
    assert len(samples()) <= 300


def test_what_is_raised_without_a_name_is_a_failure_with_its_smallest_body(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_chance: random.Random, _sample: Sample, body: bytes) -> list[object]:
        return [("careless", lambda: body.decode("utf-8"))]

    monkeypatch.setattr(mutations, "readings", read)
    result = mutations.run(200, seed=1, known=[Sample("monsum", "x", b'{"a":"\xc3\xa9 and a lot more"}')])

    (failure,) = result.failures.values()
    assert failure.error.startswith("UnicodeDecodeError") and result.times[failure.kind] > 1
    assert len(failure.body) < 29 and failure.sample == "x"


@pytest.mark.parametrize("mutate", (*ON_BYTES, *dict.fromkeys(ON_JSON)), ids=lambda one: one.__name__)
def test_each_way_of_spoiling_spoils(mutate: object) -> None:
    body = b'{"id": 7, "type": "customer.created", "customer": {"customer_id": "501", "tags": ["a", "b"]}}'

    made = {mutate(random.Random(seed), body) for seed in range(20)}  # type: ignore[operator]

    assert len(made - {body}) > 3


def test_the_same_chance_spoils_alike() -> None:
    assert spoilt(random.Random(3), b'{"a": 1}') == spoilt(random.Random(3), b'{"a": 1}')
