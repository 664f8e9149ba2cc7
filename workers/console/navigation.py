"""Where an operator can go: the pages in their order, each with the keys that lead there."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the menu. `key` is typed after g."""

    path: str
    title: str
    key: str
    group: str


NAVIGATION = (
    Place("/", "Now", "n", "Watch"),
    Place("/needs", "Needs you", "y", "Watch"),
    Place("/say", "Say", "o", "Watch"),
    Place("/timers", "Timers", "t", "Watch"),
    Place("/deliveries", "Deliveries", "d", "Find"),
    Place("/events", "Events", "e", "Find"),
    Place("/runs", "Runs", "r", "Find"),
    Place("/effects", "Effects", "f", "Find"),
    Place("/refusals", "Refusals", "x", "Find"),
    Place("/boards", "Boards", "b", "Business"),
    Place("/replay", "Replay", "p", "Run"),
    Place("/workflows", "Workflows", "w", "Run"),
    Place("/sources", "Sources", "s", "Run"),
    Place("/audit", "Audit", "a", "Run"),
)
