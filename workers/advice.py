"""What somebody needs who looks at a stuck thing: whom it is about, what is known of it, and the commands that move it.

Used by views.py and story.py. Reads only. A command is written as it is typed, ids filled in; words in capitals are the person's own.
Every function gives {"invoice_id", "customer_id", "known", "acts"}.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.inbox import Delivery
from workers import absence, breaker, catchup, desk, ledger, outgoing, runs, silence, unreadable

Row = Mapping[str, Any] | sa.RowMapping
Advice = dict[str, Any]
REASON = "--reason TEXT"
SHORT = 120
SETTLED = {"claims_left": ("paid", "waived")}  # by `billhook claims`, workers/cli/gates.py


def of_effect(connection: Connection, row: Row) -> Advice:
    """An effect, whole or by its id: what it sends, and what may be done with it in its state."""
    effect = row if "request" in row else ledger.load(connection, row["id"])
    if effect is None:
        return _advice({}, "", [])
    id = effect["id"]
    run = runs.load(connection, effect["run_id"]) if effect["state"] == "rejected" else None
    acts = {
        "proposed": [f"billhook approve {id}", f"billhook reject {id} {REASON}"],
        "approved": [f"billhook reject {id} {REASON}"],
        "unknown": [f"billhook resolve {id} did", f"billhook resolve {id} did-not"],
        "done": [f"billhook resend {id} {REASON}"],
        "rejected": [f"billhook retry {effect['run_id']}"] if run is not None and run["status"] == "parked" else [],
    }
    return _advice(_of_effect(effect), _known_effect(connection, effect), acts.get(effect["state"], []))


def of_parked(connection: Connection, row: Row) -> Advice:
    """An open parked item, whatever kind it has: what the router, the engine or a workflow put before a person."""
    detail = row["detail"] if isinstance(row["detail"], dict) else {}
    run = runs.load(connection, row["run_id"]) if row["run_id"] else None
    close = f"billhook close {row['id']} {REASON}"
    if row["kind"] == "unknown":
        return of_effect(connection, {"id": row["effect_id"]})
    if row["delivery_id"] is not None:
        again = [] if row["kind"] == "variant" else [f"billhook retry {row['id']}"]
        show = f"billhook deliveries show {row['delivery_id']}"
        return _advice({}, _known_delivery(connection, row["delivery_id"]), [show, *again, close])
    kind, _, named = row["subject"].partition(":")
    if kind == "event":
        event, _, workflow = named.partition("/")
        return _advice({}, _told(detail), [f"billhook replay {event} --workflow {workflow} --yes", close])
    about = _of_run(run, detail)
    if kind == "run" and run is not None and run["status"] == "parked":
        return _advice(about, f"{run['workflow']}, {_told(detail)}".rstrip(", "), [f"billhook retry {run['id']}", close])
    return _advice(about, _told(detail), [*_resend(connection, detail, run), close])


def of_task(connection: Connection, row: Row) -> Advice:
    """A task: what its workflow said of it, how to have the run look again once it is seen to, and how to close it."""
    detail = row["detail"] if isinstance(row["detail"], dict) else {}
    run = runs.load(connection, row["run_id"])
    settle = [f"billhook claims {act} {detail.get('invoice')} --source {row['source']}" for act in SETTLED.get(row["reason"], ())]
    acts = [*settle, *_look_again(run), *_resend(connection, detail, run), f"billhook close task:{row['id']} {REASON}"]
    return _advice(_of_run(run, detail), _told(detail), acts)


def of_alert(connection: Connection, row: Row) -> Advice:
    """An alert: what was found, in words where it is the provider's doing."""
    detail = row["detail"] if isinstance(row["detail"], dict) else {}
    run = runs.load(connection, str(detail["run"])) if detail.get("run") else None
    known, close = _told(detail), f"billhook close alert:{row['id']}"
    workflow = row["subject"].rpartition("/")[2]
    acts = {
        "spike_stop": [f"billhook resume --source {row['source']} --workflow {workflow}"],
        "restored": ["billhook unfreeze", f"billhook unfreeze --yes {REASON}"],
        catchup.BROKEN: ["billhook doctor"],
        desk.UNREADABLE: ["billhook doctor"],
        silence.REASON: ["billhook refusals", f"billhook gaps --source {row['source']}"],
        absence.REASON: [f"billhook invoices {row['source']} get {detail.get('invoice')}", f"billhook connect {row['source']}"],
        breaker.OPEN: [f"billhook breaker {row['source']} --probe", "billhook doctor"],
    }
    if row["reason"] in (desk.UNREADABLE, breaker.OPEN):
        words = unreadable.of_code(str(detail.get("why")), row["source"])
        known = ": ".join(part for part in (known, words) if part)
    stays = row["reason"] == breaker.OPEN and breaker.is_open(connection, row["source"])
    return _advice(_of_run(run, detail), known, [*acts.get(row["reason"], _look_again(run)), *_seen(row), *([] if stays else [close])])


def _seen(row: Row) -> list[str]:
    """What says that somebody knows: offered while nobody did."""
    return [f"billhook {act} alert:{row['id']}" for act in ("acknowledge", "ignore")] if row.get("state", "open") == "open" else []


def of_run(connection: Connection, row: Row) -> Advice:
    """A run: the acts of every open item and task of its own."""
    parked, task = table_of(desk.Parked), table_of(desk.Task)
    acts: list[str] = []
    for table, advise in ((parked, of_parked), (task, of_task)):
        query = sa.select(table).where(table.c.run_id == row["id"], table.c.closed_at.is_(None)).order_by(table.c.id)
        acts += [act for item in connection.execute(query).mappings() for act in advise(connection, dict(item))["acts"]]
    effects = ledger.open_of_run(connection, row["id"])
    acts += [act for effect in effects if effect["state"] == "proposed" for act in of_effect(connection, dict(effect))["acts"]]
    return {"acts": list(dict.fromkeys(acts))}


def open_matters(connection: Connection, rows: Sequence[Row]) -> list[Advice]:
    """For each run {"told": ...}: what a waiting one told people and nobody closed, such as "task no_email".

    Where it waits for a person, "reason" says so, with the command that answers. However many runs: four questions.
    """
    waiting = {row["id"]: _subject(row) for row in rows if row["status"] == "waiting"}
    if not waiting:
        return [{"told": ""} for _ in rows]
    task, alert = table_of(desk.Task), table_of(desk.Alert)
    tasks = _by_first(connection, sa.select(task.c.run_id, task.c.reason), task, task.c.run_id, waiting)
    alerts = _by_first(connection, sa.select(alert.c.subject, alert.c.reason), alert, alert.c.subject, waiting.values())
    asks = _asks(connection, waiting)
    found = []
    for row in rows:
        told = [f"task {reason}" for reason in tasks.get(row["id"], ())]
        told += [f"alert {reason}" for reason in alerts.get(waiting.get(row["id"], ""), ())]
        found.append({"told": ", ".join(told), **({"reason": asks[row["id"]]} if row["id"] in asks else {})})
    return found


def _subject(run: Row) -> str:
    return f"{run['source']}/{run['invoice_id'] or run['customer_id'] or run['key']}"


def _by_first(
    connection: Connection, query: sa.Select[Any], table: sa.Table, column: sa.Column[Any], values: Iterable[str]
) -> dict[str, list[str]]:
    """The second column of open rows by their first, in the order they were written."""
    found: dict[str, list[str]] = {}
    for first, second in connection.execute(query.where(column.in_(sorted(set(values))), table.c.closed_at.is_(None)).order_by(table.c.id)):
        found.setdefault(first, []).append(second)
    return found


def _asks(connection: Connection, run_ids: Iterable[str]) -> dict[str, str]:
    """What a person is asked about effects of waiting runs, by run."""
    ids, effect = sorted(run_ids), table_of(ledger.EffectRow)
    proposed = sa.select(effect.c.run_id, effect.c.id).where(
        effect.c.run_id.in_(ids), effect.c.state == "proposed", sa.not_(effect.c.retired)
    )
    asks = {run: f"waits for approval: `billhook approve {id}` or `billhook reject {id}`" for run, id in connection.execute(proposed)}
    unknown = {run: f"nobody knows whether it happened: `billhook resolve {id} did` or `did-not`"
               for run, id in desk.asked_about_any(connection, ids).items()}  # fmt: skip
    return {**asks, **unknown}


def _advice(about: Mapping[str, str | None], known: str, acts: list[str]) -> Advice:
    return {"invoice_id": about.get("invoice_id"), "customer_id": about.get("customer_id"), "known": known, "acts": acts}


def _of_effect(effect: Row) -> dict[str, str | None]:
    is_invoice = effect["object_kind"] == "invoice"
    return {"invoice_id": effect["object_id"] if is_invoice else None, "customer_id": effect["customer_id"]}


def _of_run(run: Row | None, detail: Row) -> dict[str, str | None]:
    named = {name: detail.get(name) or (run[f"{name}_id"] if run is not None else None) for name in ("invoice", "customer")}
    return {f"{name}_id": None if id is None else str(id) for name, id in named.items()}


def _known_effect(connection: Connection, effect: Row) -> str:
    gist = outgoing.outgoing(connection, effect["source"], effect["service"], effect["request"])
    gist.pop("message", None)
    parts = [f"{effect['service']} {outgoing.in_words(gist)}".strip(), effect["amount"], _at("asked", effect["calling_at"])]
    return ", ".join(str(part) for part in parts if part)


def _known_delivery(connection: Connection, delivery_id: int) -> str:
    table = table_of(Delivery)
    row = connection.execute(sa.select(table).where(table.c.id == delivery_id)).mappings().first()
    return "" if row is None else f"{row['native_type']} {row['native_id']}, {_at('received', row['received_at'])}"


def _at(what: str, at: datetime | None) -> str:
    return f"{what} {at:%Y-%m-%d %H:%M} UTC" if at else ""


def _told(detail: Row) -> str:
    """A detail in short: its names and values without the run's id and tracebacks."""
    said = ", ".join(f"{name} {value}" for name, value in detail.items() if name not in ("run", "traceback") and value is not None)
    return said if len(said) <= SHORT else said[: SHORT - 1] + "…"


def _look_again(run: Row | None) -> list[str]:
    """Once what is wrong was put right: have a held run look at everything now; start one anew that gave up."""
    if run is None:
        return []
    if run["status"] == "waiting" and run["invoice_id"]:
        return [f"billhook signal look.again --source {run['source']} --set invoice_id={run['invoice_id']}"]
    return [f"billhook replay {run['trigger_id']} --workflow {run['workflow']} --yes"] if run["outcome"] == "skipped" else []


def _resend(connection: Connection, detail: Row, run: Row | None) -> list[str]:
    """Send once more what a workflow asks about: the effect it names, else what its run's invoice was sent by."""
    table = table_of(ledger.EffectRow)
    query = sa.select(table.c.id).where(table.c.state == "done")
    if detail.get("effect"):
        query = query.where(table.c.id == str(detail["effect"]))
    elif run is not None and run["invoice_id"] and "sent_version" in detail:
        query = query.where(table.c.source == run["source"], table.c.object_id == run["invoice_id"])
    else:
        return []
    newest = connection.execute(query.order_by(table.c.settled_at.desc()).limit(1)).scalar_one_or_none()
    return [f"billhook resend {newest} {REASON}"] if newest else []
