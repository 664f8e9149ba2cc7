"""The end of a freeze, at a chosen rate; after a restored backup with a look at every provider before it."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from receiver.errors import Rejected, Retryable
from workers import control, restored
from workers.cli import there
from workers.cli.output import show_rows
from workers.cli.session import Json, Reason, Session, actor, session
from workers.errors import StateConflict
from workers.limits import Patient
from workers.release import release
from workers.runtime import Runtime
from workers.settings import build

LOOKED = ("source", "differ", "lost_rows", "since")
RELEASED = ("frozen", "was", "held", "doubted", "per_minute", "minutes")
SHOWN = """
The database lacks `lost rows` of the ledger, written after `since`. What differs at the provider is in the inbox now.
`billhook unfreeze --yes` releases: what may have been done in that time is proposed, each effect by itself, and called when
you approve it (`billhook approvals`); everything else goes on by itself."""


def unfreeze(
    context: typer.Context,
    per_minute: Annotated[
        int | None, typer.Option("--per-minute", min=1, max=60_000, help="How many of the held effects leave each minute.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="After a restored backup: release, else only look. With --remote: without being asked.")
    ] = False,
    without_look: Annotated[
        bool, typer.Option("--without-look", help="After a restored backup: release although a provider is away.")
    ] = False,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Let effects go on. After a restored backup it first asks every provider what happened meanwhile, and shows it."""
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        if without_look:
            raise typer.BadParameter("--without-look is for a restored backup, which is released on the machine itself")
        there.done(elsewhere, "unfreeze", {"per_minute": per_minute, "reason": reason}, RELEASED, yes=yes, json=json)
        return
    was = _frozen(here)
    if was == restored.FREEZE:
        found = _looked(here, without_look)
        if not yes:
            show_rows(found, LOOKED, as_json=json, nothing="")
            if not json:
                print(SHOWN)
            return
    with here.database() as database:
        heads = here.settings().ledger_head_dir
        done = database.write(lambda c: release(c, was, heads, per_minute, reason, at=database.machine_now(c), actor=actor()))
    show_rows([{"frozen": False, **asdict(done)}], RELEASED, as_json=json, nothing="")


def _frozen(here: Session) -> str:
    with here.database() as database, database.read() as connection:
        was = control.frozen(connection)
    if was is None:
        raise StateConflict("nothing is frozen: there is nothing to release")
    return was


def _looked(here: Session, without_look: bool) -> list[dict[str, Any]]:
    """What every provider says that the database does not know. Raises StateConflict where one cannot be read."""
    runtime = build(here.chosen())
    runtime.meter = Patient(runtime.db, runtime.clock)
    try:
        with runtime.db.read() as connection:
            missing = restored.lost(connection, here.settings().ledger_head_dir)
        return [
            {"source": name, "differ": _differ(runtime, name, missing, without_look), "lost_rows": missing.rows, "since": missing.since}
            for name, account in runtime.accounts.items()
            if account.client is not None
        ]
    finally:
        runtime.db.close()


def _differ(runtime: Runtime, source: str, missing: restored.Lost, without_look: bool) -> int | None:
    try:
        return restored.look(runtime, source, missing.since)
    except (Retryable, Rejected) as cause:  # refused credentials too: the release must not hang on one account
        if without_look:
            return None
        raise StateConflict(
            f"the provider of {source} cannot be read now, and what happened there since the backup is not known: try again, or release"
            " with --without-look; what is found later is then acted on without asking"
        ) from cause
