"""The lists: deliveries, events, runs, effects, parked, approvals, alerts, tasks, refusals; each with filters, and `show ID`."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from workers.cli import filters
from workers.cli.output import complain, show_one, show_rows
from workers.cli.session import Json, Source, session
from workers.errors import NotHere
from workers.views import VIEWS, View

HELP = {
    "deliveries": "What arrived, byte-exact, newest first.",
    "events": "What deliveries meant, and what followed.",
    "runs": "Workflows at work, and how they ended.",
    "effects": "What was done to the world, or is about to be.",
    "parked": "What only a person can decide.",
    "approvals": "Effects that wait for a yes.",
    "alerts": "What a person should know.",
    "tasks": "Work no provider's API can do.",
    "audit": "What people did, when, to what and why.",
    "refusals": "Requests the door did not take, with the cause; seen counts what was refused like it and not kept.",
}
State = Annotated[str | None, typer.Option("--state", help="Only rows in this state.")]
Type = Annotated[str | None, typer.Option("--type", help="Only this type, kind, workflow or service.")]
Cause = Annotated[str | None, typer.Option("--cause", help="Only refused for this cause.")]
Invoice = Annotated[str | None, typer.Option("--invoice", help="Only this invoice id.")]
Customer = Annotated[str | None, typer.Option("--customer", help="Only this customer id.")]
Workflow = Annotated[str | None, typer.Option("--workflow", "-w", help="Only this workflow.")]
Beginning = Annotated[str | None, typer.Option("--reason", help="Only where the reason begins so.")]
Since = Annotated[datetime | None, typer.Option("--since", help="Only from this time on; UTC.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many rows.")]


def list_app(name: str) -> typer.Typer:
    """The command group of one list."""
    app = typer.Typer(help=HELP[name], invoke_without_command=True, no_args_is_help=False)
    view = VIEWS[name]

    @app.callback()
    def rows(
        context: typer.Context,
        source: Source = None,
        state: State = None,
        type: Type = None,
        cause: Cause = None,
        invoice: Invoice = None,
        customer: Customer = None,
        workflow: Workflow = None,
        reason: Beginning = None,
        since: Since = None,
        limit: Limit = 50,
        json: Json = False,
    ) -> None:
        if context.invoked_subcommand is None:
            given = {
                "source": source, "state": state, "type": type, "cause": cause, "invoice": invoice, "customer": customer,
                "workflow": workflow, "reason": reason, "since": since.replace(tzinfo=UTC) if since else None,
            }  # fmt: skip
            _print(context, view, {option: value for option, value in given.items() if value is not None}, limit, json)

    @app.command()
    def show(context: typer.Context, id: str, json: Json = False) -> None:
        """One row, whole."""
        if (elsewhere := session(context).elsewhere()) is not None:
            show_one(elsewhere.one(name, id), as_json=json)
            return
        with session(context).database() as database, database.read() as connection:
            row = view.one(connection, id)
        if row is None:
            raise NotHere(f"there is no {id} among the {name}: `billhook {name}` lists what there is")
        show_one(row, as_json=json)

    return app


def _print(context: typer.Context, view: View, wanted: dict[str, Any], limit: int, json: bool) -> None:
    for option in wanted:
        if option not in view.filters:
            raise typer.BadParameter(f"--{option} does not apply to {view.name}: use {', '.join(f'--{name}' for name in view.filters)}")
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        warning, rows = elsewhere.rows(view.name, wanted, limit)
        if warning:
            complain(warning)
        show_rows(rows, view.shown, as_json=json, nothing=f"no {view.name}")
        return
    with here.database() as database, database.read() as connection:
        rows = view.rows(connection, wanted, limit)
        if not rows:
            filters.require_known(connection, view, wanted, here.settings())
    show_rows(rows, view.shown, as_json=json, nothing=f"no {view.name}")
