"""How a command ends that could not be carried out: a sentence, an exit code, and with --json an object on standard output."""

from pathlib import Path

import pytest

from receiver.db import Database
from tests.workers.cli.conftest import Billhook, Made
from tests.workers.providers.wire import Behaviour, answers, peer


@pytest.mark.parametrize(
    ("words", "code", "type_"),
    [
        (("effects", "show", "nothing"), 1, "NotHere"),
        (("effects", "--bogus"), 2, "NoSuchOption"),
        (("resolve", "EFFECT", "maybe"), 2, "BadParameter"),
        (("retry", "99"), 1, "NotHere"),
        (("trigger", "x", "--file", "billhook.toml"), 2, "BadParameter"),
        (("--config", "missing.toml", "effects"), 2, "SettingsInvalid"),
    ],
)
def test_with_json_an_error_is_an_object_with_its_sentence_and_the_same_exit_code(
    billhook: Billhook, made: Made, words: tuple[str, ...], code: int, type_: str
) -> None:
    chosen = [made.effect if word == "EFFECT" else word for word in words]
    plain, told = billhook(*chosen), billhook(*chosen, "--json")

    assert (plain.code, plain.out, told.code) == (code, "", code)
    assert (told.json["type"], told.json["exit_code"]) == (type_, code)
    assert told.json["error"] in told.err


def test_a_database_that_does_not_answer_is_an_object_too(billhook: Billhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLHOOK_DATABASE", "postgresql://nobody@127.0.0.1:1/none")

    assert "the database does not answer" in billhook("effects", "--json").json["error"]


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        (answers(401, b'{"RESPONSE": {"ERRORS": ["login"]}}'), "correct BILLHOOK_API_SHOP_USER and BILLHOOK_API_SHOP_KEY"),
        (answers(503, b"{}"), "answers 503 instead of data"),
        (answers(200, b"<html>"), "is base_url under [source.shop.api] the API's URL?"),
    ],
)
def test_connecting_says_what_the_provider_did_and_the_way_out(
    billhook: Billhook, store: Database, place: Path, provider: Behaviour, said: str
) -> None:
    toml = place / "billhook.toml"
    store.write(lambda c: c.exec_driver_sql("DELETE FROM control"))
    with peer(provider) as there:
        toml.write_text(toml.read_text().replace("http://127.0.0.1:1/api/1.0/api.php", there.url))
        answer = billhook("connect", "shop")

    assert answer.code == 1
    assert said in answer.out and "Nothing was asked" not in answer.out


def test_connecting_to_a_provider_that_is_away_names_its_host_setting(billhook: Billhook, place: Path) -> None:
    answer = billhook("connect", "shop")

    assert answer.code == 1
    assert "API host of source shop cannot be reached" in answer.out and "base_url" in answer.out
