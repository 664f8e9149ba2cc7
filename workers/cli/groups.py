"""What the groups of who may enter the console share: `billhook accounts` and `billhook tokens`.

A group lists where no command is named; a change is made in one transaction, at the database's time, in the name of who types.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from workers.cli.session import Json, actor, session

RoleName = Literal["viewer", "operator", "approver"]
Role = Annotated[RoleName, typer.Option("--role", help="viewer reads, operator acts, approver decides.")]


def group(help: str, listed: Callable[[typer.Context, bool], None]) -> typer.Typer:
    """A group of commands whose `list` is also what it does by itself."""
    app = typer.Typer(help=help, invoke_without_command=True, no_args_is_help=False)

    @app.callback()
    def begin(context: typer.Context, json: Json = False) -> None:
        if context.invoked_subcommand is None:
            listed(context, json)

    app.command("list")(listed)
    return app


def changed(context: typer.Context, act: Callable[..., Any], *what: Any, **how: Any) -> Any:
    """What `act(connection, *what, at=, actor=, **how)` gives, in one transaction."""
    with session(context).database() as database:
        return database.write(lambda c: act(c, *what, **how, at=database.machine_now(c), actor=actor()))
