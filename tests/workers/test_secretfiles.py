"""Secrets are written whole, for nobody else to read, and never over one that is there."""

from pathlib import Path

import pytest

from receiver.errors import SettingsInvalid
from workers import secretfiles


def test_a_secret_is_kept_for_nobody_else_to_read(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "secrets"

    assert secretfiles.keep(folder, "BILLHOOK_DOOR_SHOP_PATH", "value")

    assert (folder / "BILLHOOK_DOOR_SHOP_PATH").read_text() == "value"
    assert (folder / "BILLHOOK_DOOR_SHOP_PATH").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == ["BILLHOOK_DOOR_SHOP_PATH"]


def test_a_secret_that_is_there_stays(tmp_path: Path) -> None:
    secretfiles.keep(tmp_path, "A", "first")

    assert not secretfiles.keep(tmp_path, "A", "second")
    assert (tmp_path / "A").read_text() == "first"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsInvalid, match="the secret A cannot be written"):
        secretfiles.keep(tmp_path / "file" / "under", "A", "value")


def test_no_secret_is_made_twice() -> None:
    made = {secretfiles.made() for _ in range(50)}

    assert len(made) == 50 and all(len(one) == 48 for one in made)
