"""`billhook trigger --file` on an AutoDNS source: the recorded message is posted to the door as what it is."""

from pathlib import Path

import httpx
import pytest

from receiver.db import Database
from receiver.settings import load_settings
from tests.receiver.sources.autodns_samples import recorded
from workers.trigger import Stage


@pytest.mark.parametrize(
    "name, media",
    [
        ("push_job_customer_update_constructed.xml", "application/xml"),
        ("poll_job_customer_update_constructed.json", "application/json"),
    ],
)
def test_a_recorded_message_is_seeded_and_posted_byte_for_byte(tmp_path: Path, sqlite_database: Database, name: str, media: str) -> None:
    path = tmp_path / "billhook.toml"
    path.write_text(f'[billhook]\ndata_dir = "{tmp_path}"\nsecrets_dir = "{tmp_path}"\n[source.nic]\nkind = "autodns"\n')
    settings = load_settings(path, {"BILLHOOK_DOOR_NIC_PATH": "v7Tq2nXb81LmPz0s"})
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"made": [{"customer_id": "ix/1234567"}]})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    stage = Stage(settings=settings, source=settings.source("nic"), address="http://127.0.0.1:8090", client=client)

    made = stage.play(recorded(name), sqlite_database)

    assert made == [{"customer_id": "ix/1234567"}]
    assert [request.url.path for request in asked] == ["/_sandbox/seed", "/webhooks/nic/v7Tq2nXb81LmPz0s"]
    assert (asked[1].content, asked[1].headers["content-type"]) == (recorded(name), media)
