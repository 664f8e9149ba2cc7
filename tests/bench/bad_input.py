"""What bad input is answered: the status and the error of each, from a running receiver.

`python -m tests.bench.bad_input`. Starts `python -m receiver` on SQLite with one Monsum and one Standard Webhooks source.
"""

import base64
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import sqlalchemy as sa

from receiver.db import CORE_HEAD
from receiver.signing import signature
from tests.servers import free_port
from workers.schema import METADATA

SECRET, KEY = "0123456789abcdef-path-secret", b"0123456789abcdef0123456789abcdef"
GOOD = b'{"id": 7, "type": "customer.created", "customer": {"customer_id": "501"}}'
SIGNED = b'{"type": "bench.example", "timestamp": "2026-11-21T08:00:00Z", "data": {}}'
MIB = 1024 * 1024


def requests(base: str) -> Iterator[tuple[str, str, bytes, dict[str, str]]]:
    """(what, URL, body, headers) of everything that is tried."""
    monsum, standard, plain = f"{base}/webhooks/shop/{SECRET}", f"{base}/webhooks/mail", {"content-type": "application/json"}
    yield "a good notification", monsum, GOOD, plain
    yield "the same, replayed", monsum, GOOD, plain
    yield "empty body", monsum, b"", plain
    yield "truncated", monsum, GOOD[:-9], plain
    yield "not JSON", monsum, b"id=7&type=customer.created", plain
    yield "no id", monsum, b'{"type": "customer.created"}', plain
    yield "wrong secret", f"{base}/webhooks/shop/wrong-wrong-wrong-wrong", GOOD, plain
    yield "no such source", f"{base}/webhooks/nobody/{SECRET}", GOOD, plain
    yield "wrong media type", monsum, GOOD, {"content-type": "application/xml"}
    yield "11 MiB body", monsum, b'{"id": 8, "type": "x", "pad": "' + b"x" * (11 * MIB) + b'"}', plain
    yield "a good signature", standard, SIGNED, plain | _signed(KEY, time.time())
    yield "the same, replayed", standard, SIGNED, plain | _signed(KEY, time.time())
    yield "wrong signature", standard, SIGNED, plain | _signed(b"x" * 32, time.time())
    yield "signed six minutes ago", standard, SIGNED, plain | _signed(KEY, time.time() - 360)
    yield "no signature", standard, SIGNED, plain


def _signed(key: bytes, at: float) -> dict[str, str]:
    id, stamp = b"msg_1", str(int(at)).encode()
    return {"webhook-id": id.decode(), "webhook-timestamp": stamp.decode(), "webhook-signature": signature(key, id, stamp, SIGNED).decode()}


def main() -> None:
    """Print one line each."""
    with tempfile.TemporaryDirectory() as name:
        place, port = Path(name), free_port()
        made = sa.create_engine(f"sqlite:///{place}/billhook.db")
        with made.begin() as connection:
            METADATA.create_all(connection)
            connection.exec_driver_sql("CREATE TABLE alembic_version (version_num varchar(32))")
            connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": CORE_HEAD})
        made.dispose()
        (place / "billhook.toml").write_text(
            f'[billhook]\ndatabase = "sqlite:///{place}/billhook.db"\nlog_level = "error"\n'
            '[source.shop]\nkind = "monsum"\n[source.mail]\nkind = "standard"\n'
        )
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.getcwd(),
            "BILLHOOK_CONFIG": str(place / "billhook.toml"),
            "BILLHOOK_PORT": str(port),
            "BILLHOOK_DOOR_SHOP_PATH": SECRET,
            "BILLHOOK_DOOR_MAIL_SIGNING": "whsec_" + base64.b64encode(KEY).decode(),
        }
        receiver = subprocess.Popen([sys.executable, "-m", "receiver"], env=environ)
        try:
            _try_all(f"http://127.0.0.1:{port}")
        finally:
            receiver.terminate()
            receiver.wait(30)


def _try_all(base: str) -> None:
    with httpx.Client(timeout=10) as client:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                if client.get(f"{base}/readyz").is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        for what, url, body, headers in requests(base):
            answer = client.post(url, content=body, headers=headers)
            print(f"{what:24} {answer.status_code}  {answer.text.strip()[:150]}")


if __name__ == "__main__":
    main()
