"""Proofs: HTTP Basic, path secrets and Standard Webhooks signatures, compared in constant time on raw bytes.

Pure; knows no source and keeps nothing. Secrets are compared as digests of equal length, each live value every time, so neither
length nor order shows in the time taken. Source: Standard Webhooks specification 1.0 (github.com/standard-webhooks), read 2026-11-21.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from receiver.errors import PayloadInvalid, SettingsInvalid, SignatureWrong

TOLERANCE_S = 300
SECRET_PREFIX = "whsec_"
SIGNATURES_MAX = 16
PIECE = 2047
ONE_PIECE = 65_536


def digest(value: bytes) -> bytes:
    """What a secret is compared as."""
    return hashlib.sha256(value).digest()


def body_hash(body: bytes) -> str:
    """SHA-256 of `body`, hex.

    Fed in pieces below the size from which hashlib gives up the GIL: beside the writer thread, taking it back costs ten times the
    hashing of a usual body. Large bodies are hashed at once.
    """
    return _fed(hashlib.sha256(), body).hexdigest()


def _fed(hash: "hashlib._Hash", body: bytes) -> "hashlib._Hash":
    if not PIECE < len(body) <= ONE_PIECE:
        hash.update(body)
    else:
        for start in range(0, len(body), PIECE):
            hash.update(body[start : start + PIECE])
    return hash


class SigningKey:
    """HMAC-SHA256 with one key, its two padded blocks hashed once."""

    def __init__(self, key: bytes) -> None:
        block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def sign(self, head: bytes, body: bytes) -> bytes:
        """The HMAC of `head` and `body` as one message."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(head)
        outer.update(_fed(inner, body).digest())
        return outer.digest()


def matching(given: bytes, live: Sequence[bytes]) -> int | None:
    """The place of `given` among the `live` digests, None where it is none of them. Looks at all of them every time."""
    shown, found = hashlib.sha256(given).digest(), None
    for place, value in enumerate(live):
        if hmac.compare_digest(shown, value) and found is None:
            found = place
    return found


def basic_tokens(user: str, passwords: Sequence[str]) -> list[bytes]:
    """The digests of the HTTP Basic tokens that would be right, in UTF-8 and, where it differs, in Latin-1 behind them."""
    tokens = [digest(base64.b64encode(f"{user}:{password}".encode())) for password in passwords]
    try:
        old = [digest(base64.b64encode(f"{user}:{password}".encode("latin-1"))) for password in passwords]
    except UnicodeEncodeError:
        old = []
    return tokens if old == tokens else tokens + old


def basic_token(authorization: bytes) -> bytes:
    """The token of an Authorization header; b"" where its scheme is not Basic."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip() if scheme.lower() == b"basic" else b""


def signing_key(secret: str) -> bytes:
    """The key inside a `whsec_…` secret. Raises SettingsInvalid unless it is base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise SettingsInvalid("a signing secret is not base64: copy it whole, with whsec_ in front") from None
    if not 24 <= len(key) <= 64:
        raise SettingsInvalid("a signing secret has to hold 24 to 64 bytes: make one with `openssl rand -base64 32`")
    return key


def signature(key: bytes, id: bytes, timestamp: bytes, body: bytes) -> bytes:
    """The `v1,…` signature of one message."""
    return _shown(SigningKey(key), id, timestamp, body)


def _shown(key: SigningKey, id: bytes, timestamp: bytes, body: bytes) -> bytes:
    return b"v1," + binascii.b2a_base64(key.sign(b"%b.%b." % (id, timestamp), body), newline=False)


def verify_signature(keys: Sequence[SigningKey], id: bytes, timestamp: bytes, signatures: bytes, body: bytes, now: float) -> int:
    """The place of the key that signed this message. `now` in seconds since 1970.

    Raises SignatureWrong where nothing fits or the time is more than TOLERANCE_S from `now` on either side, and PayloadInvalid
    for an id that may not be signed: the "." parts what is signed, so an id with one could be read in two ways.
    """
    if b"." in id or not 0 < len(id) <= 256 or not id.isascii() or not id.decode().isprintable():
        raise PayloadInvalid(field="webhook-id")
    given = [one for one in signatures.split()[:SIGNATURES_MAX] if one.startswith(b"v1,")]
    found = None
    for place, key in enumerate(keys):
        right = _shown(key, id, timestamp, body)
        for one in given:
            if hmac.compare_digest(one, right) and found is None:
                found = place
    if found is None:
        raise SignatureWrong(cause="signature" if given else "signature_missing")
    if not (timestamp.isdigit() and len(timestamp) <= 12) or abs(now - int(timestamp)) > TOLERANCE_S:
        raise SignatureWrong(cause="timestamp")
    return found
