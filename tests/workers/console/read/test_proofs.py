"""Why a request was refused, from what is kept of it, without a secret."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from receiver.settings import Settings, load_settings
from receiver.sources.qvickly import message_hash
from workers.console.read.proofs import WHERE, why

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
KINDS = {"pay": "qvickly", "test": "qvickly", "mail": "standard"}
TOML = "\n".join(['[billhook]\ndatabase = "sqlite:///x.db"', *(f'[source.{name}]\nkind = "{kind}"' for name, kind in KINDS.items())])
ENVIRON = {
    "BILLHOOK_DOOR_PAY_SIGNING": "165964686216",
    "BILLHOOK_DOOR_TEST_SIGNING": "265964686217",
    "BILLHOOK_DOOR_MAIL_SIGNING": "whsec_" + "A" * 32,
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "billhook.toml").write_text(TOML)
    return load_settings(tmp_path / "billhook.toml", ENVIRON)


def refusal(**other: Any) -> dict[str, Any]:
    return {"source": "mail", "at": AT, "cause": "signature", "detail": "", "headers": "", "body": b"", "body_size": 0, **other}


def callback(secret: str) -> bytes:
    """A callback as its provider signs it."""
    data = {"number": "1000235", "status": "Created", "orderid": "7", "url": ""}
    text = json.dumps(data, separators=(",", ":"))
    return json.dumps({"credentials": {"hash": message_hash(secret.encode(), text)}, "data": data}).encode()


def test_a_clock_that_is_off_is_told_with_its_seconds(settings: Settings) -> None:
    ahead = refusal(cause="timestamp", headers=json.dumps({"webhook-timestamp": str(int(AT.timestamp()) + 4000)}))
    behind = refusal(cause="timestamp", headers=json.dumps({"webhook-timestamp": str(int(AT.timestamp()) - 4000)}))

    assert any("4000 s ahead of ours" in line for line in why(ahead, settings))
    assert any("4000 s behind ours" in line for line in why(behind, settings))


def test_a_body_that_changed_its_size_on_the_way_is_told(settings: Settings) -> None:
    changed = refusal(headers=json.dumps({"content-length": "100"}), body=b"x" * 90, body_size=90)

    assert any("announced 100 bytes and 90 came" in line for line in why(changed, settings))


@pytest.mark.parametrize(
    ("secret", "said"),
    [("265964686217", "right for the source test"), ("165964686216", "right now"), ("999999999999", "none of the secrets")],
)
def test_a_callbacks_hash_tells_whose_secret_made_it(settings: Settings, secret: str, said: str) -> None:
    body = callback(secret)
    lines = why(refusal(source="pay", body=body, body_size=len(body)), settings)

    assert any(said in line for line in lines)
    assert not any(value in line for line in lines for value in ENVIRON.values())


@pytest.mark.parametrize("cause", sorted(WHERE))
def test_every_cause_has_words(settings: Settings, cause: str) -> None:
    assert why(refusal(cause=cause, headers="not json"), settings)


@pytest.mark.parametrize(
    "headers", ["[]", '{"webhook-timestamp": "999999999999999"}', '{"webhook-timestamp": "x"}', '{"content-length": "-1"}']
)
def test_odd_headers_are_passed_over(settings: Settings, headers: str) -> None:
    assert len(why(refusal(headers=headers, body_size=5), settings)) == 1
