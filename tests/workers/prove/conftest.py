"""The proof's single checks run on SQLite here, and on PostgreSQL with `make chaos`; test_examine.py runs on both."""

import pytest

ON_BOTH = "test_examine.py"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the single checks on PostgreSQL slow: a database each would take a minute in all."""
    for item in items:
        if item.path.parent.name == "prove" and item.path.name != ON_BOTH and "postgresql" in item.name:
            item.add_marker(pytest.mark.slow)
