"""Workers' settings: every mistake names the setting and the way out; API secrets are the workers' alone."""

import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from receiver.errors import SettingsInvalid
from tests.workers.letters import mail, post
from workers.errors import WorkflowInvalid
from workers.loading import load_folders
from workers.providers.bundle import KINDS
from workers.providers.monsum_client import MonsumClient
from workers.providers.rate import HOUR, Rate
from workers.providers.smtp import SmtpMailer
from workers.registry import REGISTRY, Registry
from workers.settings import WorkerSettings, build
from workers.testing.flow import Flow

DOOR = {"BILLHOOK_DOOR_SHOP_USER": "monsum", "BILLHOOK_DOOR_SHOP_PASSWORD": "a-long-and-live-password"}
API = {"BILLHOOK_API_SHOP_USER": "owner@example.com", "BILLHOOK_API_SHOP_KEY": "an-api-key-of-some-length"}
SHOP = """
[source.shop]
kind = "monsum"
zone = "Europe/Berlin"
currencies = ["EUR"]
"""


SMTP = "[source.shop.smtp]\nhost = 'smtp.muster.de'\nsender = 'Muster GmbH <rechnung@muster.de>'\n"


def settings(tmp_path: Path, text: str, **environ: str) -> WorkerSettings:
    path = tmp_path / "billhook.toml"
    head = f'[billhook]\ndatabase = "sqlite:///{tmp_path}/billhook.db"\ndata_dir = "{tmp_path}"\nledger_head_dir = "{tmp_path}/head"\n'
    path.write_text(head + text)
    return WorkerSettings(path, {**DOOR, **API, **environ})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[source.shop.api]\nbase_uri = 'x'", "source.shop.api.base_uri"),
        ("[source.shop.api]\ncalls_per_minute = 0", "source.shop.api.calls_per_minute"),
        ("[source.shop.api]\ncalls_per_minute = 8\ncalls_per_hour = 500", "source.shop.api.*calls_per_minute or calls_per_hour"),
        ("[source.shop.api]\nsandbox = true\nbase_url = 'http://198.51.100.7/api.php'", "source.shop.api.base_url"),
        ("[source.shop.api]\nsandbox = true", "source.shop.api.base_url"),
        ("[source.shop.smtp]\nsender = 'a@muster.de'", "source.shop.smtp.host cannot be used: it must be set"),
        ("[source.shop.smtp]\nhost = 'mx'\nsender = 'muster'", 'source.shop.smtp.sender.*such as "rechnung@muster.de"'),
        (f"{SMTP}security = 'none'", 'source.shop.smtp.*this machine: write "starttls" or "tls"'),
        (f"{SMTP}prot = 25", "source.shop.smtp.prot cannot be used: there is no such setting, do you mean port"),
        ("[billhook.worker]\nthread = 4", "billhook.worker.thread cannot be used: there is no such setting, do you mean threads"),
    ],
)
def test_a_wrong_api_setting_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsInvalid, match=named):
        settings(tmp_path, SHOP + text)


def test_a_mail_server_is_used_with_its_login_and_the_login_is_never_shown(tmp_path: Path) -> None:
    chosen = settings(tmp_path, SHOP + SMTP, BILLHOOK_SMTP_SHOP_USER="shop", BILLHOOK_SMTP_SHOP_PASSWORD="a-mail-password")
    client = chosen.client(chosen.settings.source("shop"))

    assert isinstance(client, MonsumClient)
    assert isinstance(client.mailer, SmtpMailer)
    assert (client.mailer.port, client.mailer.security, client.mailer.login) == (587, "starttls", ("shop", "a-mail-password"))
    assert "a-mail-password" not in repr(client) + repr(client.mailer)


def test_half_a_mail_login_names_its_variables(tmp_path: Path) -> None:
    chosen = settings(tmp_path, SHOP + SMTP, BILLHOOK_SMTP_SHOP_USER="shop")

    with pytest.raises(SettingsInvalid, match="BILLHOOK_SMTP_SHOP_USER and BILLHOOK_SMTP_SHOP_PASSWORD only work together"):
        chosen.client(chosen.settings.source("shop"))


def test_a_policy_that_mails_needs_a_mail_server_for_every_source_it_may_act_on(tmp_path: Path) -> None:
    registry = load_folders()
    text = SHOP + "[policy.dunning]\ntransport = 'smtp'\n"

    with pytest.raises(
        SettingsInvalid, match=re.escape("policy.dunning cannot be used: it sends over your own mail server: write [source.shop.smtp]")
    ):
        settings(tmp_path, text).check_policies(registry)
    assert settings(tmp_path, text + SMTP).check_policies(registry) == ()


def test_a_missing_api_login_names_its_variables(tmp_path: Path) -> None:
    chosen = settings(tmp_path, SHOP, BILLHOOK_API_SHOP_KEY="")

    with pytest.raises(SettingsInvalid, match="BILLHOOK_API_SHOP_KEY"):
        chosen.client(chosen.settings.source("shop"))


@pytest.mark.parametrize(
    ("written", "rate"), [("calls_per_minute = 60", Rate(60)), ("calls_per_hour = 50", Rate(50, HOUR)), ("", KINDS["monsum"].rate)]
)
def test_a_client_is_made_for_the_kind_with_its_rate(tmp_path: Path, written: str, rate: Rate) -> None:
    chosen = settings(tmp_path, SHOP + f"[source.shop.api]\n{written}")

    client = chosen.client(chosen.settings.source("shop"))

    assert client is not None
    assert (client.kind, client.source, client.rate) == ("monsum", "shop", rate)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[policy.nobody]\nmode = 'auto'", "policy.nobody"),
        ("[policy.t-mail]\nmode = 'loud'", "policy.t-mail.mode"),
        ("[policy.t-mail]\nper_day = 'many'", "policy.t-mail.per_day"),
    ],
)
def test_a_policy_that_fits_no_workflow_is_named(tmp_path: Path, text: str, named: str) -> None:
    with Flow(mail) as flow, pytest.raises(SettingsInvalid, match=named):
        settings(tmp_path, SHOP + text).check_policies(flow.runtime.registry)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[policy.t-mail]\nper_dya = 5",
            "policy.t-mail.per_dya cannot be used: there is no such setting, do you mean per_day (known are mode, per_day)",
        ),
        ("[policy.t-post]\nhold = 5", "policy.t-post.hold cannot be used: there is no such setting; known are mode;"),
        ("[policy.t-mail]\nper_day = 'many'", "policy.t-mail.per_day cannot be used: a whole number is wanted, such as "),
        ("[policy.nobody]", "there is no such workflow; known are t-mail, t-post;"),
        ("[policy.t-mail]\nper_dya = 5\nmode = 'loud'\n[policy.nobody]", "3 settings cannot be used"),
    ],
)
def test_a_wrong_policy_names_what_is_known_and_the_file_in_use(tmp_path: Path, text: str, says: str) -> None:
    with Flow(mail, post) as flow, pytest.raises(SettingsInvalid) as caught:
        settings(tmp_path, SHOP + text).check_policies(flow.runtime.registry)

    assert says in str(caught.value)
    assert re.search(rf"correct (it|them) in {tmp_path}/billhook.toml", str(caught.value))


def test_a_wrong_api_setting_is_answered_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="known are base_url, calls_per_minute, calls_per_hour, sandbox"):
        settings(tmp_path, SHOP + "[source.shop.api]\nbase_uri = 'x'")


def test_a_policy_its_workflow_takes_is_accepted(tmp_path: Path) -> None:
    with Flow(mail) as flow:
        settings(tmp_path, SHOP + "[policy.t-mail]\nmode = 'auto'\nper_day = 5").check_policies(flow.runtime.registry)


def test_a_policy_is_let_pass_without_its_workflow_only_while_a_file_does_not_import(tmp_path: Path) -> None:
    chosen = settings(tmp_path, SHOP + "[policy.t-mail]\nper_day = 5\n[policy.lost]\nmode = 'auto'")
    with Flow(mail) as flow:
        registry = flow.runtime.registry
        with pytest.raises(SettingsInvalid, match=r"policy\.lost"):
            chosen.check_policies(registry)

        registry.broken["lost_file"] = "SyntaxError"

        assert chosen.check_policies(registry) == ("lost",)


@pytest.mark.parametrize(
    ("text", "named"), [("[policy.t-mail]\nper_day = 'many'", "per_day"), ("[policy.lost]\nmode = 'loud'", "lost.mode")]
)
def test_a_file_that_does_not_import_excuses_no_other_mistake(tmp_path: Path, text: str, named: str) -> None:
    with Flow(mail) as flow:
        flow.runtime.registry.broken["lost_file"] = "SyntaxError"

        with pytest.raises(SettingsInvalid, match=named):
            settings(tmp_path, text).check_policies(flow.runtime.registry)


def test_a_runtime_is_built_beside_a_file_that_does_not_import_and_names_file_and_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(REGISTRY, "broken", {})
    (tmp_path / "billhook_t_torn.py").write_text("def act(:")

    with capture_logs() as logged:
        runtime = build(settings(tmp_path, SHOP + "[policy.t-torn]\nmode = 'auto'", BILLHOOK_WORKFLOWS=str(tmp_path)))
    runtime.db.close()

    assert runtime.registry.get("auto-send") is not None
    assert [(line["log_level"], line["file"].endswith("/billhook_t_torn.py")) for line in logged if line.get("policy") == "t-torn"] == [
        ("error", True)
    ]


@pytest.mark.parametrize("text", ["policy = 1", "policy.auto-send = 'auto'"])
def test_a_policy_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "billhook.toml"
    path.write_text(text)

    with pytest.raises(SettingsInvalid, match=r"\[policy\.WORKFLOW\]"):
        WorkerSettings(path, {})


def test_a_runtime_is_built_of_it(tmp_path: Path) -> None:
    runtime = build(settings(tmp_path, SHOP))

    assert runtime.client("shop").kind == "monsum"
    assert str(runtime.zone_of("shop")) == "Europe/Berlin"
    assert runtime.first_mode("auto-send") == "observe"
    runtime.db.close()


def test_a_source_without_an_api_has_no_client() -> None:
    with Flow(mail) as flow:
        account = flow.runtime.accounts["shop"]
        flow.runtime.accounts = {"shop": type(account)(name="shop", kind="standard", zone=account.zone, interpret=account.interpret)}

        with pytest.raises(WorkflowInvalid, match="shop"):
            flow.runtime.client("shop")


def test_no_workflow_is_no_mistake(tmp_path: Path) -> None:
    settings(tmp_path, SHOP).check_policies(Registry())
