"""Refused requests, checked again with today's secrets, and those that verify taken in, as the door would have.

Called by `billhook recheck` and the console. Only a wrong signature is checked again: the door looked at it after the URL's secret and the
password, so those were right. What is not signed inside what was kept cannot be proved any more and is never taken in: the door keeps
no password and no signature header. Taken in is what the inbox does not have; said twice, it is there once.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import table_of
from receiver.errors import Refused, SettingsInvalid
from receiver.inbox import Arrival, Refusal
from receiver.settings import DoorSecrets, SourceSettings
from receiver.sources.catalog import Presented, Verify, kind, verifier
from workers import control

CHECKED_MAX = 1_000
CAUSE = "signature"
UNSIGNED = "nothing is signed by this kind of source: its sender is proved by what is not kept"
NOT_KEPT = "no signature is in what was kept of it: one in a header never is"
CUT = "its body is kept only in part"
STILL = "its signature is still wrong: none of today's secrets made it"
ELSEWHERE = "it came from an address that is not in allow_from"
STRANGE = "it is signed, but not what this source sends"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What checking again came to. `verify`: ids of the refusals that verify now and are not here yet; `here`: how many are already.

    `why_not`: the others, counted by cause. `uncounted`: requests that were only counted, and are lost unless the sender repeats them.
    `through`: the newest refusal that was looked at; `more`: whether older ones are left.
    """

    verify: list[int] = field(default_factory=list)
    here: int = 0
    why_not: Counter[str] = field(default_factory=Counter)
    uncounted: int = 0
    through: int = 0
    more: bool = False


_REFUSAL = table_of(Refusal)


def check(connection: Connection, source: SourceSettings, secrets: DoorSecrets, *, through: int | None = None) -> Checked:
    """Check what was refused at a source for its signature, the newest CHECKED_MAX up to the id `through`. Reads only."""
    verify, verifies, here, why_not = _verifier(source, secrets), list[int](), set[tuple[str, str]](), Counter[str]()
    already, rows, more = 0, *_refused(connection, source.name, through)
    for row in rows:
        arrival = _arrival(row, source, verify)
        if isinstance(arrival, str):
            why_not[arrival] += 1
        elif (arrival.native_type, arrival.native_id) in here or _has(connection, arrival):
            already += 1
        else:
            here.add((arrival.native_type, arrival.native_id))
            verifies.append(row["id"])
    return Checked(
        verify=verifies, here=already, why_not=why_not, uncounted=sum(row["seen"] - 1 for row in rows),
        through=max((row["id"] for row in rows), default=0), more=more,
    )  # fmt: skip


def take_in(
    connection: Connection, source: SourceSettings, secrets: DoorSecrets, *, through: int, at: datetime, actor: str, reason: str
) -> int:
    """Take in what verifies now of the refusals up to `through`, and keep who said so; how many deliveries are new."""
    verify, new = _verifier(source, secrets), 0
    for row in _refused(connection, source.name, through)[0]:
        arrival = _arrival(row, source, verify)
        if isinstance(arrival, Arrival) and not _has(connection, arrival):
            new += inbox.append(connection, arrival).new
    detail = {"through": through, "taken": new}
    control.audited(connection, "recheck", at=at, actor=actor, subject=source.name, reason=reason, detail=detail)
    return new


def _refused(connection: Connection, source: str, through: int | None) -> tuple[list[sa.RowMapping], bool]:
    """The newest of them, told in the order they came, and whether there are older ones."""
    upto = [_REFUSAL.c.id <= through] if through is not None else []
    query = sa.select(_REFUSAL).where(_REFUSAL.c.source == source, _REFUSAL.c.cause == CAUSE, *upto)
    rows = connection.execute(query.order_by(_REFUSAL.c.id.desc()).limit(CHECKED_MAX + 1)).mappings().all()
    return list(reversed(rows[:CHECKED_MAX])), len(rows) > CHECKED_MAX


def _verifier(source: SourceSettings, secrets: DoorSecrets) -> Verify | None:
    """The check of the signature and the address alone; None where nothing is signed."""
    bare = secrets.model_copy(update={"user": None, "passwords": (), "paths": ()})
    try:
        return verifier(source, bare) if bare.signing else None
    except SettingsInvalid:
        return None


def _arrival(row: sa.RowMapping, source: SourceSettings, verify: Verify | None) -> Arrival | str:
    """The delivery that a refused request is, proved and named as the door does it at the time it came; or why it is none."""
    if verify is None:
        return UNSIGNED
    if len(row["body"]) != row["body_size"]:
        return CUT
    kept = dict(_headers(row["headers"]))
    presented = Presented({name.encode(): value.encode("latin-1") for name, value in kept.items()}, None, row["peer"], row["body"])
    try:
        verify(presented, row["at"].timestamp())
    except Refused as refused:
        return {"signature_missing": NOT_KEPT, "address": ELSEWHERE}.get(refused.cause, STILL)
    of = kind(source.kind)
    try:
        identity = of.admit(row["body"], source, kept) if of.admit else of.identify(row["body"], kept)
    except Refused:
        return STRANGE
    return Arrival(
        source=source.name, origin="push", native_type=identity.native_type, native_id=identity.native_id, body=row["body"],
        received_at=row["at"], headers=row["headers"],
    )  # fmt: skip


def _has(connection: Connection, arrival: Arrival) -> bool:
    return inbox.has(connection, arrival.source, arrival.native_type, arrival.native_id)


def _headers(text: str) -> Iterator[tuple[str, str]]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return
    yield from ((str(name), str(value)) for name, value in found.items() if isinstance(found, dict))
