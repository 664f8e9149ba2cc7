"""Mistakes in the configuration: in our words, with the full name, all at once, and no value."""

from pathlib import Path

import pytest

from receiver.errors import SettingsInvalid
from receiver.settings import load_settings

SHOP = "[source.shop]\nkind = 'monsum'\n"


def said(folder: Path, text: str, **environ: str) -> str:
    """What loading these settings is refused with."""
    path = folder / "billhook.toml"
    path.write_text(text)
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(path, environ)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "name", "wrong"),
    [
        ("[billhook.receiver]\nport = 'x'", "billhook.receiver.port", "a whole number is wanted, such as 8080"),
        ("[billhook.receiver]\nport = 1.5", "billhook.receiver.port", "a whole number is wanted, such as 8080"),
        ("[billhook.receiver]\nport = 70000", "billhook.receiver.port", "it must be at most 65535"),
        ("[billhook.receiver]\nhost = 1", "billhook.receiver.host", 'a text in quotes is wanted, such as "127.0.0.1"'),
        ("[billhook.receiver]\nstore_timeout_s = 'x'", "billhook.receiver.store_timeout_s", "a number is wanted, such as 0.9"),
        ("[billhook.receiver]\nstore_timeout_s = 0", "billhook.receiver.store_timeout_s", "it must be more than 0"),
        ("[billhook]\ndata_dir = 5", "billhook.data_dir", 'a path in quotes is wanted, such as ".billhook/data"'),
        ("[billhook]\nworkflows = 'one'", "billhook.workflows", 'a list is wanted, such as ["one", "two"]'),
        ("[billhook]\nlog_level = 'loud'", "billhook.log_level", "write 'debug', 'info', 'warning' or 'error'"),
        ("[billhook.receiver]\nprot = 1", "billhook.receiver.prot", "there is no such setting, do you mean port (known are host, port, "),
        ("[billhook]\nzzz = 1", "billhook.zzz", "there is no such setting; known are database, redis, "),
        ("[source.shop]", "source.shop.kind", 'it must be set: write one of "monsum", "fastbill", "qvickly", "autodns", "standard"'),
        (SHOP + "zone = 'Mars'", "source.shop.zone", "not a time zone: write a name such as Europe/Berlin"),
        (SHOP + "since = 2026-01-01T00:00:00", "source.shop.since", "a time with its zone is wanted"),
        (SHOP + "since = 'soon'", "source.shop.since", "a time with its zone is wanted"),
        (SHOP + "allow_from = ['all']", "source.shop.allow_from", 'a network is wanted, such as "203.0.113.0/24"'),
        (SHOP + "currencies = ['euro']", "source.shop.currencies", "not a currency: write three capitals"),
        (SHOP + "currencies = 'EUR'", "source.shop.currencies", 'a list is wanted, such as ["EUR"]'),
        ("[source.Shop]\nkind = 'monsum'", "source.Shop", "a source name has 1 to 40 of a-z"),
        (SHOP + "[source.mail]\nkind = 'standard'\nabout = 'shap'", "source.mail.about", "there is no such source, do you mean shop"),
    ],
)
def test_a_mistake_has_its_full_name_our_words_and_the_file_to_correct(tmp_path: Path, text: str, name: str, wrong: str) -> None:
    sentence = said(tmp_path, text)

    assert sentence.startswith(f"{name} cannot be used: {wrong}")
    assert sentence.endswith(f"; correct it in {tmp_path / 'billhook.toml'}")
    assert "Input" not in sentence and "input" not in sentence


@pytest.mark.parametrize(
    ("text", "name", "wrong"),
    [
        ("[bilhook]\ndatabase = 'sqlite:///x.db'", "bilhook", "do you mean billhook"),
        ("[sources.shop]\nkind = 'monsum'", "sources", "do you mean source"),
        ("[polici.auto-send]", "polici", "do you mean policy"),
        ("[weather]", "weather", "there is no such table; known are billhook, source, policy"),
        ("[billhook.reciever]\nport = 1", "billhook.reciever", "do you mean receiver"),
        ("database = 'sqlite:///x.db'", "database", "it stands outside of every table"),
        ("[billhook]\nconsole = 1", "billhook.console", "write [billhook.console]"),
    ],
)
def test_what_stands_where_nobody_reads_is_refused(tmp_path: Path, text: str, name: str, wrong: str) -> None:
    sentence = said(tmp_path, text)

    assert sentence.startswith(f"{name} cannot be used: ") and wrong in sentence


def test_tables_that_only_others_read_are_let_be(tmp_path: Path) -> None:
    path = tmp_path / "billhook.toml"
    path.write_text(
        f"[billhook.console]\nport = 'x'\n[billhook.worker]\nlater = 1\n{SHOP}[source.shop.api]\nx = 1\n[policy.auto-send]\nx = 1"
    )

    assert load_settings(path, {}).source("shop").kind == "monsum"


def test_all_mistakes_are_told_at_once_each_on_a_line(tmp_path: Path) -> None:
    sentence = said(tmp_path, f"[bilhook]\n[billhook]\nlog_level = 'loud'\n[billhook.receiver]\nprot = 1\n{SHOP}zone = 'Mars'")

    first, *lines = sentence.splitlines()
    assert first == f"4 settings cannot be used; correct them in {tmp_path / 'billhook.toml'}:"
    assert [line.split(":")[0].strip() for line in lines] == [
        "bilhook", "billhook.log_level", "billhook.receiver.prot", "source.shop.zone",
    ]  # fmt: skip


def test_what_a_variable_says_is_to_be_corrected_there(tmp_path: Path) -> None:
    file = tmp_path / "billhook.toml"

    assert said(tmp_path, "", BILLHOOK_PORT="eighty").endswith("correct it in BILLHOOK_PORT")
    assert said(tmp_path, "[billhook]\nlog_level = 'x'", BILLHOOK_PORT="").endswith(f"correct it in {file}")
    assert "billhook.log_format" in said(tmp_path, "[billhook]\nlog_level = 'x'", BILLHOOK_LOG_FORMAT="xml")
    assert "; correct it in BILLHOOK_LOG_FORMAT" in said(tmp_path, "[billhook]\nlog_level = 'x'", BILLHOOK_LOG_FORMAT="xml")


def test_no_value_is_quoted(tmp_path: Path) -> None:
    text = f"[billhook]\ndatabase = ['kE4-ruW8mzQ2pLx9']\n{SHOP}since = 'kE4-ruW8mzQ2pLx9'\ncurrencies = ['kE4-ruW8mzQ2pLx9']"

    assert "kE4-ruW8mzQ2pLx9" not in said(tmp_path, text)
