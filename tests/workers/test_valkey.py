"""The private Valkey: found, started on a socket of its own, and ended where it was left behind."""

import stat
import subprocess
from pathlib import Path

import pytest

from receiver.errors import SettingsInvalid
from tests.processes import eventually
from workers import valkey


@pytest.fixture
def server() -> Path:
    found = valkey.find_server()
    if found is None:
        pytest.skip("no valkey-server or redis-server here")
    return found


def test_the_server_answers_on_a_socket_only_its_owner_may_use_and_evicts_nothing(server: Path, tmp_path: Path) -> None:
    socket = valkey.socket_path(tmp_path)
    url = valkey.url_of(socket)

    with subprocess.Popen(valkey.command(server, socket), stdout=subprocess.DEVNULL) as process:
        eventually(lambda: valkey.answers(url))
        mode = stat.S_IMODE(socket.stat().st_mode)
        valkey.stop_leftover(socket)
        code = process.wait(10)

    assert mode == 0o700
    assert code == 0
    assert not socket.exists()
    assert not valkey.answers(url)
    assert [file.name for file in tmp_path.iterdir()] == []


def test_a_socket_nobody_listens_on_is_removed(tmp_path: Path) -> None:
    socket = tmp_path / "valkey.sock"
    socket.touch()

    valkey.stop_leftover(socket)

    assert not socket.exists()


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)

    socket = valkey.socket_path(deep)

    assert len(str(socket)) <= valkey.SOCKET_MAX
    assert socket == valkey.socket_path(deep)
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    socket.parent.rmdir()


def test_a_short_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("f" * 60) / ("g" * 60)
    folder = valkey.socket_path(deep).parent
    folder.chmod(0o755)

    with pytest.raises(SettingsInvalid, match="not ours alone"):
        valkey.socket_path(deep)

    folder.rmdir()


def test_the_wheels_server_is_preferred_to_one_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "redis-server").write_text("#!/bin/sh\n")
    (tmp_path / "redis-server").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    found = valkey.find_server()

    assert found is not None and found.name == "valkey-server"
