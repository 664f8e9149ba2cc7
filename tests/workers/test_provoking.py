from pathlib import Path

import httpx
import pytest

from receiver.errors import SettingsInvalid
from tests.workers.sandbox.configured import configured
from workers.errors import NotReady
from workers.provoking import Desk, desk


def test_the_desk_of_each_source_is_at_its_own_address(tmp_path: Path) -> None:
    chosen = configured(tmp_path)

    assert (desk(chosen, "pay").source, desk(chosen, "pay").url) == ("pay", "http://127.0.0.1:8090")
    assert desk(chosen, "nic").url == "http://localhost:8091"


@pytest.mark.parametrize("name, says", [(None, "name the source: --source NAME.*nic, pay, shop"), ("real", "real account")])
def test_only_a_sandbox_is_provoked_and_one_of_several_must_be_named(tmp_path: Path, name: str | None, says: str) -> None:
    with pytest.raises(SettingsInvalid, match=says):
        desk(configured(tmp_path), name)


def away(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def stranger(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, text="<html>")


@pytest.mark.parametrize("answer, error, says", [(away, NotReady, "billhook sandbox"), (stranger, SettingsInvalid, "is no sandbox")])
def test_who_does_not_answer_as_a_sandbox_is_told(answer, error, says) -> None:  # type: ignore[no-untyped-def]
    there = Desk(source="shop", url="http://127.0.0.1:1", client=httpx.Client(transport=httpx.MockTransport(answer)))

    with pytest.raises(error, match=says):
        there.shown("faults")
