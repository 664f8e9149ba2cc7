"""The door: one POST becomes one delivery, durable before it is answered.

A plain ASGI callable in front of the app, because no middleware and no routing may stand in the hot path; so it does itself what
they would: methods, media types, the body's cap while it streams, deadlines, metrics. Order of work: size, proof on the raw bytes,
parse, identify, store, answer. Every refusal is a receiver.errors.Refused with its status; a sender's input never causes a 5xx.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from traceback import extract_tb
from typing import Any

import msgspec
from prometheus_client import Counter

from receiver.commit import GroupCommit, Row
from receiver.dispatch import Announcer
from receiver.errors import BodyTooLarge, DoorFailed, MediaTypeRefused, MethodRefused, Refused, SourceUnknown, StoreUnavailable, TooSlow
from receiver.inbox import NO_SOURCE, Kept, RefusedRequest
from receiver.log import get_logger
from receiver.metrics import ACCEPTED, REFUSED, SECRET_USED
from receiver.refusals import RefusalLog
from receiver.settings import Settings, SourceSettings
from receiver.signing import body_hash
from receiver.sources.catalog import Presented, SourceKind, Verify, kind, verifier

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PREFIX = "/webhooks/"
# The only headers that are ever stored: no Authorization, no Cookie, no signature.
KEPT_HEADERS = ("content-type", "content-length", "user-agent", "webhook-id", "webhook-timestamp", "date")
_KEPT = tuple((name.encode(), name) for name in KEPT_HEADERS)
HEADER_MAX = 256
DRAIN_MAX = 33_554_432
log = get_logger(__name__)
_JSON = (b"content-type", b"application/json")


class Disconnected(Exception):
    """The sender went away before its request was whole: nobody is left to answer."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One source, with everything a request needs prepared."""

    source: SourceSettings
    kind: SourceKind
    verify: Verify
    accepted: Counter
    repeated: Counter
    proved: dict[int, Counter]


class Door:
    """Answers `/webhooks/{source}` and `/webhooks/{source}/{secret}`. `open` is false while the schema is not ours: 503."""

    def __init__(self, settings: Settings, commit: GroupCommit, announcer: Announcer, refusals: RefusalLog) -> None:
        self._limits = settings.receiver
        self._commit, self._announcer, self._refusals = commit, announcer, refusals
        self._entries = {name: _entry(settings, name) for name in settings.sources}
        self._reading: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self.open = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one HTTP request below PREFIX."""
        raw = b""
        name, path_secret = _parts(scope["path"])
        try:
            entry = self._entries.get(name)
            if entry is None:
                raise SourceUnknown
            if scope["method"] not in entry.kind.methods:
                raise MethodRefused
            if not self.open:
                raise StoreUnavailable(cause="schema")
            headers = dict(scope["headers"])
            self._admit(entry, headers)
            raw = self._query(scope) if scope["method"] == "GET" else await self._read(receive)
            kept = await self._take(entry, scope, path_secret, headers, raw)
        except Refused as refusal:
            await self._refuse(scope, send, name, refusal, raw)
        except Disconnected:
            return
        except Exception as error:
            # What nobody foresaw is our fault and may pass: a body is never answered 500, which some senders take for a no.
            place = extract_tb(error.__traceback__)[-1]
            log.error("the door failed on a request", error=type(error).__name__, file=place.filename, line=place.lineno)
            await self._refuse(scope, send, name, DoorFailed(), raw)
        else:
            await _answer(send, kept)

    def watch(self) -> None:
        """Cancel requests whose body is overdue; called a few times a second by the app."""
        overdue = time.monotonic() - self._limits.receive_timeout_s
        for task, since in list(self._reading.items()):
            if since < overdue:
                self._late.add(task)
                task.cancel()

    def _admit(self, entry: _Entry, headers: Mapping[bytes, bytes]) -> None:
        """Refuse by the headers alone what would be refused anyway."""
        media = headers.get(b"content-type", b"")
        if media not in entry.kind.media:
            plain = media.partition(b";")[0].strip().lower()
            if plain not in entry.kind.media and not (plain.startswith(b"application/") and plain.endswith(b"+json")):
                raise MediaTypeRefused
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise MediaTypeRefused(cause="content_encoding")
        length = headers.get(b"content-length")
        if (
            length is not None
            and (not length.isdigit() or int(length[:20]) > self._limits.max_body_bytes)
            and (b"expect" in headers or not length.isdigit() or int(length[:20]) > DRAIN_MAX)
        ):
            raise BodyTooLarge

    async def _read(self, receive: Receive) -> bytes:
        """The whole body. What is above the cap is read away and forgotten, so that the sender sees the 413.

        Raises TooSlow where the body is not there within `receive_timeout_s`, whatever the pace.
        """
        task = asyncio.current_task()
        assert task is not None
        self._reading[task] = time.monotonic()
        try:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body") and len(message["body"]) <= self._limits.max_body_bytes:
                return message["body"]  # type: ignore[no-any-return]
            return await self._read_on(receive, message)
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise TooSlow from None
        finally:
            del self._reading[task]
            self._late.discard(task)

    def _query(self, scope: Scope) -> bytes:
        """What a GET says in place of a body."""
        said: bytes = scope["query_string"]
        if len(said) > self._limits.max_body_bytes:
            raise BodyTooLarge(size=len(said))
        return said

    async def _read_on(self, receive: Receive, message: MutableMapping[str, Any]) -> bytes:
        body, size, limit = bytearray(), 0, self._limits.max_body_bytes
        while True:
            if message["type"] != "http.request":
                raise Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= limit:
                body += chunk
            if size > DRAIN_MAX or not message.get("more_body"):
                break
            message = await receive()
        if size > limit:
            raise BodyTooLarge(size=size)
        return bytes(body)

    async def _take(self, entry: _Entry, scope: Scope, path_secret: str | None, headers: Mapping[bytes, bytes], body: bytes) -> Kept:
        """Prove, identify and store one body; the answer waits for the commit."""
        client = scope.get("client")
        place = entry.verify(Presented(headers, path_secret, client[0] if client else "", body), time.time())
        kept_headers = _kept_headers(headers)
        admit = entry.kind.admit
        identity = admit(body, entry.source, kept_headers) if admit else entry.kind.identify(body, kept_headers)
        row = Row(
            entry.source.name, identity.native_type, identity.native_id, body_hash(body), datetime.now(UTC),
            msgspec.json.encode(kept_headers).decode(), body,
        )  # fmt: skip
        kept = await self._commit.submit(row)
        # Announce after commit: a worker may claim the id before this line returns. A repeat re-drives what is still unrouted.
        self._announcer.announce_delivery(kept.delivery_id)
        (entry.accepted if kept.new else entry.repeated).inc()
        entry.proved[place].inc()
        return kept

    async def _refuse(self, scope: Scope, send: Send, name: str, refusal: Refused, body: bytes) -> None:
        source = name if name in self._entries else NO_SOURCE
        REFUSED.labels(source, refusal.cause).inc()
        said = {"error": type(refusal).cause}
        if field := getattr(refusal, "field", None):
            said["field"] = field
        answer = msgspec.json.encode(said)
        headers = [_JSON, (b"content-length", b"%d" % len(answer))]
        if isinstance(refusal, MethodRefused):
            headers.append((b"allow", ", ".join(sorted(self._entries[name].kind.methods)).encode()))
        if refusal.status == 401:
            headers.append((b"www-authenticate", b'Basic realm="billhook", charset="UTF-8"'))
        if refusal.status in (408, 413):
            headers.append((b"connection", b"close"))
        if refusal.status == 503:
            headers.append((b"retry-after", b"%d" % getattr(refusal, "retry_after_s", 1)))
        if refusal.status != 503 or isinstance(refusal, DoorFailed):
            self._refusals.add(_kept_refusal(scope, source, refusal, body))
        with suppress(OSError):
            await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer})


def _entry(settings: Settings, name: str) -> _Entry:
    source, secrets = settings.sources[name], settings.door_secrets(name)
    live = max(len(secrets.passwords), len(secrets.paths), len(secrets.signing))
    return _Entry(
        source, kind(source.kind), verifier(source, secrets), ACCEPTED.labels(name, "no"), ACCEPTED.labels(name, "yes"),
        {place: SECRET_USED.labels(name, str(place)) for place in range(live)},
    )  # fmt: skip


def _parts(path: str) -> tuple[str, str | None]:
    """(source, secret) of a path below PREFIX; a source name with "/" in the rest is no source."""
    name, slash, secret = path[len(PREFIX) :].partition("/")
    return (name, secret or None) if slash else (name, None)


def _kept_headers(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name: headers[raw][:HEADER_MAX].decode("latin-1") for raw, name in _KEPT if raw in headers}


def _kept_refusal(scope: Scope, source: str, refusal: Refused, body: bytes) -> RefusedRequest:
    size = refusal.context.get("size")
    client = scope.get("client")
    return RefusedRequest(
        source=source, at=datetime.now(UTC), status=refusal.status, cause=refusal.cause, detail=str(getattr(refusal, "field", "")),
        method=str(scope["method"])[:16], peer=str(client[0])[:64] if client else "",
        headers=msgspec.json.encode(_kept_headers(dict(scope["headers"]))).decode(),
        body=body, body_size=size if isinstance(size, int) else len(body),
    )  # fmt: skip


async def _answer(send: Send, kept: Kept) -> None:
    answer = b'{"receipt":"%d","repeat":%b}' % (kept.delivery_id, b"false" if kept.new else b"true")
    await send({"type": "http.response.start", "status": 200, "headers": [_JSON, (b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})
