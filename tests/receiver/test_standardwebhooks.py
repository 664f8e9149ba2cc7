"""Standard Webhooks proved by its own package: what `standardwebhooks` signs is let in, what it signed otherwise is not."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.db import Database
from receiver.inbox import list_refusals
from tests.conftest import missing
from tests.receiver.kit import JSON, KEY, Answer, Asked, deliveries, settings_of, with_door

try:
    from standardwebhooks import Webhook
except ImportError:
    Webhook = None
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY = json.dumps({"type": "email.opened", "timestamp": "2026-11-21T08:00:00Z", "data": {"to": "Jörg", "n": 1.50}}, ensure_ascii=False)


@pytest.fixture(autouse=True)
def installed() -> None:
    if Webhook is None:
        missing("standardwebhooks is not installed: pip install -e '.[test]' -c constraints.txt")


def headers_of(body: str, *, id: str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", ago_s: int = 0, secret: str = SECRET) -> dict[str, str]:
    """What a sender that uses the package puts beside its body."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=ago_s)
    mark = Webhook(secret).sign(id, at, body)
    return {"webhook-id": id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": mark}


def sent(database: Database, *requests: tuple[str, dict[str, str]], environ: dict[str, str] | None = None) -> list[Answer]:
    async def talk(asked: Asked) -> list[Answer]:
        raw = [(body.encode(), [JSON, *((name.encode(), said.encode()) for name, said in headers.items())]) for body, headers in requests]
        return [await asked.post("/webhooks/mail", body, headers) for body, headers in raw]

    return with_door(settings_of(database.url, environ=environ), talk)


def test_what_the_package_signs_is_let_in_as_it_was_signed(sqlite_database: Database) -> None:
    (answer,) = sent(sqlite_database, (BODY, headers_of(BODY)))

    assert answer.status == 200
    (row,) = deliveries(sqlite_database)
    assert (row.body, row.native_type, row.native_id) == (BODY.encode(), "email.opened", "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W")


def test_the_package_accepts_the_very_request_the_door_accepts(sqlite_database: Database) -> None:
    headers = headers_of(BODY)

    assert Webhook(SECRET).verify(BODY, headers) == json.loads(BODY)
    assert sent(sqlite_database, (BODY, headers))[0].status == 200


WRONG: dict[str, Any] = {
    "another body": (BODY.replace("1.5", "1.6"), {}),
    "another id": (BODY, {"webhook-id": "msg_other"}),
    "another time": (BODY, {"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) - 2)}),
    "no signature": (BODY, {"webhook-signature": ""}),
    "half a signature": (BODY, {"webhook-signature": "v1,"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_was_changed_after_it_was_signed_is_refused(sqlite_database: Database, name: str) -> None:
    body, changed = WRONG[name]

    (answer,) = sent(sqlite_database, (body, headers_of(BODY, ago_s=5) | changed))

    assert answer.status == 401 and deliveries(sqlite_database) == []
    with sqlite_database.read() as connection:
        assert [row.status for row in list_refusals(connection)] == [401]


@pytest.mark.parametrize("ago_s", [301, -360])  # test_signing has the edge itself; here the door's clock goes on
def test_what_was_signed_too_long_ago_or_ahead_is_refused(sqlite_database: Database, ago_s: int) -> None:
    assert sent(sqlite_database, (BODY, headers_of(BODY, ago_s=ago_s)))[0].status == 401


def test_a_key_that_is_not_ours_is_refused_and_a_rotated_one_is_let_in(sqlite_database: Database) -> None:
    other = "whsec_" + base64.b64encode(b"another key of thirty-two bytes!").decode()
    both = headers_of(BODY, id="msg_2", secret=other)
    both["webhook-signature"] += " " + headers_of(BODY, id="msg_2")["webhook-signature"]

    refused, taken = sent(sqlite_database, (BODY, headers_of(BODY, secret=other)), (BODY, both))

    assert (refused.status, taken.status) == (401, 200)
