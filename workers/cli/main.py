"""`billhook`: puts the commands together, and turns every named error into one sentence and an exit code.

Exit codes: 0 fine; 1 found something, or it could not be done; 2 wrong usage or wrong configuration.
"""

import sys
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer

from receiver.errors import BillhookError, SchemaOutdated, SettingsInvalid
from receiver.log import configure
from workers.cli import acts, controls, holds, roles
from workers.cli.doctor import doctor
from workers.cli.explain import explain
from workers.cli.lists import HELP, list_app
from workers.cli.output import complain
from workers.cli.replay import replay
from workers.cli.session import Session
from workers.cli.trigger import trigger

app = typer.Typer(
    name="billhook", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Durable billing webhooks, and the workflows that run on them.",
)  # fmt: skip
Config = Annotated[Path | None, typer.Option("--config", "-c", help="Configuration; else BILLHOOK_CONFIG, ./billhook.toml, the demo.")]


@app.callback()
def begin(context: typer.Context, config: Config = None) -> None:
    """What stands before the command."""
    context.obj = Session(config)


for _name in HELP:
    app.add_typer(list_app(_name), name=_name)
for _command in (
    roles.up, roles.receiver, roles.worker, roles.sweeper, roles.sandbox, roles.migrate, roles.connect, doctor, trigger, explain,
    acts.approve, acts.reject, acts.resolve, acts.resend, acts.retry, acts.close, acts.signal, replay,
    controls.mode, holds.freeze, holds.unfreeze, holds.pause, holds.resume,
):  # fmt: skip
    app.command()(_command)


def main() -> None:
    """The console script. Logs go to standard error: what a command prints, JSON above all, stays its own."""
    configure("warning")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Carry out one command line; the exit code."""
    try:
        app(arguments, standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except (SettingsInvalid, SchemaOutdated) as error:
        complain(str(error))
        return 2
    except BillhookError as error:
        complain(str(error))
        return 1
    except sa.exc.OperationalError as error:
        complain(f"the database does not answer: {str(error.orig).splitlines()[0]}. `billhook doctor` says more")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    main()
