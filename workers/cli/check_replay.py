"""`billhook check-replay`: whether the runs that are open fit today's workflow code. Writes nothing, calls nothing."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from workers import recordings
from workers.cli.output import complain, plain, print_json
from workers.cli.session import Json, Session, session
from workers.errors import NotHere
from workers.loading import load_folders
from workers.recordings import Recording
from workers.registry import Registry
from workers.replay import WAY_OUT, Finding, check

EXAMPLES = 3
Workflow = Annotated[str | None, typer.Option("--workflow", "-w", help="Only runs of this workflow.")]
OneRun = Annotated[str | None, typer.Option("--run", help="Only this run, open or not.")]
All = Annotated[bool, typer.Option("--all", help="Finished runs too.")]
Journals = Annotated[Path | None, typer.Option("--journals", exists=True, dir_okay=False, help="Replay this file, not the database.")]
Export = Annotated[Path | None, typer.Option("--export", dir_okay=False, help="Write the journals to this file; replay nothing.")]


@dataclass(kw_only=True)
class Tally:
    """What was found, in the room of what differs: one group for each place in the code, however many runs meet it."""

    counts: Counter[str] = field(default_factory=Counter)
    groups: dict[tuple[str, ...], list[Finding]] = field(default_factory=dict)
    sizes: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, found: Finding) -> None:
        self.counts[found.verdict] += 1
        if found.verdict == "fits":
            return
        place = (found.verdict, found.workflow, *(re.sub(r"\d+", "#", part) for part in (found.step, found.was, found.now)))
        group = (*place, found.error, found.where)
        self.sizes[group] += 1
        examples = self.groups.setdefault(group, [])
        if len(examples) < EXAMPLES:
            examples.append(found)

    def told(self) -> dict[str, Any]:
        """The whole as JSON has it, the largest group first."""
        return {
            "runs": self.counts.total(),
            "fit": self.counts["fits"],
            "findings": [_told(self.groups[group], size) for group, size in self.sizes.most_common()],
        }


def check_replay(
    context: typer.Context, workflow: Workflow = None, run: OneRun = None, all: All = False, journals: Journals = None,
    export: Export = None, json: Json = False,
) -> None:  # fmt: skip
    """Replay the journals of open runs on today's code; exit 1 where one does not fit."""
    if journals and (export or all):
        raise typer.BadParameter("--journals replays a file: it goes with neither --export nor --all")
    here = session(context)
    with _source(here, journals, workflow, run, all) as found:
        if export is not None:
            _export(export, found, json)
            return
        tally = _replayed(found, load_folders(here.settings().workflows))
    if run is not None and not tally.counts:
        raise NotHere(f"there is no run {run} here: `billhook runs` lists what there is")
    told = tally.told()
    if json:
        print_json(told)
    else:
        _say(told)
    if told["findings"]:
        raise typer.Exit(1)


@contextmanager
def _source(here: Session, journals: Path | None, workflow: str | None, run: str | None, all: bool) -> Iterator[Iterable[Recording]]:
    if journals is not None:
        yield recordings.read(journals, workflow=workflow, run=run)
        return
    zones = {name: source.zone for name, source in here.settings().sources.items()}
    with here.database() as database:
        yield recordings.from_database(database, zones, workflow=workflow, run=run, finished_too=all)


def _replayed(found: Iterable[Recording], registry: Registry) -> Tally:
    tally = Tally()
    for recording in found:
        tally.add(check(recording, registry))
    for why in registry.broken.values() if tally.counts["unknown workflow"] else ():
        complain(why)
    return tally


def _export(path: Path, found: Iterable[Recording], json: bool) -> None:
    count = recordings.write(path, found)
    complain(f"{path} holds whatever these runs read, personal data included: keep it as you keep the database")
    if json:
        print_json({"written": count, "file": str(path)})
    else:
        print(f"{count} journals written to {path}")


def _told(examples: list[Finding], size: int) -> dict[str, Any]:
    first = examples[0]
    names = ("verdict", "workflow", "step", "was", "now", "error", "where", "file")
    told = {name: getattr(first, name) for name in names if getattr(first, name)}
    return {**told, "runs": size, "examples": [one.run for one in examples], "way_out": _way_out(first)}


def _way_out(found: Finding) -> str:
    if found.verdict == "diverges":
        return WAY_OUT
    if found.verdict == "fails":
        return "mend the line, and check again: a live run that fails is tried three times and then parked"
    return "bring the workflow of this name back: its runs wait until a worker knows it"


def _say(told: dict[str, Any]) -> None:
    print(f"{told['runs']} runs replayed, {told['fit']} fit")
    for found in told["findings"]:
        print()
        print(plain(f"{found['verdict']}: {found['workflow']}, {found['runs']} runs such as {found['examples'][0]}"))
        if found["verdict"] == "diverges":
            print(plain(f'  step "{found["step"]}": the journal has this {found["was"]}, the code comes to {found["now"]} first'))
        if found["verdict"] == "fails":
            print(plain(f'  {found["error"]} at {found["where"]}, after step "{found["step"]}"'))
        if "file" in found:
            print(plain(f"  in {found['file']}"))
        print(f"  → {found['way_out']}")
