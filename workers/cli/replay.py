"""`billhook replay`: route stored events again under today's code, one or many, after a look at what that would do."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from workers import previews, replays
from workers.cli import there
from workers.cli.output import print_json, show_rows
from workers.cli.remote import Remote
from workers.cli.session import Json, Reason, Session, Source, actor, session
from workers.errors import NotHere
from workers.loading import load_folders
from workers.previews import Preview
from workers.registry import Registry
from workers.replays import FOUND_MAX, Wanted

COLUMNS = ("source", "workflow", "mode", "start", "live", "skip", "done", "totals", "why")
LISTED = ("replay", "ordered_at", "actor", "ordered", "done", "due", "later", "per_minute", "ends_at")
PER_MINUTE = 60


def replay(
    context: typer.Context,
    ids: Annotated[list[int] | None, typer.Argument(metavar="[EVENT]...", help="Ids of events; or choose them with the options.")] = None,
    source: Source = None,
    type: Annotated[str | None, typer.Option("--type", help="Only events of this type, such as invoice.completed.")] = None,
    since: Annotated[datetime | None, typer.Option("--since", help="Recorded at this time or later; UTC.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Recorded before this time; UTC.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Only this customer's.")] = None,
    invoice: Annotated[str | None, typer.Option("--invoice", help="Only this invoice's.")] = None,
    workflow: Annotated[str | None, typer.Option("--workflow", "-w", help="Only what started this workflow; only it starts again.")] = None,
    status: Annotated[str | None, typer.Option("--status", help="Only what started a run that is now so, such as skipped.")] = None,
    run_reason: Annotated[str | None, typer.Option("--run-reason", help="Only what started a run with this reason.")] = None,
    per_minute: Annotated[int, typer.Option("--per-minute", min=1, max=60_000, help="How many begin each minute.")] = PER_MINUTE,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only show what would happen.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show the replays under way and how far they are.")] = False,
    off: Annotated[str | None, typer.Option("--off", metavar="REPLAY", help="Call off what a replay has not begun.")] = None,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Route stored events again under today's code and policy. What is done stays done: its slot is taken."""
    here = session(context)
    if off is not None:
        _call_off(here, off, yes, json)
        return
    if list_:
        _list(here, json)
        return
    wanted = Wanted(
        source=source, type=type, since=_utc(since), until=_utc(until), customer=customer, invoice=invoice, workflow=workflow,
        status=status, reason=run_reason,
    )  # fmt: skip
    if not ids and wanted.is_open:
        raise typer.BadParameter("say which: ids of events, or --type, --since, --customer, --invoice, --workflow, --status, --run-reason")
    if (elsewhere := here.elsewhere()) is not None:
        said = {**_texts(wanted), "event": " ".join(map(str, ids or [])), "per_minute": per_minute, "reason": reason}
        _there(elsewhere, said, yes, json)
        return
    chosen = here.chosen()
    if source is not None:
        chosen.settings.source(source)
    registry = load_folders(chosen.settings.workflows)
    if workflow is not None and registry.get(workflow) is None:
        raise typer.BadParameter(f"there is no workflow {workflow}: known are {', '.join(sorted(w.name for w in registry.all()))}")
    firsts = {name: str(policy.get("mode", "observe")) for name, policy in chosen.policies.items()}
    with here.database() as database:
        with database.read() as connection:
            found = sorted(set(ids)) if ids else replays.find(connection, wanted)
            missing = replays.unknown(connection, found) if ids else []
            if missing:
                raise NotHere(f"there is no event {missing[0]}: `billhook events` lists them")
            if len(found) > FOUND_MAX:
                raise typer.BadParameter(f"more than {FOUND_MAX} events fit: narrow it, with --since and --until for example")
            shown = previews.preview(connection, registry, firsts, found, workflow)
            already = len(replays.waiting_for(connection, workflow) & set(found))
            warned = unlike(connection, registry, chosen.policies, [one.workflow for one in shown])
        told = would(shown, events=len(found), already=already, per_minute=per_minute, warnings=warned)
        if not yes:
            _show(told, json, "add --yes to do it")
            return
        name, at = uuid.uuid4().hex[:12], datetime.now(UTC)
        database.write(
            lambda c: replays.order(
                c, found, replay_id=name, workflow=workflow, actor=actor(), reason=reason, at=at, per_minute=per_minute
            )
        )  # fmt: skip
        _show(told | {"replay": name}, json, _hint(name))


def would(shown: Sequence[Preview], *, events: int, already: int, per_minute: int, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """What a replay of so many events would do, as it is printed. Its `replay` is the name it has once it is ordered."""
    rows = [asdict(one) | {"totals": {currency: str(total) for currency, total in one.totals.items()}} for one in shown]
    minutes = replays.minutes_of(events - already, per_minute)
    return {
        "events": events, "ordered_already": already, "minutes": minutes, "warnings": list(warnings), "replay": None, "would": rows,
    }  # fmt: skip


def _hint(name: str) -> str:
    return f"`billhook replay --list` shows how far it is, `billhook replay --off {name}` calls off what has not begun"


def unlike(connection: Connection, registry: Registry, written: Mapping[str, Mapping[str, Any]], workflows: Sequence[str]) -> list[str]:
    """A sentence for each workflow whose last run began with another policy than billhook.toml's."""
    found = []
    for name in dict.fromkeys(workflows):
        workflow = registry.get(name)
        fields = previews.unlike_running(connection, name, workflow.policy, written.get(name, {})) if workflow else []
        if fields:
            what = f"the last run of {name} began with another policy than this billhook.toml's ({', '.join(fields)})"
            found.append(f"{what}: restart the workers where they have not read it yet")
    return found


def _texts(wanted: Wanted) -> dict[str, Any]:
    """What is wanted, as the console's form says it."""
    said = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(wanted).items()}
    return {**said, "reason_of_run": said.pop("reason")}


def _there(elsewhere: Remote, said: Mapping[str, Any], yes: bool, json: bool) -> None:
    """Show what it would do there; with `yes`, order exactly that."""
    shown = elsewhere.act("replay", said)
    if not yes:
        _show(shown["would"], json, "add --yes to do it")
        return
    ordered = elsewhere.act("replay", said, shown["confirm"])["rows"]
    _show(ordered, json, _hint(ordered["replay"]))


def _list(here: Session, json: bool) -> None:
    if (elsewhere := here.elsewhere()) is not None:
        rows = elsewhere.rows_of("replays", {})
    else:
        with here.database() as database, database.read() as connection:
            rows = [asdict(one) for one in replays.under_way(connection, now=datetime.now(UTC))]
    show_rows(rows, LISTED, as_json=json, nothing="no replay is under way")


def _call_off(here: Session, replay_id: str, yes: bool, json: bool) -> None:
    if (elsewhere := here.elsewhere()) is not None:
        there.done(elsewhere, "replay-off", {"replay": replay_id}, ("replay", "called_off"), yes=yes, json=json)
        return
    with here.database() as database:
        count = database.write(lambda c: replays.call_off(c, replay_id, actor=actor(), at=datetime.now(UTC)))
    if not count:
        raise NotHere(f"nothing of a replay {replay_id} waits any more")
    show_rows([{"replay": replay_id, "called_off": count}], ("replay", "called_off"), as_json=json, nothing="")


def _show(told: dict[str, Any], json: bool, hint: str) -> None:
    if json:
        print_json(told)
        return
    rows = told["would"]
    show_rows(rows, COLUMNS, as_json=False, nothing="no workflow starts on these events")
    count, done = told["events"], sum(one["done"] for one in rows)
    if done:
        print(f"start: so many runs begin. done: {done} of these find that what they are for is done already, and do not do it again")
    if told["ordered_already"]:
        print(f"{told['ordered_already']} of them are ordered already by a replay under way, and are not ordered again")
    for warning in told["warnings"]:
        print(f"warning: {warning}")
    lasts = f", the last begins after {told['minutes']} min" if told["minutes"] else ""
    print(f"{count} {'event' if count == 1 else 'events'}{lasts}" + (f", replay {told['replay']}" if told["replay"] else "") + f"; {hint}")


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
