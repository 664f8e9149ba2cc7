"""A scenario as text, read with the shipped workflows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from workers.loading import load_folders
from workers.simulate.play import load, play
from workers.simulate.scenario import Scenario
from workers.simulate.timeline import Row

HEAD = """start = 2026-11-20T08:00:00
until = 2026-11-20T18:00:00
[policy.auto-send]
mode = "auto"
channel_map = { mail = "email", post = "post" }
"""
OBJECTS = """[[customer]]
id = "501"
email = "rechnung@muster.de"
delivery_method = "mail"
[[invoice]]
id = "A"
customer = "501"
total = "119.00"
date = 2026-11-20
"""
Read = Callable[[str], Scenario]
Play = Callable[[str], list[Row]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The scenario of a text."""
    load_folders()

    def given(text: str) -> Scenario:
        (tmp_path / "s.toml").write_text(text, encoding="utf-8")
        return load(tmp_path / "s.toml")

    return given


@pytest.fixture
def played(read: Read) -> Play:
    """The timeline of what happens to invoice A of customer 501, completed at eight; `text` follows the usual head and objects."""
    return lambda text: play(read(HEAD + OBJECTS + text))
