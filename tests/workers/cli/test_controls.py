"""Modes, the freeze, migrate, doctor, and how the command line ends."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from receiver.db import Database
from tests.processes import Shell
from tests.workers.cli.conftest import SECRETS, Billhook, Printed
from workers import chain, control, restored
from workers.chain import Head, OutsideHead
from workers.checkup import filesystem_of


def wrong(printed: Printed) -> list[str]:
    return [f"{finding['area']}: {finding['text']}" for finding in printed.json if finding["state"] == "wrong"]


def test_a_mode_is_set_for_one_workflow_of_one_source_and_the_moment_is_kept(billhook: Billhook, store: Database) -> None:
    before = billhook("mode", "--json").json
    after = billhook("mode", "shop", "auto-send", "auto", "--json")

    assert ("shop", "auto-send", "observe") in [(row["source"], row["workflow"], row["mode"]) for row in before]
    assert (after.code, after.json[0]["mode"]) == (0, "auto")
    with store.read() as connection:
        assert control.switched_at(connection, "shop", "auto-send") is not None


def test_a_changed_mode_comes_with_the_command_that_puts_back_what_there_was(billhook: Billhook, store: Database) -> None:
    first = billhook("mode", "shop", "auto-send", "auto", "--include-existing", "--json").json
    second = billhook("mode", "shop", "auto-send", "off")
    again = billhook("mode", "shop", "auto-send", "off", "--json").json

    assert first[0]["undo"] == "billhook mode shop auto-send observe"
    assert "undo: billhook mode shop auto-send auto --include-existing" in second.out
    assert "undo" not in again[0]


def test_a_workflow_without_a_policy_is_switched_and_listed_like_any_other(billhook: Billhook, store: Database) -> None:
    answer = billhook("mode", "shop", "auto-send-sweep", "auto")

    assert (answer.code, answer.err) == (0, "")
    assert ["shop", "auto-send-sweep", "auto"] in [line.split()[:3] for line in billhook("mode").out.splitlines()]
    assert ("auto-send-sweep", "auto") in [(row["workflow"], row["mode"]) for row in billhook("mode", "--json").json]
    assert [finding["text"] for finding in billhook("doctor", "--json").json if "mode auto" in finding["text"]] == [
        "mode auto: auto-send-sweep"
    ]


def test_a_misspelt_stop_is_refused_and_stops_nothing(billhook: Billhook, store: Database) -> None:
    answer = billhook("mode", "shop", "auto-sned", "off")

    assert answer.code == 2
    assert "there is no workflow auto-sned: known are" in answer.err and "auto-send" in answer.err
    with store.read() as connection:
        assert control.named(connection, "mode:") == {}


def test_a_mode_left_over_from_a_workflow_that_is_gone_is_listed_and_can_be_switched_off(billhook: Billhook, store: Database) -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    store.write(lambda c: control.set_mode(c, "shop", "gone", "auto", was="observe", at=at, actor="operator"))

    started, stopped = billhook("mode", "shop", "gone", "auto"), billhook("mode", "shop", "gone", "off", "--json")
    findings = [finding["text"] for finding in billhook("doctor", "--json").json]

    assert (started.code, "can only be set to off" in started.err) == (2, True)
    assert [(row["mode"], row["note"]) for row in stopped.json] == [("off", "no file registers gone")]
    assert "no file registers gone" in findings


def test_without_a_baseline_nothing_leaves_observe_and_the_way_out_is_named(billhook: Billhook, place: Path) -> None:
    [row] = billhook("mode", "shop", "auto-send", "auto", "--json").json

    assert (row["mode"], row["said"]) == ("observe", "auto")
    assert "billhook connect shop" in row["note"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("mode", "shop", "auto-send"), "write all three"),
        (("mode", "shop", "auto-send", "loud"), "loud is no mode"),
        (("mode", "other"), "no source other"),
        (("mode", "other", "auto-send", "off"), "no source other"),
        (("effects", "--source", "other"), "no source other"),
        (("runs", "--source", "other"), "no source other"),
        (("runs", "--type", "auto-sned"), "there is no workflow auto-sned: known are"),
        (("explain", "4711", "--source", "other"), "no source other"),
        (("connect", "other"), "no source other"),
        (("replay", "--type", "invoice.completed", "--source", "other"), "no source other"),
        (("signal", "send.stopped", "--source", "other"), "no source other"),
        (("trigger", "invoice.completed", "--file", "billhook.toml"), "name either a kind"),
        (("trigger",), "no source here has sandbox = true"),
        (("trigger", "invoice.completed"), "no source here has sandbox = true, and trigger is refused on a real account: it would write"),
        (("trigger", "invoice.completed"), "docs/practice.md"),
        (("trigger", "invoice.completed", "--source", "shop"), "is a real account"),
        (("--config", "missing.toml", "effects"), "no configuration at missing.toml"),
        (("nonsense",), "nonsense"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence_and_two(billhook: Billhook, store: Database, words: tuple[str, ...], sentence: str) -> None:
    answer = billhook(*words)

    assert answer.code == 2
    assert sentence in answer.err and "Traceback" not in answer.err


def test_freezing_holds_every_effect_until_it_is_released(billhook: Billhook, store: Database) -> None:
    billhook("freeze", "--reason", "wrong prices")
    with store.read() as connection:
        frozen = control.frozen(connection)
    doctor = billhook("doctor", "--json")
    released, again = billhook("unfreeze"), billhook("unfreeze")

    assert frozen == "wrong prices"
    assert "effects: every effect is frozen: wrong prices" in wrong(doctor)
    assert released.code == 0
    assert (again.code, "nothing is frozen" in again.err) == (1, True)


@pytest.fixture
def heads(store: Database, place: Path) -> Path:
    """The heads of a ledger of which the database lacks everything: it is frozen as restored."""
    heads = place / ".billhook" / "ledger-head"
    head = OutsideHead(heads, "before")
    head.keep(Head(99, "f" * 64))
    head.close()
    store.write(lambda c: control.put(c, "freeze", {"reason": "restored"}, at=datetime(2026, 11, 21, tzinfo=UTC)))
    return heads


def test_a_restored_database_is_not_released_while_its_provider_cannot_be_asked(billhook: Billhook, store: Database, heads: Path) -> None:
    refused = billhook("unfreeze", "--yes")

    assert refused.code == 1
    assert "the provider of shop cannot be read now" in refused.err and "--without-look" in refused.err
    with store.read() as connection:
        assert control.frozen(connection) == "restored"


def test_a_look_at_a_restored_database_says_what_is_lost_and_releases_nothing(billhook: Billhook, store: Database, heads: Path) -> None:
    looked = billhook("unfreeze", "--without-look", "--json")
    told = billhook("unfreeze", "--without-look")

    assert looked.json == [{"source": "shop", "differ": None, "lost_rows": 99, "since": None}]
    assert "billhook unfreeze --yes" in told.out
    with store.read() as connection:
        assert control.frozen(connection) == "restored"


def test_releasing_a_restored_database_lasts(billhook: Billhook, store: Database, heads: Path) -> None:
    released = billhook("unfreeze", "--yes", "--without-look", "--reason", "compared")

    assert released.code == 0
    with store.read() as connection:
        assert control.frozen(connection) is None
        assert chain.behind(connection, heads) is None


def test_commands_on_a_database_without_tables_name_the_command_that_makes_them(billhook: Billhook, place: Path) -> None:
    toml = place / "billhook.toml"
    toml.write_text(toml.read_text().replace("billhook.db", "empty.db"))

    before, migrated, again, after = (billhook(word) for word in ("effects", "migrate", "migrate", "effects"))

    assert (before.code, "billhook migrate" in before.err) == (2, True)
    assert (migrated.code, again.code) == (0, 0)
    assert "nothing to do" in again.out
    assert after.code == 0


def test_the_doctor_finds_nothing_wrong_where_all_is_well_and_prints_no_secret(billhook: Billhook, store: Database) -> None:
    report, json = billhook("doctor"), billhook("doctor", "--json")

    assert report.code == 0, report.out
    assert wrong(json) == []
    assert not [value for value in SECRETS.values() if value in report.out]


@pytest.mark.parametrize(
    ("name", "value", "finding"),
    [
        ("BILLHOOK_DOOR_SHOP_PATH", "changeme-changeme-changeme", "BILLHOOK_DOOR_SHOP_PATH is a placeholder"),
        ("BILLHOOK_DOOR_SHOP_PATH", None, "lets anybody in"),
        ("BILLHOOK_DOOR_SHOP_PATH", "tooshort1", "shorter than 16"),
        ("BILLHOOK_API_SHOP_KEY", None, "no API login"),
    ],
)
def test_the_doctor_names_a_secret_that_is_missing_or_weak(
    billhook: Billhook, store: Database, place: Path, name: str, value: str | None, finding: str
) -> None:
    path = place / "secrets" / name
    path.unlink() if value is None else path.write_text(value)

    report = billhook("doctor", "--json")

    assert report.code == 1
    assert finding in " ".join(wrong(report))
    assert value is None or value not in report.out


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("port = 1\n", "prot = 1\n", "receiver.prot"),
        ('kind = "monsum"', 'kind = "monsoon"', "source.shop"),
        ("[source.shop]", "[source.shop", "TOML"),
        ("[source.shop.api]", "[policy.auto-sned]\n[source.shop.api]", "auto-sned"),
        ("[source.shop.api]", "[policy.auto-send]\nhold_minutes = -1\n[source.shop.api]", "hold_minutes"),
        ('secrets_dir = "secrets"', 'secrets_dir = "secrets"\nredis = "redis://127.0.0.1:1/0"', "Redis does not answer"),
    ],
)
def test_the_doctor_names_what_a_tired_person_wrote(
    billhook: Billhook, store: Database, place: Path, old: str, new: str, finding: str
) -> None:
    toml = place / "billhook.toml"
    toml.write_text(toml.read_text().replace(old, new, 1))

    report = billhook("doctor", "--json")

    assert report.code == 1
    assert finding in " ".join(wrong(report))


def test_the_doctor_says_what_a_policy_allows_and_probably_does_not_mean(billhook: Billhook, store: Database, place: Path) -> None:
    toml = place / "billhook.toml"
    toml.write_text(toml.read_text() + "[policy.credits]\nmode = 'propose'\napproval_over = '200.00'\n")

    told = [one["text"] for one in billhook("doctor", "--json").json if one["area"] == "policies"]

    assert told[-1] == "policy.credits: approval_over is not below max_single: nobody is ever asked"


def test_the_doctor_names_a_workflow_file_that_does_not_import_and_the_policy_left_over(store: Database, place: Path) -> None:
    (place / "billhook_t_torn.py").write_text("import nothing_of_this_name")
    toml = place / "billhook.toml"
    toml.write_text(toml.read_text() + "[policy.t-torn]\nmode = 'auto'\n")

    printed = Shell(place, BILLHOOK_WORKFLOWS=".").billhook("doctor", "--json", code=1)

    findings, _log = json.JSONDecoder().raw_decode(printed)
    wrong = [f"{finding['area']}: {finding['text']}" for finding in findings if finding["state"] == "wrong"]
    assert any("policies: policy.t-torn" in text for text in wrong)
    assert any("billhook_t_torn.py does not import: ModuleNotFoundError" in text and "billhook_t_torn.py:1)" in text for text in wrong)


def test_a_workflow_whose_file_does_not_import_can_be_stopped_and_not_started(store: Database, place: Path) -> None:
    (place / "billhook_t_torn.py").write_text("import nothing_of_this_name")
    shell = Shell(place, BILLHOOK_WORKFLOWS=".")

    stopped = shell.billhook("mode", "shop", "t-torn", "off")
    started = shell.billhook("mode", "shop", "t-torn", "auto", code=2)

    assert "t-torn" in stopped and "billhook_t_torn.py does not import" in stopped
    assert "billhook_t_torn.py does not import: it can only be set to off or observe" in started
    with store.read() as connection:
        assert control.get(connection, "mode:shop:t-torn")["mode"] == "off"


def test_the_doctor_knows_which_file_system_a_path_is_on() -> None:
    assert filesystem_of(Path("/proc")) == "proc"


def test_a_database_that_does_not_answer_is_a_sentence_too(billhook: Billhook, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setenv("BILLHOOK_DATABASE", "postgresql://nobody@127.0.0.1:1/none")

    answer = billhook("effects")

    assert answer.code == 1
    assert "the database does not answer" in answer.err and "Traceback" not in answer.err


def test_a_trigger_without_a_running_billhook_says_what_is_missing(billhook: Billhook, store: Database, place: Path) -> None:
    toml = place / "billhook.toml"
    toml.write_text(toml.read_text().replace("base_url", "sandbox = true\nbase_url"))

    answer = billhook("trigger", "invoice.completed", "--wait", "0")

    assert answer.code == 1
    assert "the receiver does not answer" in answer.err and "`billhook up`" in answer.err


def test_what_is_doubted_after_a_release_is_counted_by_the_workers_clock(
    billhook: Billhook, store: Database, heads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
    monkeypatch.setattr(Database, "machine_now", lambda self, connection: workers)

    billhook("unfreeze", "--yes", "--without-look")

    with store.read() as connection:
        assert restored.doubts(connection, workers)
        assert not restored.doubts(connection, workers + timedelta(seconds=1))
