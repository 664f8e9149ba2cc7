"""The proof's single checks run on SQLite here, and on PostgreSQL with `make chaos`; one story runs on both."""

import pytest

ON_BOTH = "test_a_long_mixed_story_proves_clean_at_every_step"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the single checks on PostgreSQL slow: a database each would take a minute in all."""
    for item in items:
        if item.path.parent.name == "prove" and "postgresql" in item.name and not item.name.startswith(ON_BOTH):
            item.add_marker(pytest.mark.slow)
