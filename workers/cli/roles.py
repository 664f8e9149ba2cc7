"""The roles: `up`, which runs them all, and each by itself; and `migrate`."""

import os
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from receiver.environment import receiver_environment
from workers.cli.output import print_json
from workers.cli.session import Json, session
from workers.console.web.serve import run_console
from workers.migrate import migrate as run_migrations
from workers.sandbox.serve import run as run_sandbox
from workers.sandbox.serve import setups
from workers.up import run_up
from workers.worker import run_sweeper, run_worker


def up(context: typer.Context) -> None:
    """Run everything on this machine: receiver, worker, sweeper, a private Valkey; the demo where nothing is configured."""
    raise typer.Exit(run_up(session(context).config, os.environ))


def receiver(context: typer.Context) -> None:
    """Take in webhooks. Becomes a program without worker code, provider credentials or anything else it need not know."""
    _become("receiver", receiver_environment(_environ(context)))


def worker(context: typer.Context) -> None:
    """Route deliveries and advance runs, until told to stop; a call under way is finished."""
    raise typer.Exit(run_worker(session(context).config))


def sweeper(context: typer.Context) -> None:
    """Find what nobody was told about, keep schedules, read baselines; with no Redis, drive every run."""
    raise typer.Exit(run_sweeper(session(context).config))


def console(context: typer.Context) -> None:
    """Serve the operators' pages, by default to this machine alone; see [billhook.console]."""
    raise typer.Exit(run_console(session(context).config))


def notifier(context: typer.Context) -> None:
    """Tell people outside what waits for them: by mail, chat or webhook, as BILLHOOK_NOTIFY_URLS says."""
    _become("workers.notices", _environ(context))


def tracer(context: typer.Context) -> None:
    """Export OpenTelemetry traces of every call to a provider, as OTEL_EXPORTER_OTLP_ENDPOINT says."""
    _become("workers.traces", _environ(context))


def sandbox(
    context: typer.Context,
    source: Annotated[str | None, typer.Option("--source", "-s", help="Only this source, marked sandbox = true or not.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Of one source; else that of its base_url.")] = None,
    receiver: Annotated[str | None, typer.Option("--receiver", help="Where notifications go; without it they wait.")] = None,
    scale: Annotated[float, typer.Option("--scale", help="How much faster than the wall its clock runs.")] = 1.0,
    einvoice: Annotated[bool, typer.Option("--einvoice", help="Every document of Monsum has an e-invoice in it.")] = False,
    ids_after: Annotated[int, typer.Option("--ids-after", min=0, help="How far ids are moved on: an earlier run used those.")] = 0,
) -> None:
    """Simulate the provider of every source with sandbox = true, in one process with one clock.

    To practise for bad days, have it fail: `billhook provoke fault unavailable --times 20` for a provider that is down, `drop` for a
    lost answer, `slow` for a late one; `billhook provoke clear` ends it. docs/practice.md has them all.
    """
    chosen = session(context).chosen()
    run_sandbox(setups(chosen, source, port=port, receiver=receiver, einvoice=einvoice, ids_after=ids_after), scale)


def migrate(context: typer.Context, json: Json = False) -> None:
    """Bring the database to this program's revision. The only command that changes tables."""
    here = session(context)
    with here.database(migrated=False) as database:
        migrated = run_migrations(database, here.settings().workflows)
    if json:
        print_json({"before": migrated.before, "after": migrated.after})
    elif migrated.before == migrated.after:
        print(f"nothing to do: the database is at {', '.join(migrated.after)}")
    else:
        print(f"migrated to {', '.join(migrated.after)}")


def _environ(context: typer.Context) -> Mapping[str, str]:
    """The environment, with the configuration this command was given."""
    config = session(context).config
    return {**os.environ, "BILLHOOK_CONFIG": str(config)} if config is not None else os.environ


def _become(module: str, environ: Mapping[str, str]) -> None:
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", module], dict(environ))
