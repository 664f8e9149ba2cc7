"""A database by URL: one that cannot be used is named, with the way out and without its password."""

from pathlib import Path

import pytest

from receiver.db import Database
from receiver.errors import SettingsInvalid


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:////proc/nope/x.db", "the folder of the database /proc/nope/x.db cannot be made or entered"),
        ("sqlite:////dev/null/x.db", "the folder of the database /dev/null/x.db cannot be made or entered"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("kE4-ruW8mzQ2pLx9", "write sqlite:///PATH or postgresql://"),
        ("mysql://u:kE4-ruW8mzQ2pLx9@h/x", "write sqlite:///PATH or postgresql://"),
        ("postgresql://u:kE4-ruW8mzQ2pLx9@h:port/x", "write sqlite:///PATH or postgresql://"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_with_the_way_out(url: str, says: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        Database(url)

    assert says in str(caught.value) and "billhook.database" in str(caught.value)
    assert "kE4-ruW8mzQ2pLx9" not in str(caught.value)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="is a folder: correct"):
        Database(f"sqlite:///{tmp_path}")


def test_a_database_is_the_same_to_everybody_and_another_one_is_not(database: Database, empty_postgres_url: str, tmp_path: Path) -> None:
    again, other = Database(database.url), Database(empty_postgres_url)
    try:
        assert again.identity() == database.identity() != other.identity()
    finally:
        again.close()
        other.close()


def test_a_copy_of_a_file_is_another_database_and_none_is_nobodys(sqlite_database: Database, tmp_path: Path) -> None:
    assert sqlite_database.path is not None
    copy = tmp_path / "copy.db"
    before = Database(f"sqlite:///{copy}").identity()
    copy.write_bytes(sqlite_database.path.read_bytes())

    assert before == "" != Database(f"sqlite:///{copy}").identity() != sqlite_database.identity()
