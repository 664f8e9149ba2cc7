"""The list pages: deliveries, events, runs, effects and refusals, searched, and paged by the last row that was seen."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from workers.cli.filters import STATES
from workers.console.read.listing import LIMIT, LISTINGS, Listing, Page, page
from workers.console.site import Site, site
from workers.control import MODES
from workers.errors import FilterInvalid, NotHere

TITLES = {
    "deliveries": ("Deliveries", "What arrived, byte-exact, newest first."),
    "events": ("Events", "What deliveries meant, and what followed."),
    "runs": ("Runs", "Workflows at work, and how they ended."),
    "effects": ("Effects", "What was done to the world, or is about to be."),
    "audit": ("Audit", "What people did, when, to what and why."),
    "refusals": ("Refusals", "Requests the door did not take, with the cause."),
}
LABELS = {"least": "amount from", "most": "amount to", "text": "text", "error": "error or reason"}


def listed(request: Request) -> Response:
    """One list. With the header HX-Request only its rows, for a search while one types."""
    here, name = site(request), request.path_params["name"]
    if name not in LISTINGS:
        raise NotHere(f"there is no list {name}: the menu has what there is")
    listing = LISTINGS[name]
    wanted = {field: request.query_params.get(field, "").strip() for field in listing.fields}
    found, wrong = _found(here, listing, wanted, request)
    title, about = TITLES[name]
    told: dict[str, Any] = {
        "listing": listing, "name": name, "title": title, "about": about, "wanted": wanted, "found": found, "wrong": wrong,
        "choices": _choices(here, listing), "labels": LABELS,
    }  # fmt: skip
    return here.page(request, "list.html.j2", status=400 if wrong else 200, **told)


def _found(here: Site, listing: Listing, wanted: dict[str, str], request: Request) -> tuple[Page, str]:
    """The page, and what is wrong with the search, if anything."""
    asked = request.query_params.get("limit", "")
    limit = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 5 else LIMIT
    try:
        with here.database.read() as connection:
            found = page(connection, listing, wanted, sources=here.sources, older=request.query_params.get("older"), limit=limit)
        return found, ""
    except FilterInvalid as error:
        return Page(rows=[], older=None), str(error)


def _choices(here: Site, listing: Listing) -> dict[str, list[str]]:
    """The fields that have a known set of values, with them."""
    names = sorted(workflow.name for workflow in here.registry.all())
    known = {"source": here.sources, "state": list(STATES.get(listing.view.name, ())), "workflow": names, "mode": list(MODES)}
    return {name: values for name, values in known.items() if values and name in listing.fields}
