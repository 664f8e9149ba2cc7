"""`billhook tokens`: with what programs ask the console, such as `billhook --remote`. A token is shown once, when it is made."""

from typing import Annotated

import typer

from workers.cli.groups import Role, changed, group
from workers.cli.output import print_json, show_one, show_rows
from workers.cli.session import Json, session
from workers.console import tokens

Name = Annotated[str, typer.Argument(help="The token's name, as the audit keeps it.")]
Days = Annotated[int, typer.Option("--days", min=1, max=tokens.DAYS_MAX, help="After so many days it ends.")]


def listed(context: typer.Context, json: Json = False) -> None:
    """Every token, with its role, its end and when it was last used; never the token."""
    with session(context).database() as database, database.read() as connection:
        rows = tokens.listed(connection)
    show_rows(rows, tokens.SHOWN, as_json=json, nothing="no token yet: `billhook tokens add NAME --role viewer` makes one")


app = group("API tokens, with which programs ask the console.", listed)


@app.command()
def add(context: typer.Context, name: Name, role: Role, days: Days = 90, json: Json = False) -> None:
    """Make a token and show it, this once."""
    token = changed(context, tokens.add, name, role, days=days)
    if json:
        print_json({"name": name, "role": role, "days": days, "token": token})
    else:
        print(f"{token}\nIt is not shown again: keep it as BILLHOOK_TOKEN. `billhook tokens revoke {name}` ends it.")


@app.command()
def revoke(context: typer.Context, name: Name, json: Json = False) -> None:
    """End a token at once."""
    changed(context, tokens.revoke, name)
    show_one({"name": name, "done": "revoked"}, as_json=json)
