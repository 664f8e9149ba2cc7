"""The proof's single checks run on SQLite here, and on PostgreSQL with `make chaos`; one story runs on both."""

from collections.abc import Iterator

import pytest

from receiver.db import Database
from workers.testing import memory

ON_BOTH = "test_a_long_mixed_story_proves_clean_at_every_step"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the single checks on PostgreSQL slow: a database each would take a minute in all."""
    for item in items:
        if item.path.parent.name == "prove" and "postgresql" in item.name and not item.name.startswith(ON_BOTH):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def kept_database(database_url: str) -> Iterator[Database]:
    """A Database with billhook's tables that other processes may open, once on each kind."""
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def database(request: pytest.FixtureRequest, database_url: str) -> Iterator[Database]:
    """A Database with billhook's tables, once on each kind; SQLite in memory, where compiled statements stay from test to test."""
    if database_url.startswith("sqlite"):
        with memory.lent() as lent:
            yield lent
    else:
        yield request.getfixturevalue("kept_database")
