"""The first page: what happens now, what waits, what is held back; kept up to date by one stream for all who look."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from workers.console.read.history import SPANS, history
from workers.console.read.now import Standing, moving, standing
from workers.console.site import Site, site

STANDS_S = 10.0


def now(request: Request) -> Response:
    """The page as it is now."""
    here = site(request)
    return here.page(request, "now.html.j2", **_told(here), charts=_charts(here, request.query_params.get("span", "")))


def charts(request: Request) -> Response:
    """The charts alone, asked for once a minute."""
    told = _charts(site(request), request.query_params.get("span", ""))
    return HTMLResponse(site(request).part(request, "charts.html.j2", charts=told))


def _charts(here: Site, span: str) -> object:
    with here.database.read() as connection:
        return history(connection, SPANS.get(span, SPANS["hour"]), now=here.database.machine_now(connection), zone=here.chosen.console.tz)


def _told(here: Site) -> dict[str, Any]:
    with here.database.read() as connection:
        at = here.database.machine_now(connection)
        stands = standing(connection, now=at, sources=here.kinds, registry=here.registry, policies=here.chosen.policies)
        return {"now": moving(connection, now=at), "standing": stands}


@dataclass
class Look:
    """What the stream shows, asked by one thread at a time. What changes seldom is asked again after STANDS_S."""

    here: Site
    clock: Callable[[], float] = time.monotonic
    _stands: Standing | None = field(default=None, init=False)
    _asked_at: float = field(default=0.0, init=False)

    def __call__(self) -> str:
        """The fragment as it is now."""
        template = self.here.templates.get_template("now_live.html.j2")
        return template.render(streamed=True, **(self._told() if self._stands is None else self._moved(self._stands)))

    def away(self) -> str:
        """What is shown where the database does not answer."""
        return self.here.templates.get_template("away.html.j2").render()

    def once(self, fragment: str) -> str:
        """The fragment for a page that has no stream and asks again by itself."""
        return self.here.templates.get_template("polled.html.j2").render() + fragment

    def _moved(self, stands: Standing) -> dict[str, Any]:
        if self.clock() - self._asked_at >= STANDS_S:
            return self._told()
        with self.here.database.read() as connection:
            return {"now": moving(connection, now=self.here.database.machine_now(connection)), "standing": stands}

    def _told(self) -> dict[str, Any]:
        told = _told(self.here)
        self._stands, self._asked_at = told["standing"], self.clock()
        return told
