"""Connecting a provider, step by step: secrets, login, what to enter there, the baseline, the first delivery.

Used by `billhook connect` and, to look again later, by `billhook doctor`. Every step looks at how things are now, so that connecting can be
broken off and gone on with. No step's words hold a secret; only `entered` does, where it is asked to.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.errors import BillhookError, Rejected, Retryable, SettingsInvalid
from receiver.inbox import NO_SOURCE, Delivery, Refusal
from receiver.settings import DoorSecrets, Settings, SourceSettings, read_secret, variable_part
from workers import baseline, control, secretfiles, unreadable
from workers.addresses import HIDDEN, webhook_url
from workers.errors import RateHeld
from workers.limits import Rank
from workers.providers.guides import Guide
from workers.runtime import Runtime

DONE, TODO, WRONG, WAITS = "done", "todo", "wrong", "waits"
LOOK_S = 0.5
DOOR = ("USER", "PASSWORD", "PATH", "SIGNING")
WHY = {
    "credentials": "the secret at the end of the URL, or the user and password, are not the door's: enter them once more. Where"
    " allow_from is set, compare it with the sender in `billhook refusals`",
    "signature": "it is not signed with BILLHOOK_DOOR_{}_SIGNING: copy the provider's secret once more",
    "signature_missing": "it is not signed: does it come from this provider?",
    "timestamp": "its time is too far from ours: set this machine's clock",
    "source_unknown": "the URL names no source: compare it with `billhook doctor`",
    "method": "it was sent by another method: choose POST there",
    "media_type": "it was sent as another type: choose JSON there",
    "payload": "it is not what this kind of source sends: compare kind in billhook.toml",
}
Ask = Callable[[str, str, bool], str | None]


@dataclass(frozen=True, kw_only=True)
class Step:
    """`state` is done, todo, wrong or waits; `todo` what to do about it. `refused`: the provider knows us not, asking again is no cure."""

    step: str
    state: str
    says: str
    todo: str = ""
    refused: bool = False


def secrets(source: SourceSettings, guide: Guide, folder: Path | None, environ: Mapping[str, str], ask: Ask) -> tuple[Step, str | None]:
    """(the step, the secret that was made for the URL just now). What is missing is made, or asked for by `ask`, which may give None."""
    part, missing = variable_part(source.name), list[str]()
    has_door = any(read_secret(f"BILLHOOK_DOOR_{part}_{end}", environ, folder) for end in DOOR)
    for stem, what, hidden in guide.asks:
        name = f"BILLHOOK_{stem.replace('{}', part)}"
        if read_secret(name, environ, folder) is None and not _asked(name, what, hidden, folder, ask):
            missing.append(f"{name} ({what})")
    fresh = None
    if guide.makes and not has_door and folder is not None:
        fresh = secretfiles.made()
        secretfiles.keep(folder, f"BILLHOOK_DOOR_{part}_PATH", fresh)
    elif guide.makes and not has_door:
        missing.append(f"BILLHOOK_DOOR_{part}_PATH (a secret at the end of the URL: `openssl rand -hex 24`)")
    return _kept(missing, f"BILLHOOK_DOOR_{part}_PATH" if fresh else "", folder), fresh


def _kept(missing: Sequence[str], fresh: str, folder: Path | None) -> Step:
    """The step where these are missing, or where `fresh` was made."""
    where = (
        f"write each into a file of its name in {folder}" if folder is not None else "set them in the environment, there is no secrets_dir"
    )
    if missing:
        return Step(step="secrets", state=TODO, says=f"missing: {', '.join(missing)}", todo=f"{where}; then this command once more")
    if fresh:
        again = "start the receiver again: it reads secrets when it starts"
        return Step(step="secrets", state=DONE, says=f"a secret for the URL was made: {folder}/{fresh}", todo=again)
    return Step(step="secrets", state=DONE, says="all are there")


def _asked(name: str, what: str, hidden: bool, folder: Path | None, ask: Ask) -> bool:
    """Whether a person gave it, and it is kept."""
    value = ask(name, what, hidden) if folder is not None else None
    if not value or not value.strip() or folder is None:
        return False
    secretfiles.keep(folder, name, value.strip())
    return True


def login(runtime: Runtime, source: str, guide: Guide) -> Step:
    """Whether the provider lets us in: a read without effect, at an operator's rank."""
    if guide.proves is None:
        return Step(step="login", state=DONE, says="this kind has no API")
    try:
        guide.proves(runtime.client(source, Rank.OPERATOR))
    except RateHeld as held:
        return Step(step="login", state=WAITS, says=f"not asked now: the provider's rate is used up for {held.wait.total_seconds():.0f} s")
    except Retryable as cause:
        no = cause.context.get("kind") in ("credentials", "rejected", "errors")
        again = f"then `billhook connect {source}` once more"
        return Step(step="login", state=WRONG, says=unreadable.in_words(cause, source), todo=again, refused=no)
    except Rejected as cause:
        return Step(
            step="login",
            state=WRONG,
            says=f"the provider refuses: {'; '.join(cause.reasons) or cause}",
            todo="look at the login",
            refused=True,
        )
    return Step(step="login", state=DONE, says="the provider lets us in")


def entered(source: SourceSettings, guide: Guide, door: DoorSecrets, base: str, *, secret: str | None = None) -> list[str]:
    """What to enter at the provider, line by line; with `secret`, the URL whole."""
    url = webhook_url(base, source.name, door, secret=secret or HIDDEN)
    part = variable_part(source.name)
    beside = f" Beside it the user {door.user} and the password in BILLHOOK_DOOR_{part}_PASSWORD." if door.user else ""
    lines = [line.format(url=url, login=beside) for line in guide.enter]
    if HIDDEN in url:
        lines.append(f"{HIDDEN} is what BILLHOOK_DOOR_{part}_PATH holds.")
    return lines


def registered(runtime: Runtime, source: str, guide: Guide, door: DoorSecrets) -> Step | None:
    """Whether the provider says that it sends to our URL; None where no API tells."""
    if guide.listed is None:
        return None
    end = f"/webhooks/{source}" + (f"/{door.paths[0]}" if door.paths else "")
    try:
        there = guide.listed(runtime.client(source, Rank.OPERATOR), end)
    except (RateHeld, Retryable, Rejected):
        return None
    if there:
        return Step(step="webhook", state=DONE, says="the provider has our URL")
    return Step(step="webhook", state=TODO, says="the provider has no webhook with our URL", todo="make it there, as the lines say")


def history(runtime: Runtime, source: str) -> Step:
    """The baseline, read to its end at the provider's pace; goes on where it was broken off."""
    try:
        while not _read(runtime, source):
            pass
    except (Retryable, Rejected) as cause:
        says = unreadable.in_words(cause, source) if isinstance(cause, Retryable) else str(cause)
        return Step(step="baseline", state=WRONG, says=says, todo=f"then `billhook connect {source}` goes on where it stopped")
    with runtime.db.read() as connection:
        at = control.baseline_at(connection, source)
    return Step(step="baseline", state=DONE, says=f"what was there before {at:%Y-%m-%d %H:%M} UTC starts nothing")


def _read(runtime: Runtime, source: str) -> bool:
    """Whether the baseline is whole."""
    with runtime.db.read() as connection:
        if not baseline.wanted(connection, source):
            return True
    try:
        return baseline.read(runtime, source)
    except RateHeld as held:
        time.sleep(held.wait.total_seconds())
        return False


def delivered(connection: Connection, source: str) -> datetime | None:
    """When the provider's first delivery came, or None."""
    table = table_of(Delivery)
    pushed = sa.select(table.c.received_at).where(table.c.source == source, table.c.origin == "push").order_by(table.c.id).limit(1)
    found: datetime | None = connection.execute(pushed).scalar_one_or_none()
    return found


def turned_away(connection: Connection, source: str, since: datetime) -> list[str]:
    """What the door refused since then, at this source and at none: each cause once, with what to do about it."""
    table = table_of(Refusal)
    chosen = sa.select(table.c.cause, table.c.detail, table.c.status).where(table.c.at >= since, table.c.source.in_((source, NO_SOURCE)))
    rows = connection.execute(chosen.order_by(table.c.id)).all()
    return list(dict.fromkeys(_in_words(row, variable_part(source)) for row in rows))


def _in_words(row: Any, part: str) -> str:
    advice = WHY.get(row.cause) or row.detail or "see docs/errors.md"
    return f"refused with {row.status}, {row.cause}: {advice.replace('{}', part)}"


@dataclass(kw_only=True)
class Watch:
    """Waits for the first delivery. `told`: what is done with each refusal, as it is seen. `first`: what brings it, as the guide says."""

    runtime: Runtime
    source: str
    since: datetime
    told: Callable[[str], None]
    first: str = Guide.first
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def until_delivered(self, wait_s: float) -> Step:
        """At most `wait_s` seconds; looks once where that is 0."""
        until, seen = self.clock() + wait_s, list[str]()
        while True:
            with self.runtime.db.read() as connection:
                at, refused = delivered(connection, self.source), turned_away(connection, self.source, self.since)
            for line in refused[len(seen) :]:
                self.told(line)
            seen = refused
            if at is not None:
                return Step(step="delivery", state=DONE, says=f"the first delivery came at {at:%Y-%m-%d %H:%M:%S} UTC")
            if self.clock() >= until:
                return self._missing(wait_s, seen)
            self.pause(LOOK_S)

    def _missing(self, wait_s: float, refused: list[str]) -> Step:
        again = f"`billhook connect {self.source} --wait 300` waits for it: {self.first}"
        if refused:
            return Step(
                step="delivery", state=WRONG, says="; ".join(refused), todo=f"`billhook refusals --source {self.source}`; then {again}"
            )
        return Step(step="delivery", state=TODO if wait_s else WAITS, says="no delivery came yet", todo=again)


def door_of(settings: Settings, source: str) -> DoorSecrets:
    """The door's secrets, or none where they cannot be used: another step says so."""
    try:
        return settings.door_secrets(source)
    except SettingsInvalid:
        return DoorSecrets()


def usable(look: Callable[[], object]) -> str:
    """Why something cannot be used, or ""."""
    try:
        look()
    except BillhookError as error:
        return str(error)
    return ""
