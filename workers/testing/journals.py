"""Recorded journals as fixtures: today's code must still fit runs that were alive when they were written.

`billhook check-replay --export FILE` writes such a file, and so does `Flow.record`. It holds what the runs read, personal data
included.
"""

from collections.abc import Callable
from pathlib import Path

from workers import recordings
from workers.registry import REGISTRY, Registry
from workers.replay import WAY_OUT, check
from workers.testing.stage import registered


def assert_replays(path: Path | str, *workflows: Callable[..., None] | str) -> int:
    """Replay every journal of a file; how many. Raises AssertionError naming run, step and file of each that does not fit.

    `workflows` are decorated functions or names; without them every registered workflow counts.
    """
    registry = Registry([registered(one) for one in workflows]) if workflows else REGISTRY
    found = [check(recording, registry) for recording in recordings.read(Path(path))]
    if not found:
        raise AssertionError(f"{path} holds no journal: nothing was compared")
    wrong = [one for one in found if one.verdict != "fits"]
    if wrong:
        lines = [
            f"run {one.run} of {one.workflow} {one.verdict}"
            + (f', step "{one.step}": was {one.was}, now {one.now}' if one.verdict == "diverges" else "")
            + (f", {one.error} at {one.where}" if one.verdict == "fails" else "")
            + (f" ({one.file})" if one.file else "")
            for one in wrong
        ]
        raise AssertionError("\n".join([f"{len(wrong)} of {len(found)} journals do not fit the code: {WAY_OUT}", *lines[:20]]))
    return len(found)
