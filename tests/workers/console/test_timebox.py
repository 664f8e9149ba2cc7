"""A statement that takes too long is ended, and the next one is not."""

import pytest
import sqlalchemy as sa

from receiver.db import Database
from workers.console.timebox import box, took_too_long

LONG = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(30)",
}


def test_a_statement_ends_at_its_limit_and_the_next_has_its_own(database: Database) -> None:
    boxed = Database(database.url)
    boxed.on_readers(lambda engine: box(engine, boxed.dialect, seconds=0.2))
    try:
        with boxed.read() as connection:
            with pytest.raises(sa.exc.OperationalError) as ended:
                connection.execute(sa.text(LONG[boxed.dialect])).all()
            connection.rollback()

            assert took_too_long(ended.value)
            assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
    finally:
        boxed.close()


def test_another_trouble_is_not_taken_for_it(database: Database) -> None:
    with database.read() as connection, pytest.raises(sa.exc.DBAPIError) as wrong:
        connection.execute(sa.text("SELECT * FROM nothing_of_this_name"))

    assert not took_too_long(wrong.value)
