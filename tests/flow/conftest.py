"""What the tests of triggers share."""

from typing import Any

import pytest

from receiver.db import Database
from tests.flow.triggered import SEEN, quiet, single, waits_itself
from workers.testing.flow import Flow


@pytest.fixture
def unseen() -> None:
    """Nothing has been seen by the workflows of tests/flow/triggered.py."""
    SEEN.clear()


@pytest.fixture
def postgres_flow(postgres_database: Database) -> Any:
    with Flow(single, waits_itself, quiet, database=postgres_database) as made:
        yield made
