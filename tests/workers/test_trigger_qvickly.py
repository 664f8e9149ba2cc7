"""`billhook trigger --file` on a Qvickly source: the recorded callback is posted to the door, which asks for no login."""

from pathlib import Path

import httpx

from receiver.db import Database
from receiver.settings import load_settings
from tests.receiver.sources.callbacks import KEY, recorded
from workers.trigger import Stage


def test_a_recorded_callback_is_seeded_and_posted_byte_for_byte(tmp_path: Path, sqlite_database: Database) -> None:
    path = tmp_path / "billhook.toml"
    path.write_text(f'[billhook]\ndata_dir = "{tmp_path}"\nsecrets_dir = "{tmp_path}"\n[source.pay]\nkind = "qvickly"\n')
    settings = load_settings(path, {"BILLHOOK_DOOR_PAY_SIGNING": KEY})
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"made": [{"payment_id": "1000235"}]})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    stage = Stage(settings=settings, source=settings.source("pay"), address="http://127.0.0.1:8090", client=client)

    made = stage.play(recorded("callback_created_invoice.json"), sqlite_database)

    assert made == [{"payment_id": "1000235"}]
    assert [request.url.path for request in asked] == ["/_sandbox/seed", "/webhooks/pay"]
    assert asked[1].content == recorded("callback_created_invoice.json")
    assert "authorization" not in asked[1].headers
