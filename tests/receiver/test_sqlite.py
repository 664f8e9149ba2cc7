"""SQLite's writer: what it answers is what is in the file, also where SQLite itself rolls everything back."""

import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, is_trouble
from receiver.errors import DatabaseBusy


@pytest.fixture
def letters(tmp_path: Path) -> Iterator[Database]:
    """A database with one table of letters."""
    database = Database(f"sqlite:///{tmp_path}/data/letters.db")
    database.write(lambda c: c.exec_driver_sql("CREATE TABLE letter (name TEXT PRIMARY KEY)"))
    database.write(lambda c: c.exec_driver_sql("CREATE TABLE big (content BLOB)"))
    yield database
    database.close()


def insert(name: str) -> Callable[[Connection], None]:
    def act(connection: Connection) -> None:
        connection.execute(sa.text("INSERT INTO letter VALUES (:name)"), {"name": name})

    return act


def grouped(database: Database, *acts: Callable[[Connection], Any]) -> list[BaseException | None]:
    """What each act was answered when all of them queued behind one that takes its time."""
    begun, gate = threading.Event(), threading.Event()
    answers: list[BaseException | None] = [None] * len(acts)

    def slow(connection: Connection) -> None:
        begun.set()
        assert gate.wait(10)

    def one(place: int, act: Callable[[Connection], Any]) -> None:
        try:
            database.write(act)
        except Exception as error:
            answers[place] = error

    threads = [threading.Thread(target=database.write, args=(slow,))]
    threads[0].start()
    assert begun.wait(10)
    writer = database._file_writer
    assert writer is not None
    for place, act in enumerate(acts):
        threads.append(threading.Thread(target=one, args=(place, act)))
        threads[-1].start()
        while writer._jobs.qsize() < place + 1:
            pass
    gate.set()
    for thread in threads:
        thread.join(10)
    return answers


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(sa.text("SELECT name FROM letter ORDER BY name")).scalars())


def fill_the_disk(connection: Connection) -> None:
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 3}")
    connection.exec_driver_sql("INSERT INTO big VALUES (zeroblob(200000))")


def test_a_full_disk_in_one_function_of_a_group_loses_nothing_the_others_were_told_is_kept(letters: Database) -> None:
    before, full, after = grouped(letters, insert("a"), fill_the_disk, insert("c"))

    assert (before, after) == (None, None)
    assert is_trouble(full) if full else False
    assert names(letters) == ["a", "c"]


def test_a_wrong_function_of_a_group_fails_alone(letters: Database) -> None:
    first, doubled, third = grouped(letters, insert("a"), insert("a"), insert("c"))

    assert (first, third) == (None, None)
    assert isinstance(doubled, sa.exc.IntegrityError)
    assert names(letters) == ["a", "c"]


def test_a_function_that_hides_that_everything_was_rolled_back_is_not_told_that_it_is_kept(letters: Database) -> None:
    def hiding(connection: Connection) -> None:
        insert("a")(connection)
        try:
            fill_the_disk(connection)
        except sa.exc.OperationalError:
            return

    with pytest.raises(sa.exc.OperationalError):
        letters.write(hiding)

    assert names(letters) == []


def test_a_writer_that_cannot_open_its_files_fails_the_write_and_opens_them_at_the_next(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/data/letters.db")
    shutil.rmtree(tmp_path / "data")

    with pytest.raises(sa.exc.OperationalError):
        database.write(insert("a"), timeout_s=10)
    (tmp_path / "data").mkdir()
    database.write(lambda c: c.exec_driver_sql("CREATE TABLE letter (name TEXT)"), timeout_s=10)
    database.write(insert("a"), timeout_s=10)

    assert names(database) == ["a"]
    database.close()


def test_an_error_of_the_database_shows_no_value_of_a_row(letters: Database) -> None:
    letters.write(insert("Max Mustermann"))

    with pytest.raises(sa.exc.IntegrityError) as caught:
        letters.write(insert("Max Mustermann"))

    assert "Mustermann" not in str(caught.value)


def test_a_wrong_statement_is_not_taken_for_a_database_that_is_away(letters: Database) -> None:
    with pytest.raises(sa.exc.OperationalError) as caught:
        letters.write(lambda c: c.exec_driver_sql("INSERT INTO nowhere VALUES (1)"))

    assert not is_trouble(caught.value)
    assert is_trouble(DatabaseBusy())
    assert is_trouble(sa.exc.OperationalError("SELECT 1", None, ConnectionError()))
    assert not is_trouble(ValueError())


def test_the_file_and_what_stands_beside_it_are_its_owners_alone(letters: Database) -> None:
    letters.write(insert("a"))

    assert letters.path is not None
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in letters.path.parent.iterdir()}
    assert {"letters.db", "letters.db-wal", "letters.db-shm"} <= files.keys()
    assert set(files.values()) == {0o600}
