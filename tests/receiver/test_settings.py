"""Settings and secrets: where they come from, and which refuse to start."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from receiver.credentials import split_live
from receiver.errors import SettingsInvalid
from receiver.settings import Settings, find_config, load_settings, read_secret
from tests.receiver.kit import settings_of

STRONG, OTHER = "kE4-ruW8mzQ2pLx9", "Zq7Lm2Xc9Vb4Nn1T"
SHOP = '[source.shop]\nkind = "monsum"\n'
MAIL = '[source.mail]\nkind = "standard"\n'
DOOR = {"BILLHOOK_DOOR_SHOP_USER": "hooks", "BILLHOOK_DOOR_SHOP_PASSWORD": STRONG}


def loaded(folder: Path, text: str, **environ: str) -> Settings:
    path = folder / "billhook.toml"
    path.write_text(text)
    return load_settings(path, environ)


def test_the_file_is_read_and_the_environment_beats_it(tmp_path: Path) -> None:
    text = f"""
[billhook]
database = "sqlite:///a.db"
redis = "redis://one"
log_format = "json"
workflows = ["flows"]
[billhook.receiver]
port = 9000
max_body_bytes = 2048
[billhook.worker]
threads = 3
lookahead = "of the workers"
[billhook.console]
port = 1
{SHOP}
zone = "Europe/Vienna"
currencies = ["EUR", "CHF"]
allow_from = ["203.0.113.0/24"]
since = 2026-01-01T00:00:00Z
[source.shop.api]
base_url = "https://example.org"
[policy.auto-send]
mode = "observe"
"""

    settings = loaded(tmp_path, text, BILLHOOK_DATABASE="postgresql://x/y", BILLHOOK_PORT="9001", BILLHOOK_WORKFLOWS="a:b")

    shop = settings.source("shop")
    assert (settings.database, settings.redis, settings.log_format) == ("postgresql://x/y", "redis://one", "json")
    assert (settings.receiver.port, settings.receiver.max_body_bytes, settings.worker.threads) == (9001, 2048, 3)
    assert settings.workflows == (Path("a"), Path("b"))
    assert (shop.kind, shop.zone, shop.currencies, shop.since) == (
        "monsum",
        "Europe/Vienna",
        ("EUR", "CHF"),
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert (str(shop.tz), shop.concerns, str(shop.allow_from[0])) == ("Europe/Vienna", "shop", "203.0.113.0/24")


SECRET_REDIS = "kE4-ruW8mzQ2pLx9"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[billhook", "TOML"),
        ("[billhook]\ndatabaze = 1", "databaze"),
        ("[billhook]\nlog_level = 'loud'", "log_level"),
        ("[billhook.receiver]\nport = 70000", "receiver.port"),
        ("[source.Shop]\nkind = 'monsum'", "source.Shop"),
        ("[source.shop]\nkind = 'paypal'", "source.shop.kind"),
        ("[source.shop]\nkind = 'monsum'\nzone = 'Europe/Atlantis'", "source.shop.zone"),
        ("[source.shop]\nkind = 'monsum'\ncurrencies = ['euro']", "currencies"),
        ("[source.shop]\nkind = 'monsum'\nallow_from = ['everywhere']", "allow_from"),
        ("[source.shop]\nkind = 'monsum'\nsince = 2026-01-01T00:00:00", "since"),
        ("[source.shop]\nkind = 'monsum'\nabout = 'shop'", "about"),
        ("[source.mail]\nkind = 'standard'\nabout = 'nobody'", "about"),
        ("[source.shop]\nkind = 'monsum'\ntypes = ['email.bounced']", "types"),
        ("source.shop = 1", "[source.shop]"),
        ("source = 1", "[source.NAME]"),
        ("billhook = 1", "[billhook]"),
        ("[billhook]\nreceiver = 1", "[billhook.receiver]"),
        ("[billhook]\nDatabase = 'x'", "Database"),
    ],
)
def test_a_mistake_names_its_setting(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        loaded(tmp_path, text)

    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[billhook]\nlog_level = loud\n", "(at line 2, column 13): `log_level = loud`; correct it there"),
        ("[source.shop\nkind = 1", "(at line 1, column 13): `[source.shop`; correct it there"),
        ("[billhook]\nredis = 'a'\nredis = 'b'", "; correct it there or in the line before: "),
        (f"[billhook]\nredis = redis://:{SECRET_REDIS}@h/0\n", ": `redis = …`; correct it there"),
        (f"[billhook]\nmy_password {SECRET_REDIS}\n", "; correct it there"),
    ],
)
def test_a_file_that_is_no_toml_shows_the_line_without_a_secret_and_says_how_to_write_it(tmp_path: Path, text: str, shown: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        loaded(tmp_path, text)

    assert shown in str(caught.value) and "each name once" in str(caught.value)
    assert SECRET_REDIS not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "known", "other"),
    [
        ("[billhook]\ndatabaze = 1", "database, redis, data_dir", "sources"),
        ("[billhook.receiver]\nprot = 1", "host, port, max_body_bytes", "database"),
        ("[source.shop]\nkind = 'monsum'\nzoen = 'x'", "kind, zone, currencies", "database"),
    ],
)
def test_a_misspelt_setting_is_answered_with_those_of_its_table_and_the_file_in_use(
    tmp_path: Path, text: str, known: str, other: str
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        loaded(tmp_path, text)

    said = str(caught.value)
    assert "there is no such setting" in said and f"known are {known}" in said and other not in said
    assert said.endswith(f"correct it in {tmp_path / 'billhook.toml'}")


def test_the_environment_is_the_one_given_and_an_argument_beats_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLHOOK_REDIS", "redis://of-the-process")
    path = tmp_path / "billhook.toml"
    path.write_text("[billhook]\nredis = 'redis://of-the-file'\n[billhook.receiver]\nqueue_max = 7")
    given = {"BILLHOOK_REDIS": "redis://given", "BILLHOOK_HOST": "::1", "BILLHOOK_PORT": "9002"}

    assert load_settings(path, {}).redis == "redis://of-the-file"
    assert load_settings(path).redis == "redis://of-the-process"
    assert load_settings(path, given).redis == "redis://given"
    assert Settings(config=path, environ=given, redis="redis://argument").redis == "redis://argument"
    door = load_settings(path, given).receiver
    assert (door.host, door.port, door.queue_max) == ("::1", 9002, 7)


@pytest.mark.parametrize("url", ["redis//x", "localhost:6379", f"http://:{SECRET_REDIS}@h/0", f"redis://:{SECRET_REDIS}@h:port/0"])
def test_an_address_that_is_none_of_redis_is_refused_with_an_example_and_never_shown(tmp_path: Path, url: str) -> None:
    said = []
    for text, environ in ((f"[billhook]\nredis = '{url}'", {}), ("", {"BILLHOOK_REDIS": url})):
        with pytest.raises(SettingsInvalid, match=r"^billhook\.redis cannot be used: .*write redis://HOST:PORT/0") as caught:
            loaded(tmp_path, text, **environ)
        said.append(str(caught.value))

    assert said[0].endswith(f"correct it in {tmp_path / 'billhook.toml'}") and said[1].endswith("correct it in BILLHOOK_REDIS")
    assert SECRET_REDIS not in "".join(said) and url not in "".join(said)


def test_an_empty_variable_says_empty_but_for_the_address_and_the_folders(tmp_path: Path) -> None:
    text = "[billhook]\nredis = 'redis://one'\nworkflows = ['flows']\n[billhook.receiver]\nport = 9000"

    settings = loaded(tmp_path, text, BILLHOOK_REDIS="", BILLHOOK_PORT="", BILLHOOK_HOST="", BILLHOOK_WORKFLOWS="")

    assert (settings.redis, settings.receiver.port, settings.receiver.host) == ("", 9000, "127.0.0.1")
    assert settings.workflows == (Path("flows"),)


def test_only_the_documented_variables_are_read(tmp_path: Path) -> None:
    others = {"BILLHOOK_SOURCES": "{}", "BILLHOOK_RECEIVER": "{}", "BILLHOOK_RECEIVER_PORT": "1", "billhook_redis": "x", "redis": "y"}

    settings = loaded(tmp_path, SHOP, **others)

    assert (list(settings.sources), settings.receiver.port, settings.redis) == (["shop"], 8080, "")


def test_an_address_with_a_password_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:p@h/db\n")

    assert loaded(tmp_path, "", BILLHOOK_DATABASE_FILE=str(tmp_path / "url")).database == "postgresql://u:p@h/db"
    assert loaded(tmp_path, "", BILLHOOK_REDIS_FILE=str(tmp_path / "url"), BILLHOOK_REDIS="redis://said").redis == "redis://said"
    for bad in ("", str(tmp_path / "absent")):
        with pytest.raises(SettingsInvalid, match="BILLHOOK_DATABASE_FILE"):
            loaded(tmp_path, "", BILLHOOK_DATABASE_FILE=bad)


def test_settings_do_not_change(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        loaded(tmp_path, SHOP).redis = "redis://other"


def test_the_file_is_found_in_the_order_the_documentation_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsInvalid):
        find_config(None, {})
    (tmp_path / ".billhook").mkdir()
    found = []
    for name in (".billhook/demo.toml", "billhook.toml", "named.toml"):
        (tmp_path / name).touch()
        found.append(str(find_config(None, {"BILLHOOK_CONFIG": "named.toml"} if name == "named.toml" else {})))

    assert found == [".billhook/demo.toml", "billhook.toml", "named.toml"]
    assert find_config(Path("billhook.toml"), {"BILLHOOK_CONFIG": "named.toml"}) == Path("billhook.toml")
    with pytest.raises(SettingsInvalid):
        find_config(Path("missing.toml"), {})


def test_a_secret_is_the_variable_else_the_file_it_names_else_the_file_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "NAME").write_text("third\n")
    (tmp_path / "other").write_text("second\n")
    environ = {"NAME_FILE": str(tmp_path / "other")}

    assert read_secret("NAME", {**environ, "NAME": "first"}, tmp_path) == "first"
    assert read_secret("NAME", environ, tmp_path) == "second"
    assert read_secret("NAME", {}, tmp_path) == "third"
    assert read_secret("NAME", {}, None) is None
    for bad in ({"NAME": " "}, {"NAME_FILE": str(tmp_path / "absent")}):
        with pytest.raises(SettingsInvalid, match="NAME"):
            read_secret("NAME", bad, tmp_path)


@pytest.mark.parametrize("said", ["named", "in the directory"])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.mkdir(), "is a directory: remove it"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "is not text in UTF-8"),
        (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links: let user"),
    ],
)
def test_a_secret_that_is_there_and_cannot_be_read_is_named_with_the_way_out(
    tmp_path: Path, said: str, make: Callable[[Path], object], says: str
) -> None:
    make(tmp_path / "NAME")

    with pytest.raises(SettingsInvalid) as caught:
        read_secret("NAME", {"NAME_FILE": str(tmp_path / "NAME")} if said == "named" else {}, tmp_path)

    assert f"cannot be read: {tmp_path / 'NAME'}" in str(caught.value)
    assert says in str(caught.value)


def test_several_values_live_at_once(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SHOP, BILLHOOK_DOOR_SHOP_USER="hooks", BILLHOOK_DOOR_SHOP_PASSWORD=f"{STRONG}, {OTHER}")

    assert settings.door_secrets("shop").passwords == (STRONG, OTHER)
    assert split_live("a\n b,c ,") == ("a", "b", "c")


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        (SHOP, {}),
        (SHOP, {"BILLHOOK_DOOR_SHOP_USER": "hooks"}),
        (SHOP, {"BILLHOOK_DOOR_SHOP_PASSWORD": STRONG}),
        (SHOP, {**DOOR, "BILLHOOK_DOOR_SHOP_PASSWORD": "short"}),
        (SHOP, {**DOOR, "BILLHOOK_DOOR_SHOP_PASSWORD": "changeme-changeme"}),
        (SHOP, {**DOOR, "BILLHOOK_DOOR_SHOP_PASSWORD": "aaaaaaaaaaaaaaaaaaaaaa"}),
        (SHOP, {"BILLHOOK_DOOR_SHOP_PATH": ""}),
        (SHOP, {**DOOR, "BILLHOOK_DOOR_SHOP_SIGNING": STRONG}),
        (MAIL, {}),
        (MAIL, {"BILLHOOK_DOOR_MAIL_USER": "u", "BILLHOOK_DOOR_MAIL_PASSWORD": STRONG}),
        (SHOP, {**DOOR, "BILLHOOK_DOOR_SHOP_PATH": STRONG}),
        (SHOP + SHOP.replace("shop", "core"), {**DOOR, "BILLHOOK_DOOR_CORE_PATH": STRONG}),
    ],
)
def test_a_missing_weak_placeholder_useless_or_reused_secret_refuses_to_start(tmp_path: Path, text: str, environ: dict[str, str]) -> None:
    settings = loaded(tmp_path, text, **environ)

    with pytest.raises(SettingsInvalid) as caught:
        settings.all_door_secrets()

    assert STRONG not in str(caught.value)


def test_no_secret_is_shown_by_printing_what_holds_it(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SHOP, **DOOR)

    assert STRONG not in repr(settings) + repr(settings.door_secrets("shop")) + str(settings.model_dump())


def test_an_unknown_source_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="shop"):
        loaded(tmp_path, SHOP).source("other")


METRICS = "r3Gd8sKq1mXw5Tz7"


def test_the_metrics_token_is_optional_and_not_weak() -> None:
    assert settings_of("sqlite:///x.db").metrics_token() is None
    assert settings_of("sqlite:///x.db", environ={"BILLHOOK_DOOR_METRICS_TOKEN": METRICS}).metrics_token() == METRICS
    with pytest.raises(SettingsInvalid, match="BILLHOOK_DOOR_METRICS_TOKEN"):
        settings_of("sqlite:///x.db", environ={"BILLHOOK_DOOR_METRICS_TOKEN": "short"}).metrics_token()
