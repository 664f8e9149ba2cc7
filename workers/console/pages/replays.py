"""Replay: stored events routed again under today's code, after a look at what that would do, with its money; and those under way.

What is done already keeps its slot and is not done again. The orders are spread over time and can be called off.
"""

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.engine import Connection
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from workers import modes, previews, replays
from workers.console import second_replays
from workers.console.confirm import done
from workers.console.read.listing import instant
from workers.console.roles import Person
from workers.console.second import TOLD, Verdict
from workers.console.site import Site, site
from workers.console.web.access import require_act
from workers.errors import FilterInvalid, NotHere
from workers.previews import Preview
from workers.replays import Wanted
from workers.views import row_number

PREVIEW_MAX, PER_MINUTE, PER_MINUTE_MAX = 1_000, 60, 60_000
FIELDS = ("event", "source", "type", "since", "until", "customer", "invoice", "workflow", "status", "reason_of_run")

_NAME = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a replay would take and do, as it is shown. `wrong` says why it cannot be ordered so."""

    ids: list[int]
    previews: list[Preview]
    already: int = 0
    wrong: str = ""

    @property
    def digest(self) -> str:
        """Names exactly these events and the modes they would start in, so that what is ordered is what was shown."""
        return hashlib.sha256(repr([self.ids, [(one.source, one.workflow, one.mode) for one in self.previews]]).encode()).hexdigest()


def asked(request: Request) -> Response:
    """The form, and below it what a replay of what fits would do."""
    said = {name: request.query_params.get(name, "").strip() for name in FIELDS}
    return _page(request, said, look_at(site(request), said) if any(said.values()) else None)


def carry_out(request: Request, form: FormData) -> Response:
    """Order the replay that was looked at, or call one off."""
    require_act(request, "replay")
    here, given = site(request), {name: str(value).strip() for name, value in form.items()}
    if given.get("off"):
        count = call_off(here, given["off"], request.state.person.name)
        return done(f"Replay {given['off']}: {count} called off", "/replay")
    said = {name: given.get(name, "") for name in FIELDS}
    look, pace = look_at(here, said), pace_of(given.get("per_minute", ""))
    if look.wrong or not look.ids or pace is None:
        wrong = look.wrong or (
            "Nothing fits." if pace else f"At most so many each minute: write a whole number from 1 to {PER_MINUTE_MAX}."
        )
        return _page(request, said, look, wrong=wrong)
    if given.get("shown", look.digest) != look.digest:
        return _page(
            request, said, look, wrong="Other events fit by now than those that were shown, or in other modes: look again, then order."
        )
    name = given["order"] if _NAME.fullmatch(given.get("order", "")) else _new_name()
    if verdict := first_of_two(here, look, name, said, request.state.person, given.get("reason", "")):
        return done(f"Replay of {len(look.ids)}: {TOLD[verdict]}", "/replay")
    ordered = order(here, look, name, pace, {**said, "reason": given.get("reason", "")}, request.state.person.name)
    return done(f"Replay {name}: {'ordered already' if ordered is None else f'{ordered} ordered, {pace} each minute'}", "/replay")


def order(here: Site, look: Look, name: str, pace: int, said: Mapping[str, str], actor: str) -> int | None:
    """Order the replay that was looked at under this name, 12 hex digits: how many events, or None where it is ordered already."""

    def once(connection: Connection) -> int | None:
        if replays.is_ordered(connection, name):
            return None
        workflow, at = said["workflow"] or None, datetime.now(UTC)
        return replays.order(
            connection, look.ids, replay_id=name, workflow=workflow, actor=actor, reason=said["reason"], at=at, per_minute=pace
        )  # fmt: skip

    return here.database.write(once)


def first_of_two(here: Site, look: Look, replay: str, said: Mapping[str, str], person: Person, reason: str) -> Verdict | None:
    """Why the rule of two people holds what is to be ordered as `replay`, or None."""
    name, sums = hashlib.sha256(f"{look.digest}:{said['workflow']}".encode()).hexdigest()[:32], second_replays.money(look.previews)

    def say_yes(connection: Connection) -> Verdict:
        at, limits = here.database.machine_now(connection), here.chosen.console.limits
        if replays.is_ordered(connection, replay) or second_replays.alone_or_held(connection, sums, person, limits=limits, at=at):
            return Verdict.ENOUGH
        return second_replays.yes(connection, name, person, events=len(look.ids), sums=sums, said=said, reason=reason, at=at)

    verdict = here.database.write(say_yes)
    return verdict if verdict in TOLD else None


def _new_name() -> str:
    """Made with the form, so that pressing twice orders once."""
    return uuid.uuid4().hex[:12]


def call_off(here: Site, replay: str, actor: str) -> int:
    """Call off what a replay has not begun: how many events."""
    return here.database.write(lambda c: replays.call_off(c, replay, actor=actor, at=datetime.now(UTC)))


def pace_of(text: str) -> int | None:
    """How many each minute, or None for what is no such number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 and 0 < int(text) <= PER_MINUTE_MAX else None


def look_at(here: Site, said: Mapping[str, str]) -> Look:
    """What fits, and what would come of it."""
    try:
        wanted = _wanted(said)
        with here.database.read() as connection:
            if said["workflow"] and here.registry.get(said["workflow"]) is None:
                return Look(ids=[], previews=[], wrong=f"There is no workflow {said['workflow']}: known are {modes.known(here.registry)}.")
            ids = _ids(connection, wanted, said["event"])
            if len(ids) > PREVIEW_MAX:
                return Look(ids=[], previews=[], wrong=f"More than {PREVIEW_MAX} events fit: narrow it, with since and until for example.")
            firsts = {name: str(policy.get("mode", "observe")) for name, policy in here.chosen.policies.items()}
            shown = previews.preview(connection, here.registry, firsts, ids, said["workflow"] or None)
            already = len(replays.waiting_for(connection, said["workflow"] or None) & set(ids))
    except (FilterInvalid, NotHere) as wrong:
        return Look(ids=[], previews=[], wrong=str(wrong))
    return Look(ids=ids, previews=shown, already=already)


def _wanted(said: Mapping[str, str]) -> Wanted:
    times = {name: instant(name, said[name]) if said[name] else None for name in ("since", "until")}
    return Wanted(
        source=said["source"] or None, type=said["type"] or None, customer=said["customer"] or None, invoice=said["invoice"] or None,
        workflow=said["workflow"] or None, status=said["status"] or None, reason=said["reason_of_run"] or None, **times,
    )  # fmt: skip


def _ids(connection: Connection, wanted: Wanted, event: str) -> list[int]:
    """The events named, else those that fit. Raises NotHere, FilterInvalid."""
    if event:
        words = event.replace(",", " ").split()
        ids = [number for word in words if (number := row_number(word)) is not None]
        missing = [word for word in words if row_number(word) is None] or replays.unknown(connection, ids)
        if missing or not ids:
            raise NotHere(f"There is no event {str(missing[0])[:40] if missing else event[:40]}.")
        return sorted(set(ids))
    if wanted.is_open:
        raise FilterInvalid("Say which: an event, a type, a time, a customer, an invoice, a workflow, a status or a reason.")
    return replays.find(connection, wanted, at_most=PREVIEW_MAX)


def _page(request: Request, said: Mapping[str, str], look: Look | None, *, wrong: str = "") -> Response:
    here = site(request)
    with here.database.read() as connection:
        under_way = replays.under_way(connection, now=datetime.now(UTC))
        at, person, limits = here.database.machine_now(connection), request.state.person, here.chosen.console.limits
        waiting = second_replays.waiting(connection, at=at)
        sums = second_replays.money(look.previews) if look else {}
        heavy = second_replays.heavy(connection, sums, person, limits=limits, at=at)
    choices = {"source": here.sources, "workflow": sorted(workflow.name for workflow in here.registry.all())}
    minutes = replays.minutes_of(len(look.ids) - look.already, PER_MINUTE) if look else 0
    told = wrong or (look.wrong if look else "")
    return here.page(
        request, "replay.html.j2", status=400 if told else 200, said=said, look=look, wrong=told, under_way=under_way, choices=choices,
        fields=FIELDS, per_minute=PER_MINUTE, minutes=minutes, order=_new_name(), heavy=heavy,
        waiting=waiting,
    )  # fmt: skip
