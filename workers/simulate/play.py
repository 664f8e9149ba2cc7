"""From a file to its timeline. Called by `billhook simulate` and by tests.

Everything is in a temporary folder and in this process: no configuration, no account and no running billhook is touched.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from receiver.mistakes import Mistake, unknown
from workers.registry import REGISTRY, Registry
from workers.settings import policy_mistakes
from workers.simulate import account, happenings, plugs, scenario, timeline
from workers.simulate.possible import Wrong, impossible
from workers.simulate.scenario import Happening, Head, Policies, Scenario
from workers.simulate.stage import AUTO, Stage, taking_part
from workers.simulate.timeline import Row


def load(path: Path, registry: Registry = REGISTRY, *, even_impossible: bool = False) -> Scenario:
    """The scenario of a file, checked against the workflows that are registered. Raises SettingsInvalid with every mistake.

    `even_impossible`: also a story in which an invoice is paid twice and the like, as random ones have it.
    """
    names = sorted(workflow.name for workflow in registry.all())

    def policy(name: str, body: Mapping[str, Any]) -> list[Mistake]:
        if registry.get(name) is None:
            return [Mistake("", unknown(name, names, "workflow"))]
        return policy_mistakes(name, body, registry.get(name))

    def fits(place: int, one: Happening) -> list[tuple[str, str]]:
        strange = one.workflow is not None and one.workflow not in names
        return happenings.mistakes(one) + ([("workflow", unknown(str(one.workflow), names, "workflow"))] if strange else [])

    def story(head: Head, policies: Policies, *parts: Any) -> Iterator[Wrong]:
        if even_impossible:
            return iter(())
        return impossible(head, *parts, taking_part=[workflow.name for workflow in taking_part(policies, registry)])

    return scenario.load(path, tables=plugs.TABLES, policy=policy, fits=fits, story=story)


def play(said: Scenario, registry: Registry = REGISTRY) -> list[Row]:
    """The timeline of a scenario."""
    with Stage(said, registry) as stage:
        account.fill(stage)
        for one in said.happens:
            stage.at(said.instant(one.at), partial(happenings.perform, stage, one))
        stage.perform()
        with stage.flow.db.read() as connection:
            return timeline.rows(connection, said.source, said.tz, silent=(AUTO,), noted=stage.noted)
