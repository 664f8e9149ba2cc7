"""`billhook gaps`: what no delivery told, how it was found, what is looked through for it, and what cannot be found."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from receiver.errors import SettingsInvalid
from receiver.settings import Settings, SourceSettings
from workers import missed, silence
from workers.cli.output import print_json, show_rows
from workers.cli.session import Json, Source, session
from workers.providers import bundle
from workers.providers.scans import Scan
from workers.settings import WorkerSettings

Since = Annotated[datetime | None, typer.Option("--since", help="Only what was found from this time on; UTC. Else the past week.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many facts.")]
MISSED = ("found_at", "source", "type", "invoice_id", "customer_id", "happened_at", "found_by", "webhook", "delivery_id")
SCANS = ("source", "scan", "every", "last_completed", "under_way", "requests", "per_hour", "cannot_find")
QUIET = ("source", "last_delivery", "alarm_at", "silent", "because")


def gaps(context: typer.Context, source: Source = None, since: Since = None, limit: Limit = 100, json: Json = False) -> None:
    """What was missed, when and how it was found; exit 1 where something was."""
    chosen = session(context).chosen()
    sources = _chosen(chosen.settings, source)
    with session(context).database() as database, database.read() as connection:
        now = database.machine_now(connection)
        from_ = since.replace(tzinfo=UTC) if since else now - timedelta(days=7)
        found = {
            "missed": missed.missed(connection, since=from_, source=source, limit=limit),
            "scans": [row for one in sources for row in missed.scanned(connection, one.name, scans_of(chosen, one))],
            "silence": [_silence(connection, one, now) for one in sources],
            "unrecoverable": [row for one in sources for row in missed.lost_for_good(one.name, one.kind)],
        }
    if json:
        print_json({"since": from_, **found})
    else:
        _print(found, from_)
    if found["missed"]:
        raise typer.Exit(1)


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


def _print(found: dict[str, list[dict[str, Any]]], since: datetime) -> None:
    show_rows(found["missed"], MISSED, as_json=False, nothing=f"nothing was missed since {since:%Y-%m-%d %H:%M} UTC")
    for title, name, columns in (
        ("What is looked through, and how often", "scans", SCANS),
        ("How quiet it may be", "silence", QUIET),
        ("What no API brings back once its delivery is lost", "unrecoverable", ("source", "fact", "why")),
    ):
        print(f"\n{title}:")
        show_rows(found[name], columns, as_json=False, nothing="nothing")
