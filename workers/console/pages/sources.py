"""Sources: what came last, how quiet each is, what was refused and why, what no notification told, and where its notifications go."""

from starlette.requests import Request
from starlette.responses import Response

from receiver.errors import SettingsInvalid
from workers import runfile
from workers.addresses import door_address, webhook_url
from workers.cli.gaps import scans_of
from workers.console.read import gaps, sources
from workers.console.site import Site, site


def listed(request: Request) -> Response:
    """The page."""
    here = site(request)
    kinds = {name: source.kind for name, source in here.settings.sources.items()}
    with here.database.read() as connection:
        now = here.database.machine_now(connection)
        rows = sources.rows(connection, kinds, now=now)
        strangers = sources.strangers(connection, list(kinds), now=now)
        last = {row.name: row.last_at for row in rows}
        settings = here.settings.sources.values()
        quiet = {one.name: gaps.quiet(connection, one, last_at=last[one.name], now=now) for one in settings}
        looked = {one.name: gaps.looked(connection, one.name, scans_of(here.chosen, one), now=now) for one in settings}
    urls = {name: _url(here, name) for name in kinds}
    return here.page(
        request, "sources.html.j2", rows=rows, strangers=strangers, urls=urls, recent=sources.RECENT, quiet=quiet, looked=looked, now=now
    )


def _url(here: Site, name: str) -> str:
    """Where a source's notifications go; a secret in it is hidden. "" where its secrets cannot be read here."""
    running = runfile.read(here.settings.data_dir)
    try:
        return webhook_url(running.receiver if running else door_address(here.settings), name, here.settings.door_secrets(name))
    except SettingsInvalid:
        return ""
