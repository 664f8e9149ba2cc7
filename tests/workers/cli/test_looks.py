"""The console's lists of their own, in the shell: what comes next, workflows, sources."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from tests.workers.cli.conftest import Billhook, Made
from workers.console.read import timers
from workers.runs import RunRow

NOW = datetime.now(UTC)


def wait(store: Database, run: str, until: datetime) -> None:
    table = table_of(RunRow)
    store.write(lambda c: c.execute(sa.update(table).where(table.c.id == run).values(status="waiting", wake_at=until)))


def test_what_will_happen_next_is_listed_by_time(billhook: Billhook, store: Database, made: Made) -> None:
    wait(store, made.run, NOW + timedelta(days=3))

    told = billhook("timers", "--kind", "run", "--json").json
    shown = billhook("timers", "--workflow", "auto-send")

    assert [(one["id"], one["workflow"], one["source"]) for one in told["rows"]] == [(made.run, "auto-send", "shop")]
    assert told["next"] is None and "link" not in told["rows"][0]
    assert shown.code == 0 and made.run in shown.out
    assert billhook("timers", "--workflow", "dunning", "--kind", "run").out.strip() == "nothing will happen by itself"


def test_a_long_list_of_timers_goes_on_where_it_ended(billhook: Billhook, store: Database, made: Made) -> None:
    wait(store, made.run, NOW + timedelta(days=3))
    with store.read() as connection:
        place = timers.page(connection, timers.Wanted(kind="run"), now=NOW).timers[0].place
    later = f"{place[0].isoformat()}~{place[1]}~{place[2]}"

    assert billhook("timers", "--kind", "run", "--later", later, "--json").json["rows"] == []


def test_wrong_usage_is_said(billhook: Billhook, made: Made) -> None:
    for words, said in (
        (("timers", "--kind", "alarm"), "there is no kind alarm"), (("timers", "--later", "x"), "go back to the first page"),
        (("timers", "--source", "nowhere"), "no source nowhere"), (("workflows", "--source", "nowhere"), "no source nowhere"),
    ):  # fmt: skip
        ended = billhook(*words)
        assert ended.code == 2 and said in ended.err


def test_workflows_tell_their_mode_and_what_is_under_way(billhook: Billhook, made: Made) -> None:
    billhook("pause", "--workflow", "auto-send", "--reason", "audit")

    [row] = [one for one in billhook("workflows", "--json").json if one["workflow"] == "auto-send"]

    assert (row["source"], row["mode"], row["live"], row["paused"]) == ("shop", "observe", {"ready": 1}, "audit")
    assert "auto-send" in billhook("workflows").out


def test_sources_tell_what_came_and_what_was_refused(billhook: Billhook, store: Database, made: Made) -> None:
    said = {
        "cause": "credentials",
        "status": 401,
        "detail": "",
        "method": "POST",
        "peer": "10.0.0.1",
        "headers": "",
        "body": b"",
        "seen": 1,
    }
    rows = [{"source": source, "at": NOW, **said} for source in ("shop", "stranger")]
    store.write(lambda c: c.execute(sa.insert(table_of(inbox.Refusal)), rows))

    shop, stranger = billhook("sources", "--json").json

    assert (shop["source"], shop["kind"], shop["counted"], shop["refused"]) == ("shop", "monsum", {"push": 1}, {"credentials": 1})
    assert (stranger["source"], stranger["kind"]) == ("stranger", "")
    assert "monsum" in billhook("sources").out


def test_what_can_be_said_is_listed(billhook: Billhook) -> None:
    rows = {row["type"]: row for row in billhook("signal", "--json").json}

    assert "invoice_id" in rows["send.stopped"]["fields"] and rows["block.dispute"]["kind"] == "state"
    assert "invoice.completed" not in rows
