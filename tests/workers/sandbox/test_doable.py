"""What is listed for a kind of sandbox can happen there, and nothing else."""

from typing import Any

import pytest

from receiver.sources import catalog
from workers.sandbox import doable
from workers.sandbox.autodns_core import AutodnsSandbox
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.qvickly_core import QvicklySandbox

SANDBOXES: dict[str, Any] = {
    "monsum": MonsumSandbox, "fastbill": lambda: MonsumSandbox("fastbill"), "qvickly": QvicklySandbox, "autodns": AutodnsSandbox,
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(SANDBOXES))
def test_everything_that_is_listed_happens(kind: str) -> None:
    sandbox = SANDBOXES[kind]()

    assert doable.FIRST[kind] in doable.acts(kind)
    for act in doable.acts(kind):
        assert sandbox.trigger(act), act


@pytest.mark.parametrize("kind", sorted(SANDBOXES))
def test_a_refusal_of_the_sandbox_names_the_very_list(kind: str) -> None:
    with pytest.raises(ValueError) as raised:
        SANDBOXES[kind]().trigger("nothing")

    assert all(act in str(raised.value) for act in doable.acts(kind))


def test_every_kind_with_a_provider_has_a_sandbox() -> None:
    assert {kind for kind in catalog.KINDS if doable.acts(kind)} == set(SANDBOXES)
