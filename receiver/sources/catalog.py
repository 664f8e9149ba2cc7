"""The kinds of sources: what each lets in, how it proves, names and reads a delivery.

Owns the table of kinds. The door asks for `verifier`, `identify` or `admit`; the router for `interpret`. Pure functions only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple, Protocol

from receiver.errors import CredentialsWrong, SettingsInvalid, SignatureWrong
from receiver.settings import DoorSecrets, SourceSettings
from receiver.signing import SigningKey, basic_token, basic_tokens, digest, matching, signing_key, verify_signature
from receiver.sources import autodns, fastbill, monsum, qvickly, standard
from receiver.sources.monsum import Identity
from receiver.sources.notice import Notice

FORM = b"application/x-www-form-urlencoded"
XML = frozenset({b"application/xml", b"text/xml"})
JSON = frozenset({b"application/json", b"text/json", b"text/plain", b""})


class Presented(NamedTuple):
    """One request as it is proved: lower-case header names and values as bytes, the URL's secret part, the address it came from."""

    headers: Mapping[bytes, bytes]
    path_secret: str | None
    peer: str
    body: bytes


class Interpret(Protocol):
    def __call__(self, body: bytes, source: SourceSettings, native_type: str, native_id: str, headers: str = "") -> Notice: ...


Verify = Callable[[Presented, float], int]
Signed = Callable[[DoorSecrets], Verify | None]
Admit = Callable[[bytes, SourceSettings, Mapping[str, str]], Identity]


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of source.

    `methods`, `media`:  what its senders use; everything else is 405 and 415.
    `proof`:             what a passed check is worth: "signed" (the bytes) or "claimed" (only that a secret was known).
    `signed`:            the check of what its senders sign, made once of the door's secrets; None where they sign nothing.
    `rewrapped`:         the native type and id say all that is taken from it: another body under them is the same, wrapped otherwise.
    `admit`:             `identify` with a last look at what could never be routed, in one reading; None where there is none.
    """

    name: str
    proof: str
    identify: Callable[[bytes, Mapping[str, str]], Identity]
    interpret: Interpret
    admit: Admit | None = None
    methods: frozenset[str] = frozenset({"POST"})
    media: frozenset[bytes] = JSON
    signed: Signed = lambda secrets: None
    rewrapped: bool = False

    def verify(self, presented: Presented, source: SourceSettings, secrets: DoorSecrets, now: float) -> str:
        """`proof`, where `presented` passes; raises the Refused that says why not. The door keeps a `verifier` instead."""
        verifier(source, secrets)(presented, now)
        return self.proof


def _webhook_signatures(secrets: DoorSecrets) -> Verify | None:
    """Standard Webhooks: headers over the raw bytes."""
    keys = [SigningKey(signing_key(secret)) for secret in secrets.signing]
    return (lambda presented, now: _verified_signature(keys, presented, now)) if keys else None


def _merchant_hashes(secrets: DoorSecrets) -> Verify | None:
    """Qvickly: a hash inside the body. Its session events have none: they are let in only where a path secret proved their sender."""
    keys, proved = [secret.encode() for secret in secrets.signing], bool(secrets.paths)

    def verify(presented: Presented, now: float) -> int:
        if proved and qvickly.is_session_event(presented.body):
            return 0
        return qvickly.verify_hash(keys, presented.body)

    return verify if keys else None


KINDS = {
    "monsum": SourceKind("monsum", "claimed", monsum.identify, monsum.interpret),
    "fastbill": SourceKind("fastbill", "claimed", monsum.identify, fastbill.interpret),
    "standard": SourceKind("standard", "signed", standard.identify, standard.interpret, admit=standard.admit, signed=_webhook_signatures),
    "qvickly": SourceKind(
        "qvickly", "signed", qvickly.identify, qvickly.interpret, methods=frozenset({"POST", "GET"}), media=JSON | {FORM},
        signed=_merchant_hashes, rewrapped=True,
    ),
    "autodns": SourceKind("autodns", "claimed", autodns.identify, autodns.interpret, media=JSON | XML, rewrapped=True),
}  # fmt: skip


def kind(name: str) -> SourceKind:
    """The kind called `name`; raises SettingsInvalid where there is none."""
    if name not in KINDS:
        raise SettingsInvalid(f"there is no source kind {name}: write one of {', '.join(KINDS)}")
    return KINDS[name]


def verifier(source: SourceSettings, secrets: DoorSecrets) -> Verify:
    """The check of one source's requests, with its secrets prepared: every credential that is configured has to be right.

    It returns the place of the live secret that fitted. The address list only narrows: it is looked at beside credentials.
    """
    tokens = basic_tokens(secrets.user, secrets.passwords) if secrets.user is not None else []
    paths = [digest(path.encode()) for path in secrets.paths]
    signed = kind(source.kind).signed(secrets)
    passwords = max(1, len(secrets.passwords))
    networks = source.allow_from
    if not (tokens or paths or signed):
        raise SettingsInvalid(f"source {source.name} lets anybody in: give it credentials")

    def verify(presented: Presented, now: float) -> int:
        place: int | None = 0
        if paths or presented.path_secret is not None:
            place = matching((presented.path_secret or "").encode("utf-8", "replace"), paths)
        if tokens:
            found = matching(basic_token(presented.headers.get(b"authorization", b"")), tokens)
            place = None if place is None or found is None else found % passwords
        if place is None:
            raise CredentialsWrong
        if signed:
            place = signed(presented, now)
        if networks and not _inside(presented.peer, networks):
            raise CredentialsWrong(cause="address")
        return place

    return verify


def _verified_signature(keys: list[SigningKey], presented: Presented, now: float) -> int:
    said = presented.headers.get
    id, timestamp, signatures = said(b"webhook-id"), said(b"webhook-timestamp"), said(b"webhook-signature")
    if id is None or timestamp is None or not signatures:
        raise SignatureWrong(cause="signature_missing")
    return verify_signature(keys, id, timestamp, signatures, presented.body, now)


@lru_cache(maxsize=1024)
def _inside(peer: str, networks: tuple[object, ...]) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in network for network in networks)  # type: ignore[operator]
