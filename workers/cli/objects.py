"""`billhook customers` and `billhook invoices`: every service of a source's provider, from the shell.

A read goes through the source's rate, and touches neither ledger nor inbox; a write is an order (workers/cli/orders.py). What a kind has is
declared in workers/providers/*_shell.py and *_orders.py.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from receiver.money import Money
from workers.cli.orders import Wish, give
from workers.cli.output import print_json, show_one, show_rows
from workers.cli.session import Json, Reason, Session, session
from workers.cli.trigger import pairs
from workers.errors import NotFound, NotHere
from workers.limits import Patient, Rank
from workers.providers import offers, qvickly_shell
from workers.providers.reading import Reading, Row
from workers.runtime import Runtime
from workers.settings import build

SourceName = Annotated[str, typer.Argument(metavar="SOURCE", help="The source's name.")]
Act = Annotated[str | None, typer.Argument(help="What to do; without it, what this source's provider offers is listed.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The id of what is meant, as `list` shows it.")]
Where = Annotated[list[str] | None, typer.Option("--where", "-w", help="Narrow a list, as country_code=DE; may be repeated.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many rows.")]
Format = Annotated[str, typer.Option("--format", help="Of an export: xml or csv.")]
Out = Annotated[Path | None, typer.Option("--out", dir_okay=False, help="Write an export into this new file, mode 0600.")]


Set = Annotated[list[str] | None, typer.Option("--set", help="A field of what is written, as email=a@example.org; may be repeated.")]
File = Annotated[Path | None, typer.Option("--file", "-f", exists=True, dir_okay=False, help="The fields as a JSON object.")]
Key = Annotated[str, typer.Option("--key", help="The order's own key: given twice, it is done once. Without it, a new one.")]
Again = Annotated[bool, typer.Option("--again", help="Also where it was done already, by a workflow or by hand.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this, only show what would be sent.")]
Wait = Annotated[float, typer.Option("--wait", min=0, help="How many seconds to wait for what becomes of it.")]


def customers(
    context: typer.Context, source: SourceName, act: Act = None, ids: Ids = None, where: Where = None, limit: Limit = 100,
    set: Set = None, file: File = None, key: Key = "", again: Again = False, yes: Yes = False, wait: Wait = 15.0, reason: Reason = "",
    format: Format = "csv", out: Out = None, json: Json = False,
) -> None:  # fmt: skip
    """Customers at the source's provider: list, get, create, update, delete and what else it offers."""
    here = session(context)
    if act == offers.EXPORT and here.settings().source(source).kind in offers.EXPORTS:
        _export(here, source, ids or [], format, out)
        return
    wish = _wish("customers", act, ids, set, file, key, again, reason, yes, wait)
    _run(here, source, act, wish, where, limit, json)


def invoices(
    context: typer.Context, source: SourceName, act: Act = None, ids: Ids = None, where: Where = None, limit: Limit = 100,
    set: Set = None, file: File = None, key: Key = "", again: Again = False, yes: Yes = False, wait: Wait = 15.0, reason: Reason = "",
    json: Json = False,
) -> None:  # fmt: skip
    """Invoices at the source's provider: list, get, create, complete, send, cancel and what else it offers."""
    wish = _wish("invoices", act, ids, set, file, key, again, reason, yes, wait)
    _run(session(context), source, act, wish, where, limit, json)


def _wish(
    noun: str, act: str | None, ids: list[str] | None, set: list[str] | None, file: Path | None, key: str, again: bool, reason: str,
    yes: bool, wait_s: float,
) -> Wish:  # fmt: skip
    return Wish(
        noun=noun, act=act or "", ids=ids or (), set=set or (), file=file, key=key, again=again, reason=reason, yes=yes, wait_s=wait_s
    )  # fmt: skip


def _run(here: Session, source: str, act: str | None, wish: Wish, where: list[str] | None, limit: int, json: bool) -> None:
    kind = here.settings().source(source).kind
    if act is None:
        known = [{"act": name, "does": about} for name, about in offers.acts(kind, wish.noun).items()]
        show_rows(known, ("act", "does"), as_json=json, nothing=f"{kind} has no API to be asked")
        return
    order, reading = offers.order(kind, wish.noun, act), offers.reading(kind, wish.noun, act)
    if order is not None:
        if where:
            raise typer.BadParameter(f"{act} writes and takes --set NAME=VALUE, not --where")
        give(here, source, order, wish, json)
        return
    if reading is None:
        raise typer.BadParameter(offers.why_not(kind, wish.noun, act))
    if wish.set or wish.file:
        raise typer.BadParameter(f"{act} reads and takes --where NAME=VALUE, not --set")
    with here.database() as database:
        runtime = build(here.chosen(), database=database)
        runtime.meter = Patient(runtime.db, runtime.clock)
        rows = read(runtime, source, reading, wish.ids, pairs(where or [], "--where"), limit)
    _show(rows, reading, json)


def read(runtime: Runtime, source: str, reading: Reading, ids: Sequence[str], where: Mapping[str, str], limit: int) -> list[Row]:
    """The rows, read within the source's rate. Raises BadParameter for a question it does not take, NotHere where there is nothing."""
    try:
        return reading.rows(runtime.client(source, Rank.OPERATOR), ids, where, limit=limit)
    except NotFound:
        raise NotHere(f"the provider of {source} knows no {' '.join(ids) or 'such thing'}") from None
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from None


def _show(rows: Sequence[Row], reading: Reading, json: bool) -> None:
    """One array in JSON; else a table, or of one object all that is known, a line each."""
    if json:
        print_json(rows)
        return
    shown = [{name: in_words(value) for name, value in row.items() if value not in (None, "", [], {})} for row in rows]
    if reading.whole and shown:
        show_one(shown[0], as_json=False)
    else:
        show_rows(shown, reading.columns, as_json=False, nothing="nothing fits")


def in_words(value: Any) -> Any:
    """Money as a person reads it; everything else as it is."""
    if isinstance(value, dict) and value.keys() == {"amount", "currency"}:
        return str(Money(Decimal(str(value["amount"])), str(value["currency"])))
    return value


def _export(here: Session, source: str, ids: Sequence[str], form: str, out: Path | None) -> None:
    """The provider's own file, byte for byte. Raises BadParameter for a format it has not and a file that is there already."""
    known = offers.EXPORTS[here.settings().source(source).kind]
    if form not in known:
        raise typer.BadParameter(f"--format {form}: write {' or '.join(known)}")
    if out is not None and out.exists():
        raise typer.BadParameter(f"{out} is there already: name a new file")
    with here.database() as database:
        runtime = build(here.chosen(), database=database)
        runtime.meter = Patient(runtime.db, runtime.clock)
        try:
            content = qvickly_shell.exported(runtime.client(source, Rank.OPERATOR), form, ids)  # type: ignore[arg-type]
        except ValueError as wrong:
            raise typer.BadParameter(str(wrong)) from None
    if out is None:
        sys.stdout.write(content.decode("utf-8", "backslashreplace"))
        return
    keep(content, out)
    print_json({"file": str(out), "bytes": len(content)})


def keep(content: bytes, out: Path) -> None:
    """Into a new file that nobody else reads: it holds people's data."""
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
