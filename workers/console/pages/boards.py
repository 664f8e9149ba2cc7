"""Boards: the tables that workflow authors made, by name, and each of them for every source."""

from starlette.requests import Request
from starlette.responses import Response

from workers.console.site import site
from workers.errors import NotHere, PanelFailed

SHOWN_MAX = 200


def listed(request: Request) -> Response:
    """Every board, with what it is about."""
    here = site(request)
    return here.page(request, "boards.html.j2", panels=here.registry.panels(), broken=here.registry.broken)


def shown(request: Request) -> Response:
    """One board, for every source or one. What goes wrong in one source hides no other."""
    here, name = site(request), request.path_params["name"]
    panel = here.registry.panel(name)
    if panel is None:
        raise NotHere(f'there is no board "{name}"')
    only = request.query_params.get("source", "")
    rows, wrong = [], []
    for source in [only] if only in here.sources else here.sources:
        try:
            with here.database.read() as connection:
                rows += [{"source": source, **row} for row in panel.rows(connection, source)]
        except PanelFailed as failed:
            wrong.append(f"{source}: {failed}")
    columns = list(dict.fromkeys(("source", *panel.columns)))
    return here.page(
        request, "board.html.j2", panel=panel, rows=rows[:SHOWN_MAX], left=max(0, len(rows) - SHOWN_MAX), columns=columns, wrong=wrong,
        only=only, sources=here.sources,
    )  # fmt: skip
