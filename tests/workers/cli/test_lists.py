"""The lists and explain: what they print for people and for programs."""

from datetime import UTC, datetime

import pytest

from receiver.db import Database
from receiver.inbox import NO_SOURCE, RefusedRequest, keep_refusals
from tests.workers.cli.conftest import Billhook, Made
from workers.cli.output import plain
from workers.views import VIEWS, row_number

TWENTY = "9" * 20
NO_ROWS = [
    ("deliveries", "show", TWENTY), ("deliveries", "show", "²"), ("close", TWENTY), ("close", "²"), ("retry", TWENTY), ("retry", "²"),
    ("explain", TWENTY), ("explain", f"delivery:{TWENTY}"), ("explain", "event:²"),
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_an_empty_list_says_so_and_is_an_empty_array_in_json(billhook: Billhook, store: Database, name: str) -> None:
    said, json = billhook(name), billhook(name, "--json")

    assert (said.code, said.out) == (0, f"no {name}\n")
    assert (json.code, json.json) == (0, [])


def test_a_list_is_a_table_for_people_and_an_array_for_programs(billhook: Billhook, made: Made) -> None:
    table, [row] = billhook("effects").out, billhook("effects", "--json").json

    assert [word for word in ("invoice.sendbyemail", "4711", "proposed") if word not in table] == []
    assert (row["id"], row["state"], row["intended_at"]) == (made.effect, "proposed", "2026-11-20T09:00:00+00:00")
    assert "request" not in row


def test_a_filter_keeps_what_matches(billhook: Billhook, made: Made) -> None:
    matching = billhook("runs", "--invoice", "4711", "--type", "auto-send", "--source", "shop", "--json").json
    others = billhook("runs", "--invoice", "4712", "--json").json

    assert [row["id"] for row in matching] == [made.run]
    assert others == []


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("--workflow", "auto-send"), 1),
        (("--since", "2026-11-20T09:00:00"), 1),
        (("--since", "2026-11-20T09:00:01"), 0),
        (("--reason", "breaker"), 1),
        (("--reason", "open"), 0),
    ],
)
def test_runs_are_chosen_by_workflow_start_and_reason(
    billhook: Billhook, store: Database, made: Made, words: tuple[str, ...], count: int
) -> None:
    store.write(lambda c: c.exec_driver_sql("UPDATE run SET reason = 'breaker_open'"))

    assert len(billhook("runs", *words, "--json").json) == count


def test_a_workflow_nobody_knows_is_wrong_usage(billhook: Billhook, store: Database) -> None:
    answer = billhook("runs", "--workflow", "bogus")

    assert answer.code == 2 and "there is no workflow bogus: known are" in answer.err


def test_a_run_that_waits_for_a_yes_says_so_with_the_command(billhook: Billhook, store: Database, made: Made) -> None:
    store.write(lambda c: c.exec_driver_sql("UPDATE run SET status = 'waiting'"))

    [row] = billhook("runs", "--state", "waiting", "--json").json

    assert row["reason"] == f"waits for approval: `billhook approve {made.effect}` or `billhook reject {made.effect}`"


def test_the_space_before_a_currency_is_a_space_and_a_line_separator_is_not() -> None:
    assert plain("119,00\u00a0€ 1\u202f000") == "119,00 € 1 000"
    assert plain("a\u2028b") == "a�b"


def test_a_filter_that_does_not_apply_is_wrong_usage(billhook: Billhook, store: Database) -> None:
    refused = billhook("deliveries", "--invoice", "4711")

    assert refused.code == 2
    assert "--invoice does not apply to deliveries" in refused.err


def test_show_prints_one_row_whole_and_its_text_cannot_move_the_cursor(billhook: Billhook, made: Made) -> None:
    effect = billhook("effects", "show", made.effect, "--json").json
    delivery = billhook("deliveries", "show", str(made.delivery)).out

    assert effect["request"] == {"INVOICE_ID": "4711"}
    assert "invoice.created" in delivery and "\x1b" not in delivery


@pytest.mark.parametrize("words", [("effects", "show", "nothing"), ("deliveries", "show", "x"), ("explain", "nothing"), *NO_ROWS])
def test_what_is_not_there_ends_with_one_and_a_sentence(billhook: Billhook, store: Database, words: tuple[str, ...]) -> None:
    missing = billhook(*words)

    assert missing.code == 1
    assert missing.err.startswith("billhook: ") and "`billhook " in missing.err and "Traceback" not in missing.err


def test_approvals_are_the_proposed_effects(billhook: Billhook, made: Made) -> None:
    [row] = billhook("approvals", "--json").json

    assert (row["id"], row["amount"]) == (made.effect, "119.00 EUR")


@pytest.mark.parametrize("words", [("approvals",), ("effects", "show", "EFFECT"), ("runs", "show", "RUN"), ("explain", "4711")])
def test_what_waits_for_a_person_is_printed_with_commands_to_paste(billhook: Billhook, made: Made, words: tuple[str, ...]) -> None:
    chosen = [{"EFFECT": made.effect, "RUN": made.run}.get(word, word) for word in words]

    printed = [line.split("  ")[-1].strip() for line in billhook(*chosen).out.splitlines()]

    assert f"billhook approve {made.effect}" in printed
    assert f"billhook reject {made.effect} --reason TEXT" in printed


@pytest.mark.parametrize("key", ["4711", "invoice:4711", "501", "customer:501", "RUN", "EFFECT", "464", "delivery:DELIVERY", "event:EVENT"])
def test_explain_tells_the_whole_story_from_every_end(billhook: Billhook, made: Made, key: str) -> None:
    names = {"RUN": made.run, "EFFECT": made.effect, "DELIVERY": str(made.delivery), "EVENT": str(made.event)}
    for word, id in names.items():
        key = key.replace(word, id)

    lines = billhook("explain", key, "--json").json
    told = billhook("explain", key).out

    assert {line["what"] for line in lines} == {"delivery", "event", "run", "effect"}
    assert "invoice.completed invoice 4711 customer 501" in told and "invoice.sendbyemail invoice 4711: proposed" in told


def test_explain_keeps_to_the_named_source(billhook: Billhook, made: Made) -> None:
    assert billhook("explain", "4711", "--source", "shop").code == 0
    assert billhook("explain", "4711", "--source", "other").code == 2


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), (str(2**63 - 1), 2**63 - 1), (str(2**63), None), ("²", None), ("٣", None), ("-1", None), ("0", None), ("", None)],
)
def test_a_row_number_is_what_a_database_can_hold(text: str, number: int | None) -> None:
    assert row_number(text) == number


def test_refusals_are_listed_by_source_and_cause_and_shown_whole(billhook: Billhook, store: Database) -> None:
    at = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    named = [("shop", "credentials"), ("shop", "payload"), (NO_SOURCE, "source_unknown")]
    kept = [
        RefusedRequest(source=source, at=at, status=401, cause=cause, method="POST", body=b"{junk", body_size=5) for source, cause in named
    ]
    store.write(lambda c: keep_refusals(c, kept))

    everything = billhook("refusals", "--json").json
    [one] = billhook("refusals", "--source", "shop", "--cause", "payload", "--json").json
    stray = billhook("refusals", "--source", "-", "--cause", "payload")
    whole = billhook("refusals", "show", str(one["id"]), "--json").json

    assert [(row["source"], row["cause"]) for row in everything] == named[::-1]
    assert "body" not in one and (one["status"], one["seen"]) == (401, 1)
    assert (stray.code, stray.out) == (0, "no refusals\n")
    assert whole["body"] == "{junk"
    assert billhook("runs", "--cause", "payload").code == 2
