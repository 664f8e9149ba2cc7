"""What the door's tests share."""

import time
from pathlib import Path

import pytest


@pytest.fixture
def now() -> int:
    """Seconds since 1970: the door compares signed times with the real clock."""
    return int(time.time())


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """An SQLite database without tables."""
    return f"sqlite:///{tmp_path}/empty.db"
