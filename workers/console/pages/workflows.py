"""Workflows: mode, what is under way, how the last runs ended, and what holds them, for every source."""

from starlette.requests import Request
from starlette.responses import Response

from workers import control
from workers.console.read import workflows
from workers.console.site import site


def switches(request: Request) -> Response:
    """The page."""
    here = site(request)
    with here.database.read() as connection:
        rows = workflows.rows(
            connection, {name: here.settings.source(name).kind for name in here.sources}, here.registry, here.chosen.policies
        )
        frozen = control.frozen(connection)
        held = [name for name in control.named(connection, "pause:") if name.split(":", 2)[1:].count("*") == 1]
    broken = here.registry.broken
    return here.page(request, "workflows.html.j2", rows=rows, frozen=frozen, broken=broken, held=held, recent=workflows.RECENT)
