"""`billhook search LIST FIELD=VALUE …`: the console's search in the shell, with the same fields, the same bounds, and the next page."""

from typing import Annotated, Any

import typer

from workers.cli.output import complain, print_json, show_rows
from workers.cli.session import Json, Session, session
from workers.cli.trigger import pairs
from workers.console.read.listing import LIMIT, LIMIT_MAX, LISTINGS, Listing, page
from workers.errors import FilterInvalid

List = Annotated[str, typer.Argument(help="Which list: " + ", ".join(LISTINGS))]
Wanted = Annotated[
    list[str] | None, typer.Argument(metavar="[FIELD=VALUE]...", help="What the rows must be; `billhook search LIST --fields`.")
]
Older = Annotated[str | None, typer.Option("--older", help="The next page: the id the last one named.")]


def search(
    context: typer.Context, list_: List, wanted: Wanted = None, older: Older = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=LIMIT_MAX, help="At most so many rows.")] = LIMIT,
    fields: Annotated[bool, typer.Option("--fields", help="Print the fields of the list.")] = False, json: Json = False,
) -> None:  # fmt: skip
    """Search a list by text, error, amount, time or field. Looks back 20,000 rows at a time, and says how far it came."""
    listing = LISTINGS.get(list_)
    if listing is None:
        raise typer.BadParameter(f"there is no list {list_}: there are {', '.join(LISTINGS)}")
    if fields:
        show_rows([{"field": name} for name in listing.fields], ("field",), as_json=json, nothing="")
        return
    if odd := [word for word in wanted or [] if "=" not in word]:
        raise typer.BadParameter(f"write FIELD=VALUE, not {odd[0]}")
    said = pairs(wanted or [])
    if strange := sorted(said.keys() - set(listing.fields)):
        raise typer.BadParameter(f"{list_} has no field {strange[0]}: its fields are {', '.join(listing.fields)}")
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        found = elsewhere.look("search", {**said, "list": list_, "older": older, "limit": limit})
    else:
        found = _found(here, listing, said, older, limit)
    if json:
        print_json(found)
        return
    show_rows(found["rows"], listing.view.shown, as_json=False, nothing="nothing like it")
    if found["older"]:
        at = found["looked_to"]
        complain(f"{f'looked back to {at:%Y-%m-%d %H:%M} UTC; ' if at else ''}there is more: --older {found['older']}")


def _found(here: Session, listing: Listing, said: dict[str, str], older: str | None, limit: int) -> dict[str, Any]:
    """{"rows", "older", "looked_to"} from the database here."""
    with here.database() as database, database.read() as connection:
        try:
            found = page(connection, listing, said, sources=list(here.settings().sources), older=older, limit=limit)
        except FilterInvalid as wrong:
            raise typer.BadParameter(str(wrong)) from None
    return {"rows": found.rows, "older": found.older, "looked_to": found.looked_to}
