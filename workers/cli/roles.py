"""The roles: `up`, which runs them all, and each by itself; and `migrate`."""

import os
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from receiver.environment import receiver_environment
from workers import demo
from workers.cli.output import print_json
from workers.cli.session import Json, session
from workers.console.web.serve import run_console
from workers.migrate import migrate as run_migrations
from workers.sandbox.__main__ import run as run_sandbox
from workers.sandbox.__main__ import setup as sandbox_setup
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
    source: Annotated[str, typer.Option("--source", "-s", help="The source whose provider is simulated.")] = demo.SOURCE,
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8090,
    receiver: Annotated[str | None, typer.Option("--receiver", help="Where its notifications go; without it they wait.")] = None,
    scale: Annotated[float, typer.Option("--scale", help="How much faster than the wall its clock runs.")] = 1.0,
) -> None:
    """Simulate the provider of one source on this machine.

    To practise for bad days, have it fail: POST JSON to /_sandbox/faults, such as {"kind": "unavailable", "times": 20} for a provider
    that is down, "drop" for a lost answer, "slow" for a late one; {"clear": true} ends it. docs/practice.md has them all.
    """
    settings = session(context).settings()
    chosen = settings.source(source)
    run_sandbox(
        sandbox_setup(
            source=source, receiver=receiver, secrets_dir=settings.secrets_dir, port=port, kind=chosen.kind, zone=chosen.zone, scale=scale
        )
    )


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
