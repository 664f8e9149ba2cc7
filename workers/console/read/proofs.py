"""Why a request was refused: what its cause means, what of it can be seen, and where to look; never a secret, nor what it should be.

Used by a refusal's page. Credentials and signatures are not kept, so that what is compared here is what is: times, sizes, types, and a
callback's own hash, which stands in its body.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from receiver.errors import Refused
from receiver.settings import DoorSecrets, Settings, variable_part
from receiver.signing import TOLERANCE_S
from receiver.sources import qvickly

WHERE = {
    "credentials": "User and password, or the secret at the end of the URL, are not those of this source: compare them with {stem}USER and"
    " {stem}PASSWORD, or {stem}PATH, and with what the provider's settings say.",
    "signature": "The signature was made with another secret, or of other bytes: compare {stem}SIGNING with what the provider shows.",
    "signature_missing": "It carries no signature at all: is this URL entered as one that is signed?",
    "timestamp": "Its time is more than {tolerance} s off: one of the two clocks is wrong, or it was sent again much later.",
    "address": "It came from an address that is not in allow_from of this source.",
    "source_unknown": "No source of this name is configured: compare the URL that the provider has with `billhook doctor`.",
    "method": "This kind of source is sent to by another method: a person opened the URL, or a monitor looks at it.",
    "media_type": "Its content type is none this source sends.",
    "content_encoding": "It is compressed, which no provider here does.",
    "too_large": "It is larger than max_body_bytes.",
    "payload": "Its body is not what this source sends; the detail names the first place that is wrong.",
    "too_slow": "It did not arrive in time: the sender, or the way to here, is slow.",
}


def why(refusal: Mapping[str, Any], settings: Settings) -> list[str]:
    """What is known of why it was refused, in sentences, the likeliest first."""
    source, headers = str(refusal["source"]), _headers(refusal)
    stem = f"BILLHOOK_DOOR_{variable_part(source)}_"
    said = [WHERE[refusal["cause"]].format(stem=stem, tolerance=TOLERANCE_S)] if refusal["cause"] in WHERE else []
    said += _skew(refusal, headers) + _changed(refusal, headers)
    if refusal["cause"] == "signature" and source in settings.sources and settings.source(source).kind == "qvickly":
        said += _whose_hash(refusal, settings, source)
    if refusal["cause"] == "media_type":
        said.append(f"It says content-type {headers.get('content-type') or 'nothing'}.")
    return said


def _headers(refusal: Mapping[str, Any]) -> dict[str, str]:
    try:
        found = json.loads(refusal["headers"] or "{}")
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _skew(refusal: Mapping[str, Any], headers: Mapping[str, str]) -> list[str]:
    """How far the sender's clock is from ours, where it said its time."""
    stamp = headers.get("webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 11):
        return []
    off = round((refusal["at"] - datetime.fromtimestamp(int(stamp), UTC)).total_seconds())
    if abs(off) <= TOLERANCE_S:
        return []
    if off > 0:
        return [f"Its time is {off} s behind ours: it was sent again late, or the sender's clock is slow."]
    return [f"Its time is {-off} s ahead of ours: the sender's clock is fast, or ours is slow."]


def _changed(refusal: Mapping[str, Any], headers: Mapping[str, str]) -> list[str]:
    """Whether something on the way changed the body's size."""
    said = headers.get("content-length", "")
    if said.isdecimal() and refusal["body_size"] and int(said[:12]) != refusal["body_size"]:
        return [f"It announced {said} bytes and {refusal['body_size']} came: something on the way changes bodies."]
    return []


def _whose_hash(refusal: Mapping[str, Any], settings: Settings, source: str) -> list[str]:
    """Whose secret made a Qvickly callback's hash, where it is one we know."""
    if len(refusal["body"]) != refusal["body_size"]:
        return ["Its body is kept only in part, so its hash cannot be looked at again."]
    for name, one in settings.sources.items():
        if name != source and one.kind == "qvickly" and _made_with(_keys(settings.door_secrets(name)), refusal["body"]):
            return [f"Its hash is right for the source {name}: the provider sends that account's callbacks to this one's URL."]
    if _made_with(_keys(settings.door_secrets(source)), refusal["body"]):
        return ["Its hash is right now: the secret was put right since. The provider sends it again by itself."]
    return ["Its hash is none of the secrets that are configured here: is it from the test account, or was the secret renewed?"]


def _keys(door: DoorSecrets) -> list[bytes]:
    return [value.encode() for value in door.signing]


def _made_with(keys: list[bytes], body: bytes) -> bool:
    try:
        qvickly.verify_hash(keys, body)
    except Refused:
        return False
    return True
