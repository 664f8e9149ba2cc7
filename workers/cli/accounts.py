"""`billhook accounts`: who may log in at the console. A password is asked for at the terminal, or read from standard input."""

import getpass
import sys
from typing import Annotated

import typer

from receiver.errors import SettingsInvalid
from workers.cli.groups import Role, RoleName, changed, group
from workers.cli.output import show_one, show_rows
from workers.cli.session import Json, session
from workers.console import accounts, sessions
from workers.console.passwords import Passwords

Name = Annotated[str, typer.Argument(help="The account's name.")]
SHOWN = (*accounts.SHOWN, "sessions")


def listed(context: typer.Context, json: Json = False) -> None:
    """Every account, with its role and how many sessions it has."""
    with session(context).database() as database, database.read() as connection:
        rows = accounts.listed(connection)
    show_rows(rows, SHOWN, as_json=json, nothing="no account yet: `billhook accounts add NAME --role approver` makes one")


app = group("Who may log in at the console, where its login is accounts.", listed)
ended = typer.Typer(help="Who is logged in.", no_args_is_help=True)
app.add_typer(ended, name="sessions")


@app.command()
def add(context: typer.Context, name: Name, role: Role, json: Json = False) -> None:
    """Make an account; its password is asked for, or is the first line of standard input."""
    accounts.spelled(name)
    hashed = Passwords().hash(typed())
    changed(context, accounts.add, name, hashed, role)
    show_one({"name": accounts.spelled(name), "role": role, "done": "added"}, as_json=json)


@app.command()
def password(context: typer.Context, name: Name, json: Json = False) -> None:
    """Set another password; the account's sessions end."""
    hashed = Passwords().hash(typed())
    changed(context, accounts.set_password, name, hashed)
    show_one({"name": name, "done": "password set, sessions ended"}, as_json=json)


@app.command()
def role(context: typer.Context, name: Name, role: Annotated[RoleName, typer.Argument()], json: Json = False) -> None:
    """Give an account another role; its sessions end."""
    changed(context, accounts.set_role, name, role)
    show_one({"name": name, "role": role, "done": "role set, sessions ended"}, as_json=json)


@app.command()
def disable(context: typer.Context, name: Name, json: Json = False) -> None:
    """Let nobody log in by this name; its sessions end. `enable` undoes it."""
    changed(context, accounts.disable, name)
    show_one({"name": name, "done": "disabled, sessions ended"}, as_json=json)


@app.command()
def enable(context: typer.Context, name: Name, json: Json = False) -> None:
    """Let a disabled account log in again."""
    changed(context, accounts.enable, name)
    show_one({"name": name, "done": "enabled"}, as_json=json)


@ended.command("list")
def sessions_listed(context: typer.Context, json: Json = False) -> None:
    """Every session: whose, since when, last used, and when it ends."""
    with session(context).database() as database, database.read() as connection:
        rows = sessions.listed(connection)
    show_rows(rows, ("account", "created_at", "seen_at", "expires_at"), as_json=json, nothing="nobody is logged in")


@ended.command("end")
def sessions_end(context: typer.Context, name: Name, json: Json = False) -> None:
    """End every session of an account: it has to log in again."""
    count = changed(context, accounts.end_sessions, name)
    show_one({"name": name, "ended": count}, as_json=json)


def typed() -> str:
    """A new password: asked for twice at a terminal, else the first line of standard input. Raises SettingsInvalid."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first, again = getpass.getpass("New password: "), getpass.getpass("Once more: ")
    if first != again:
        raise SettingsInvalid("the two passwords are not the same: nothing was changed")
    return first
