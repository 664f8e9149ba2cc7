"""Orders, replays and sayings for a program: by the functions of their pages, which also the buttons call."""

from dataclasses import asdict

from receiver.event import Event, kind_of, to_data
from workers import replays
from workers.cli.recheck import rows, told
from workers.cli.replay import unlike
from workers.cli.replay import would as would_do
from workers.console.confirm import Question
from workers.console.deeds import WHICH
from workers.console.pages import acts, rechecks, saying
from workers.console.pages import replays as replaying
from workers.console.pages.shown import Came, Said, Shown
from workers.console.roles import Person
from workers.console.second import TOLD
from workers.console.site import Site
from workers.errors import FieldInvalid, NotHere, StateConflict
from workers.orders import Answer
from workers.saying import fields_of, meaning_of, sayable


def look_act(here: Site, name: str, said: Said, person: Person) -> Shown:
    """An order on an effect, a run or an item. Raises NotHere, FieldInvalid."""
    act = acts.ACTS[name]
    wrong = acts.why_not(act, {**_blank(said), "order": "a"}, here.chosen.console.tz)
    if wrong:
        raise FieldInvalid(wrong, field="on" if said.get("on") else "reason")
    question = acts.shown(here, act, said["subject"], person)
    bounds = list(question.hidden.get("bound", ()))
    return Shown(question=question, bound=[question.about, bounds], kept=bounds)


def do_act(here: Site, name: str, said: Said, person: Person, shown: Shown, number: str) -> Came:
    """Give the order and wait a moment for the router. Raises StateConflict where it is refused, or takes two people."""
    act = acts.ACTS[name]
    [answer] = acts.ordered(here, act, {**_blank(said), "order": number}, [said["subject"]], shown.kept, person)
    if answer.outcome in ("refused", acts.HELD):
        raise StateConflict(answer.reason)
    return Came(told=acts.in_words(act, [answer]), rows=[_row(said["subject"], answer)])


def _blank(said: Said) -> Said:
    return {name: said.get(name, "") for name in ("reason", "on")}


def _row(subject: str, answer: Answer, warning: str = "") -> dict[str, str]:
    row = {"subject": subject, "outcome": answer.outcome or "waiting", "reason": answer.reason}
    return {**row, "warning": warning} if warning else row


def look_replay(here: Site, _name: str, said: Said, _person: Person) -> Shown:
    """What a replay would do. Raises NotHere where nothing fits, FieldInvalid where too much does."""
    which = {field: said.get(field, "") for field in WHICH}
    look = replaying.look_at(here, which)
    if not look.ids and (which["event"] or not look.wrong):
        raise NotHere(look.wrong or "no event fits: `billhook events` lists them")
    if look.wrong:
        raise FieldInvalid(look.wrong, field="type")
    pace = replaying.pace_of(said.get("per_minute", "")) or replaying.PER_MINUTE
    with here.database.read() as connection:
        odd = unlike(connection, here.registry, here.chosen.policies, [one.workflow for one in look.previews])
    would = would_do(look.previews, events=len(look.ids), already=look.already, per_minute=pace, warnings=odd)
    question = Question(
        title=f"Replay {len(look.ids)} events", does="Stored events are routed again under today's code. What is done stays done.",
        button="Order it", preview=[f"{one.workflow} on {one.source} ({one.mode}): {one.start} start. {one.why}" for one in look.previews],
    )  # fmt: skip
    return Shown(question=question, bound=look.digest, would=would, kept=(look, pace))


def do_replay(here: Site, _name: str, said: Said, person: Person, shown: Shown, number: str) -> Came:
    """Order exactly the events that were shown. Raises StateConflict where that takes two people."""
    look, pace = shown.kept
    given = {field: said.get(field, "") for field in (*WHICH, "reason")}
    if verdict := replaying.first_of_two(here, look, number[:12], given, person, given["reason"]):
        raise StateConflict(TOLD[verdict])
    replaying.order(here, look, number[:12], pace, given, person.name)
    return Came(told=f"Replay {number[:12]} ordered", rows={**shown.would, "replay": number[:12]})


def look_off(here: Site, _name: str, said: Said, _person: Person) -> Shown:
    """A replay under way. Raises NotHere."""
    with here.database.read() as connection:
        found = [one for one in replays.under_way(connection, now=here.database.machine_now(connection)) if one.replay == said["replay"]]
    if not found:
        raise NotHere(f"nothing of a replay {said['replay'][:40]} waits any more")
    does = "What it has not begun does not begin any more. What it began goes on."
    question = Question(title=f"Call off replay {said['replay']}", does=does, button="Call off", about=[asdict(one) for one in found])
    return Shown(question=question, bound=said["replay"])


def do_off(here: Site, _name: str, said: Said, person: Person, _shown: Shown, _number: str) -> Came:
    """Call off what it has not begun."""
    count = replaying.call_off(here, said["replay"], person.name)
    return Came(told=f"{count} called off", rows=[{"replay": said["replay"], "called_off": count}])


def look_recheck(here: Site, _name: str, said: Said, _person: Person) -> Shown:
    """What checking a source's refusals came to. Raises StateConflict where its secrets cannot be read by the console."""
    question, found = rechecks.looked(here, said["source"])
    return Shown(question=question, bound=[found.through, found.verify], would={**told(found), "rows": rows(found)}, kept=found)


def do_recheck(here: Site, _name: str, said: Said, person: Person, shown: Shown, _number: str) -> Came:
    """Take in what verifies of the refusals that were shown."""
    found = shown.kept
    taken = rechecks.take_in(here, said["source"], found.through, person.name, said.get("reason", "")) if found.verify else 0
    return Came(told=f"{taken} taken in", rows={**shown.would, "taken": taken})


def look_say(here: Site, _name: str, said: Said, _person: Person) -> Shown:
    """An event, and what a gate would set free. Raises NotSayable, FieldInvalid."""
    cls, fields = _sayable(said["type"]), {name.partition(".")[2]: value for name, value in said.items() if name.startswith("set.")}
    if stray := sorted(fields.keys() - fields_of(cls).keys()):
        known = ", ".join(fields_of(cls))
        raise FieldInvalid(f"{cls.type} has no field {stray[0][:40]}: its fields are {known}", field=f"set.{stray[0][:40]}")
    event = saying.said_as(here, cls, {**fields, "source": said.get("source", "")})
    free, warnings = saying.frees(here, event)
    if not free:
        raise FieldInvalid(warnings[0], field="set")
    lines = free if cls in saying.GATES else []
    would = [{"source": event.source, "sets_free": line} for line in lines if line != saying.NOTHING]
    about = {name: value for name, value in to_data(event).items() if name != "at" and value not in (None, "")}
    question = Question(
        title=f"Say {cls.type}", does=meaning_of(cls), button="Say it", about=[about], preview=lines, warnings=warnings,
        undo=saying.UNDONE[kind_of(cls)],
    )  # fmt: skip
    return Shown(question=question, bound=[about, lines], would=would, kept=event)


def _sayable(name: str) -> type[Event]:
    try:
        return saying.class_of(name)
    except NotHere:
        raise FieldInvalid(f"{name[:64]} is nothing a person can say; possible are {', '.join(sayable())}", field="type") from None


def do_say(here: Site, _name: str, _said: Said, person: Person, shown: Shown, number: str) -> Came:
    """Give the event and wait a moment for the router. Raises StateConflict where it is refused."""
    event: Event = shown.kept
    answer = saying.give(here, event, person.name, number)
    if answer.outcome == "refused":
        raise StateConflict(answer.reason)
    return Came(told=f"Said: {event.type}. {answer.reason}", rows=[_row(event.type, answer, "; ".join(shown.question.warnings))])
