"""Recordings: the journal of a run with all it refers to, one JSON object a line, so that it can be replayed anywhere.

Read from the database page by page, written to and read from files. A recording holds what the run read, personal data included:
nothing is left out, because a replay needs all of it.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from sqlalchemy.engine import Connection

from receiver.db import Database
from receiver.event import Event, from_data
from workers import events, journal, ledger, policies, runs
from workers.errors import RecordingInvalid
from workers.journal import Entry

FORMAT: Literal["billhook-journal/1"] = "billhook-journal/1"
PAGE = 200


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RecordedRun(_Frozen):
    """What a replay needs of the run itself. `zone` is its source's."""

    id: str
    source: str
    workflow: str
    key: str
    customer_id: str | None
    invoice_id: str | None
    trigger_id: int
    mode: str
    policy_id: int | None
    reissue: Any
    started_at: AwareDatetime
    status: str
    zone: str


class Told(_Frozen):
    """One event, as it is stored."""

    id: int
    type: str
    data: dict[str, Any]


class Kept(_Frozen):
    """One entry of the journal."""

    name: str
    kind: str
    result: Any
    at: AwareDatetime


class Recording(_Frozen):
    """One run. `events` holds the trigger and what waits found; `effects` the steps in the ledger that are not in the journal."""

    format: Literal["billhook-journal/1"] = FORMAT
    run: RecordedRun
    events: list[Told]
    policies: dict[int, dict[str, Any]]
    effects: list[str]
    journal: list[Kept]

    def kept(self) -> dict[str, Entry]:
        """The journal by step name, in its order."""
        return {entry.name: Entry(name=entry.name, kind=entry.kind, result=entry.result, at=entry.at) for entry in self.journal}

    def policy_body(self, policy_id: int) -> dict[str, Any]:
        return self.policies[policy_id]

    def event(self, event_id: int) -> Event:
        """Raises KeyError where its type is no longer registered, ValidationError where it no longer fits."""
        told = next(told for told in self.events if told.id == event_id)
        return from_data(told.type, told.data)

    def zone_of(self, source: str) -> ZoneInfo:
        return ZoneInfo(self.run.zone)


def from_database(
    database: Database, zones: dict[str, str], *, workflow: str | None = None, run: str | None = None, finished_too: bool = False
) -> Iterator[Recording]:
    """Every open run's recording, a page at a time; with `run` that one alone, open or not.

    `zones`: zone name by source; a source that is no longer configured counts as UTC.
    """
    after = ""
    while True:
        with database.read() as connection:
            page = _page(connection, zones, after=after, workflow=workflow, run=run, finished_too=finished_too or run is not None)
        if not page:
            return
        yield from page
        after = page[-1].run.id


def _page(
    connection: Connection, zones: dict[str, str], *, after: str, workflow: str | None, run: str | None, finished_too: bool
) -> list[Recording]:
    rows = runs.page(connection, after=after, workflow=workflow, run_id=run, finished_too=finished_too, limit=PAGE)
    ids = [row["id"] for row in rows]
    kept = journal.read_many(connection, ids)
    held = ledger.steps_held(connection, ids)
    wanted = {row["id"]: _refers_to(row, kept[row["id"]]) for row in rows}
    told = {row["id"]: Told(**row) for row in events.stored(connection, {id for found, _ in wanted.values() for id in found})}
    bodies = {id: policies.body_of(connection, id) for id in {id for _, named in wanted.values() for id in named}}
    return [
        Recording(
            run=RecordedRun(
                **{name: row[name] for name in RecordedRun.model_fields if name != "zone"}, zone=zones.get(row["source"], "UTC")
            ),
            events=[told[id] for id in wanted[row["id"]][0]],
            policies={id: bodies[id] for id in wanted[row["id"]][1]},
            effects=[step for step in held.get(row["id"], ()) if step not in kept[row["id"]]],
            journal=[Kept(name=e.name, kind=e.kind, result=e.result, at=e.at) for e in kept[row["id"]].values()],
        )
        for row in rows
    ]


def _refers_to(row: Any, kept: dict[str, Entry]) -> tuple[list[int], list[int]]:
    """(event ids, policy ids) a run and its journal name."""
    found = [row["trigger_id"], *(e.result for e in kept.values() if e.kind == "wait" and e.result is not None)]
    named = [row["policy_id"], *(e.result for e in kept.values() if e.kind == "policy")]
    return list(dict.fromkeys(found)), list(dict.fromkeys(id for id in named if id is not None))


def write(path: Path, recordings: Iterable[Recording]) -> int:
    """Write a file of recordings, readable by its owner only; how many. A file of that name is replaced once all is written."""
    made, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    count = 0
    try:
        with os.fdopen(made, "w", encoding="utf-8") as file:
            for recording in recordings:
                file.write(recording.model_dump_json() + "\n")
                count += 1
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return count


def read(path: Path, *, workflow: str | None = None, run: str | None = None) -> Iterator[Recording]:
    """The recordings of a file, one by one. Raises RecordingInvalid, naming the line and the field."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                recording = Recording.model_validate_json(line)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                field = ".".join(str(part) for part in first["loc"]) or "line"
                raise RecordingInvalid(f"{path}, line {number}: {field}: {first['msg']}") from None
            if workflow in (None, recording.run.workflow) and run in (None, recording.run.id):
                yield recording
