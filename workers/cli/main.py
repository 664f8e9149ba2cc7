"""`billhook`: puts the commands together, and turns every named error into one sentence and an exit code.

Exit codes: 0 fine; 1 found something, or it could not be done; 2 wrong usage or wrong configuration.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
import typer

from receiver.errors import BillhookError, Retryable, SchemaOutdated, SettingsInvalid
from receiver.log import configure
from workers import unreadable
from workers.cli import accounts, acts, breakers, controls, gates, holds, looks, objects, provoke, release, roles, tokens
from workers.cli.check_replay import check_replay
from workers.cli.completion import completion
from workers.cli.connect import connect
from workers.cli.doctor import doctor
from workers.cli.explain import explain
from workers.cli.gaps import gaps
from workers.cli.lists import HELP, list_app
from workers.cli.output import complain, print_error
from workers.cli.panel import panel
from workers.cli.prove import prove
from workers.cli.recheck import recheck
from workers.cli.replay import replay
from workers.cli.search import search
from workers.cli.session import Session
from workers.cli.simulate import simulate
from workers.cli.tail import tail
from workers.cli.top import top
from workers.cli.trigger import trigger

app = typer.Typer(
    name="billhook", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Durable billing webhooks, and the workflows that run on them.",
)  # fmt: skip
UsageError: Any = typer.BadParameter.__mro__[1]  # typer keeps its own click and names only this one of its errors
Config = Annotated[Path | None, typer.Option("--config", "-c", help="Configuration; else BILLHOOK_CONFIG, ./billhook.toml, the demo.")]


Remote = Annotated[str | None, typer.Option("--remote", help="Look and act at the console at this URL, with BILLHOOK_TOKEN.")]
HERE_ONLY = "this is done on the machine itself: --remote does what the console's pages do, which are "


@app.callback()
def begin(context: typer.Context, config: Config = None, remote: Remote = None) -> None:
    """What stands before the command."""
    if remote is not None and context.invoked_subcommand not in (*HELP, *THERE):
        raise SettingsInvalid(HERE_ONLY + ", ".join((*HELP, *THERE)))
    context.obj = Session(config, remote)


THERE = (
    "explain", "search", "top", "tail", "timers", "workflows", "sources", "gaps", "panel",
    "approve", "reject", "resolve", "resend", "retry", "close", "acknowledge", "ignore", "reopen", "signal", "replay", "recheck",
    "gates", "bank-checked", "mark-sent", "rate", "claims", "mode", "freeze", "unfreeze", "pause", "resume", "breaker",
)  # fmt: skip
for _name in HELP:
    app.add_typer(list_app(_name), name=_name)
app.add_typer(accounts.app, name="accounts")
app.add_typer(tokens.app, name="tokens")
app.add_typer(provoke.app, name="provoke")
app.command("breaker")(breakers.breaker_of)
for _command in (
    roles.up, roles.receiver, roles.worker, roles.sweeper, roles.console, roles.notifier, roles.tracer,
    roles.sandbox, roles.migrate, connect,
    doctor, top, tail, looks.timers, looks.workflows, looks.sources, trigger, explain, search, gaps, prove, check_replay, panel, simulate,
    acts.approve, acts.reject, acts.resolve, acts.resend, acts.retry, acts.close, acts.acknowledge, acts.ignore, acts.reopen, acts.signal,
    replay, recheck,
    objects.customers, objects.invoices,
    gates.gates, gates.bank_checked, gates.mark_sent, gates.rate, gates.claims, controls.mode, holds.freeze, release.unfreeze, holds.pause,
    holds.resume, completion,
):  # fmt: skip
    app.command()(_command)


def main() -> None:
    """The console script. Logs go to standard error: what a command prints, JSON above all, stays its own."""
    configure("error" if "simulate" in sys.argv else "warning")  # what goes wrong in a scenario is in its timeline
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Carry out one command line; the exit code. With --json what went wrong is on standard output too, as an object."""
    as_json = "--json" in arguments
    try:
        ended = app(arguments, standalone_mode=False)
    except UsageError as wrong:
        wrong.show()
        return _ended(wrong.format_message(), 2, wrong, as_json)
    except (SettingsInvalid, SchemaOutdated) as error:
        complain(str(error))
        return _ended(str(error), 2, error, as_json)
    except BillhookError as error:
        said = unreadable.in_words(error) if isinstance(error, Retryable) else str(error)
        complain(said)
        return _ended(said, 1, error, as_json)
    except sa.exc.OperationalError as error:
        said = f"the database does not answer: {str(error.orig).splitlines()[0]}. `billhook doctor` says more"
        complain(said)
        return _ended(said, 1, error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    return ended if isinstance(ended, int) else 0


def _ended(said: str, code: int, error: Exception, as_json: bool) -> int:
    if as_json:
        print_error(said, code, error)
    return code


if __name__ == "__main__":
    main()
