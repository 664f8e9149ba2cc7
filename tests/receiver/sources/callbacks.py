"""Qvickly's callbacks as tests send them: recorded, made, and wrapped in each of the three ways."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from receiver.sources.php_json import encode
from receiver.sources.qvickly import message_hash

PAYLOADS = Path(__file__).parents[2] / "payloads" / "qvickly"
KEY = "qvickly-test-key-000000000001"


def recorded(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


def callback(data: dict[str, Any], key: str = KEY) -> bytes:
    """A callback of this data as the provider would post it."""
    text = encode(data)
    return f'{{"credentials":{{"hash":"{message_hash(key.encode(), text)}"}},"data":{text}}}'.encode()


def as_form(body: bytes) -> bytes:
    """The same callback as two JSON texts in a form or a query string."""
    parts = json.loads(body)
    return urlencode({"credentials": encode(parts["credentials"]), "data": encode(parts["data"])}).encode()
