"""`billhook gaps`: what no delivery told, how it was found, what is looked through for it, and what cannot be found."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from receiver.errors import SettingsInvalid
from receiver.settings import Settings, SourceSettings
from workers import missed, silence
from workers.cli.output import print_json, show_rows
from workers.cli.remote import timed
from workers.cli.session import Json, Source, session
from workers.providers import bundle
from workers.providers.scans import Scan
from workers.settings import WorkerSettings

Since = Annotated[datetime | None, typer.Option("--since", help="Only what was found from this time on; UTC. Else the past week.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many facts.")]
MISSED = ("found_at", "source", "type", "invoice_id", "customer_id", "happened_at", "found_by", "webhook", "delivery_id")
SCANS = ("source", "scan", "every", "last_completed", "under_way", "requests", "per_hour", "cannot_find")
PARTS, WEEK = ("missed", "scans", "silence", "unrecoverable"), timedelta(days=7)
QUIET = ("source", "last_delivery", "alarm_at", "silent", "because")


def gaps(context: typer.Context, source: Source = None, since: Since = None, limit: Limit = 100, json: Json = False) -> None:
    """What was missed, when and how it was found; exit 1 where something was."""
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        asked = {"source": source, "since": since.replace(tzinfo=UTC).isoformat() if since else None, "limit": limit}
        told = timed(elsewhere.look("gaps", asked))
        told |= {name: [timed(row) for row in told[name]] for name in PARTS}
    else:
        chosen = here.chosen()
        with here.database() as database, database.read() as connection:
            from_ = since.replace(tzinfo=UTC) if since else database.machine_now(connection) - WEEK
            told = found(connection, chosen, source, since=from_, limit=limit, now=database.machine_now(connection))
    if json:
        print_json(told)
    else:
        _print(told, told["since"])
    if told["missed"]:
        raise typer.Exit(1)


def found(
    connection: Connection, chosen: WorkerSettings, source: str | None, *, since: datetime, limit: int, now: datetime
) -> dict[str, Any]:
    """{"since", "missed", "scans", "silence", "unrecoverable"} of one source or all. Raises SettingsInvalid for an unknown one."""
    sources = _chosen(chosen.settings, source)
    return {
        "since": since,
        "missed": missed.missed(connection, since=since, source=source, limit=limit),
        "scans": [row for one in sources for row in missed.scanned(connection, one.name, scans_of(chosen, one))],
        "silence": [_silence(connection, one, now) for one in sources],
        "unrecoverable": [row for one in sources for row in missed.lost_for_good(one.name, one.kind)],
    }


def _chosen(settings: Settings, source: str | None) -> list[SourceSettings]:
    return list(settings.sources.values()) if source is None else [settings.source(source)]


def scans_of(chosen: WorkerSettings, source: SourceSettings) -> tuple[Scan, ...]:
    """The scans of this source, without those it lacks a login or a setting for; all of them where the secrets are not here."""
    if source.kind not in bundle.KINDS:
        return ()
    try:
        client = chosen.client(source)
    except SettingsInvalid:
        return bundle.KINDS[source.kind].scans
    return tuple(scan for scan in bundle.KINDS[source.kind].scans if not scan.needs or getattr(client, scan.needs, None))


def _silence(connection: Connection, source: SourceSettings, now: datetime) -> dict[str, Any]:
    found = silence.watch(connection, source.name, source.tz, source.silence_limit)
    return {
        "source": source.name, "last_delivery": found.last_at, "alarm_at": found.alarm_at, "silent": found.is_silent(now),
        "because": found.because,
    }  # fmt: skip


def _print(found: dict[str, Any], since: datetime) -> None:
    show_rows(found["missed"], MISSED, as_json=False, nothing=f"nothing was missed since {since:%Y-%m-%d %H:%M} UTC")
    for title, name, columns in (
        ("What is looked through, and how often", "scans", SCANS),
        ("How quiet it may be", "silence", QUIET),
        ("What no API brings back once its delivery is lost", "unrecoverable", ("source", "fact", "why")),
    ):
        print(f"\n{title}:")
        show_rows(found[name], columns, as_json=False, nothing="nothing")
