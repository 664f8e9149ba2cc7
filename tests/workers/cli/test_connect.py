"""`billhook connect`: each step said, nothing asked where nobody types, no secret where nobody watches, repeated as often as one likes."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from receiver import inbox
from receiver.db import Database
from tests.workers.cli.conftest import SECRETS, Billhook
from tests.workers.sandbox.test_app import Served

PATH = SECRETS["BILLHOOK_DOOR_SHOP_PATH"]


def steps(said: Any) -> dict[str, str]:
    """The state of each step; what this process logs stands before the JSON."""
    return {step["step"]: step["state"] for step in json.loads(said.out.splitlines()[-1])["steps"]}


def pushed(store: Database) -> None:
    arrival = inbox.Arrival(
        source="shop", origin="push", native_type="customer.created", native_id="1", body=b"{}", received_at=datetime.now(UTC)
    )
    store.write(lambda c: inbox.append(c, arrival))


def test_everything_that_can_be_done_without_asking_is_done(billhook: Billhook, store: Database, provider: Served) -> None:
    provider.sandbox.trigger("customer.created")

    said = billhook("connect", "shop", "--json")

    assert said.code == 0
    assert steps(said) == {"secrets": "done", "receiver": "waits", "login": "done", "baseline": "done", "delivery": "waits"}
    whole = json.loads(said.out.splitlines()[-1])
    assert whole["baseline_at"] and "/webhooks/shop/<secret>" in str(whole["enter"])
    assert PATH not in said.out + said.err


def test_it_may_be_repeated_and_sees_what_came_meanwhile(billhook: Billhook, store: Database, provider: Served) -> None:
    billhook("connect", "shop")
    pushed(store)

    said = billhook("connect", "shop", "--json", "--wait", "30")

    assert (said.code, steps(said)["delivery"]) == (0, "done")


def test_what_is_missing_is_named_and_nobody_is_asked(billhook: Billhook, store: Database, place: Path) -> None:
    for path in (place / "secrets").iterdir():
        path.unlink()

    said = billhook("connect", "shop", "--address", "https://b.example/")

    assert said.code == 1 and "BILLHOOK_API_SHOP_KEY" in said.out and "https://b.example/webhooks/shop/<secret>" in said.out
    made = (place / "secrets" / "BILLHOOK_DOOR_SHOP_PATH").read_text()
    assert len(made) == 48 and made not in said.out + said.err


def test_a_wrong_login_ends_it_before_the_baseline(billhook: Billhook, store: Database, provider: Served, place: Path) -> None:
    (place / "secrets" / "BILLHOOK_API_SHOP_KEY").write_text("another-key")

    said = billhook("connect", "shop", "--json")

    assert said.code == 1 and steps(said)["login"] == "wrong" and "baseline" not in steps(said)


def test_a_wait_in_vain_says_what_was_refused(billhook: Billhook, store: Database, provider: Served) -> None:
    row = inbox.RefusedRequest(source="shop", at=datetime.now(UTC), status=401, cause="credentials", body=b"", body_size=0)
    store.write(lambda c: inbox.keep_refusals(c, [row]))

    said = billhook("connect", "shop", "--wait", "0.01")

    assert said.code == 1 and "refused with 401, credentials" in said.err and "enter them once more" in said.out


def test_a_terminal_is_shown_the_url_once_and_asked_for_what_is_missing(
    billhook: Billhook, store: Database, provider: Served, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "secrets" / "BILLHOOK_DOOR_SHOP_PATH").unlink()
    for stream in (sys.stdout, sys.stdin):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)

    first = billhook("connect", "shop", "--wait", "0")
    second = billhook("connect", "shop", "--wait", "0")
    asked_for = billhook("connect", "shop", "--wait", "0", "--show-secret")

    made = (place / "secrets" / "BILLHOOK_DOOR_SHOP_PATH").read_text()
    assert [made in said.out for said in (first, second, asked_for)] == [True, False, True]
    assert all(made not in said.err for said in (first, second, asked_for))


def test_a_source_nobody_configured_is_named(billhook: Billhook, store: Database) -> None:
    assert billhook("connect", "nobody").code == 2


def test_a_source_without_an_api_waits_for_its_first_delivery_only(billhook: Billhook, store: Database, place: Path) -> None:
    toml = place / "billhook.toml"
    toml.write_text(toml.read_text() + '\n[source.other]\nkind = "standard"\n')
    (place / "secrets" / "BILLHOOK_DOOR_OTHER_SIGNING").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    said = billhook("connect", "other", "--json")

    assert said.code == 0 and set(steps(said)) == {"secrets", "receiver", "delivery"}
    assert "have the sender send a test" in said.out
