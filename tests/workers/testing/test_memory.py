"""A database that is put back is what it was, row ids included."""

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Arrival, append
from workers.control import Control, get, put
from workers.testing.flow import START
from workers.testing.memory import MemoryDatabase, copied, put_back


def keep(database: Database, number: int) -> int:
    arrival = Arrival(source="shop", origin="push", native_type="t", native_id=str(number), body=b"{}", received_at=START)
    return database.write(lambda c: append(c, arrival)).delivery_id


def test_rows_are_put_back_and_ids_go_on_where_they_were(database: Database) -> None:
    first = keep(database, 1)
    rows = copied(database)
    second = keep(database, 2)

    put_back(database, rows)

    assert copied(database) == rows
    assert keep(database, 3) == second == first + 1


def test_one_in_memory_takes_the_rows_of_another(database: Database) -> None:
    keep(database, 1)
    memory = MemoryDatabase()

    put_back(memory, copied(database))

    assert copied(memory) == copied(database)
    memory.close()


def test_one_in_memory_is_put_back_whole() -> None:
    memory = MemoryDatabase()
    memory.write(lambda c: put(c, "a", 1, at=START))
    content = memory.copied()
    memory.write(lambda c: put(c, "a", 2, at=START))

    memory.put_back(content)

    with memory.read() as connection:
        assert get(connection, "a") == 1
    memory.close()


def test_a_write_that_fails_leaves_nothing() -> None:
    memory = MemoryDatabase()

    def act(connection: sa.Connection) -> None:
        put(connection, "a", 1, at=START)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        memory.write(act)

    with memory.read() as connection:
        assert connection.execute(sa.select(table_of(Control))).all() == []
    memory.close()
