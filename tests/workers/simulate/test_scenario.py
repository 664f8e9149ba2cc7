"""Reading a scenario: every mistake is told with table, field and line, and with what is allowed."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from receiver.errors import SettingsInvalid
from tests.workers.simulate.conftest import HEAD, OBJECTS, Read
from workers.simulate.play import load

COMPLETE = 'what = "complete"\ninvoice = "{}"\n'
HAPPENS = "[[happens]]\nat = 2026-11-20T09:00:00\n"


DUNNING = "\n".join(HEAD.splitlines()[:2]) + '\n[policy.dunning]\nmode = "auto"\n'


def refused(read: Read, text: str) -> str:
    with pytest.raises(SettingsInvalid) as error:
        read(text)
    return str(error.value)


def test_a_scenario_is_read_as_it_is_written(read: Read) -> None:
    said = read(HEAD + OBJECTS + HAPPENS + 'what = "payment"\ninvoice = "A"\namount = "19.00"\n')

    assert said.invoice[0].total == Decimal("119.00")
    assert said.invoice[0].date == date(2026, 11, 20)
    assert said.happens[0].said == {"invoice": "A", "amount": Decimal("19.00")}
    assert said.instant(said.start) == datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
    assert said.currencies == ("EUR",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD.replace("start = 2026-11-20T08:00:00", 'start = "monday"'), "start: a local time without zone is wanted"),
        (HEAD.replace("08:00:00", "08:00:00Z"), "wanted, such as 2026-03-02T08:00:00; correct it in line 1 of"),
        (HEAD.replace("2026-11-20T18", "2026-11-19T18"), "until: it must lie after start; correct it in line 2 of"),
        ('zone = "Berlin"\n' + HEAD, 'zone: a time zone is wanted, such as "Europe/Berlin"'),
        ("colour = 1\n" + HEAD, "colour: there is no such setting; known are zone, kind, source, start, until, auto_approve"),
        (HEAD.replace("auto-send", "auto-sent"), "policy.auto-sent: there is no such workflow, do you mean auto-send"),
        (HEAD + "hold_minutes = -1\n", "policy.auto-send, hold_minutes: it must be at least 0; correct it in line 6 of"),
        (HEAD + "auto_approve = true\n", "policy.auto-send, auto_approve: there is no such setting"),
        (HEAD.replace('"auto"', '"maybe"'), "policy.auto-send, mode: write 'off', 'observe', 'propose' or 'auto'"),
        ("\n".join(HEAD.splitlines()[:2]), "policy: no workflow takes part: write a table such as [policy.auto-send]"),
        (DUNNING + "[rates.DE]\n2026-02-01 = '1.27'\n", "rates.DE: valid_from 2026-02-01: base rates change on 1 January"),
        (HEAD + OBJECTS.replace('"119.00"', "119.0"), 'invoice 1, total: an amount in quotes is wanted, such as "1190.00"'),
        (HEAD + OBJECTS.replace('"119.00"', '"1,190.50"'), "an amount in quotes is wanted, such as \"1190.00\"; correct it in line 13 of"),
        (HEAD + OBJECTS.replace('customer = "501"', 'customer = "5"'), "invoice 1, customer: there is no such customer; known are 501"),
        (HEAD + OBJECTS + "due = 2026-11-19\n", "invoice 1, due: it lies before the invoice's date; correct it in line 15 of"),
        (HEAD + OBJECTS + OBJECTS, "customer 2, id: another one has this id already; correct it in line 16 of"),
        (HEAD + OBJECTS.replace("email =", "mail ="), "customer 1, mail: there is no such setting, do you mean email"),
        (HEAD + OBJECTS + HAPPENS, "happens 1, what: it must be set; correct it in line 15 of"),
        (HEAD + "customer = 1\n", "policy.auto-send, customer: there is no such setting"),
        ("customer = 1\n" + HEAD, "customer: a list of tables is wanted: write [[customer]]"),
        ("happens = [1]\n" + HEAD, "happens 1: a table is wanted: write [[happens]]"),
        (HEAD + OBJECTS + HAPPENS.replace("09:00", "07:00") + COMPLETE.format("A"), "happens 1, at: it must lie"),
        (HEAD + OBJECTS + HAPPENS + COMPLETE.format("B"), "happens 1, invoice: there is no such invoice; known are A"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_is_allowed(read: Read, text: str, told: str) -> None:
    assert told in refused(read, text).replace(" cannot be used: ", ": ")


def test_every_mistake_is_told_at_once(read: Read) -> None:
    said = refused(read, HEAD + "hold_minutes = -1\n" + OBJECTS.replace('"119.00"', "1.5") + HAPPENS)

    assert "3 settings cannot be used" in said
    assert [part in said for part in ("hold_minutes", "invoice 1, total", "happens 1, what")] == [True] * 3


def test_a_file_that_is_no_toml_is_refused_with_its_line(read: Read) -> None:
    assert "is not TOML" in refused(read, "start = \n")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_whole_amounts_levels_and_tags_may_be_written_plainly(read: Read) -> None:
    notice = '[[happens]]\nat = 2026-11-20T09:00:00\nwhat = "manual_notice"\ninvoice = "A"\nlevel = "L1"\n'

    said = read(HEAD + OBJECTS.replace('"119.00"', "119").replace('id = "501"\n', 'id = "501"\ntags = "vip, old"\n', 1) + notice)

    assert (said.invoice[0].total, said.customer[0].tags, said.happens[0].level) == (Decimal(119), ("vip", "old"), 1)
