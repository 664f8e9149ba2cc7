"""Connecting, step by step: what is missing is made or asked for, the login is tried, and the first delivery is waited for."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from receiver import inbox
from receiver.settings import DoorSecrets, SourceSettings
from workers import connecting
from workers.connecting import DONE, TODO, WAITS, WRONG, Watch
from workers.providers.guides import GUIDES
from workers.testing.flow import START, Flow

SHOP = SourceSettings(name="my-shop", kind="monsum")
PAY = SourceSettings(name="pay", kind="qvickly")
DOOR = "BILLHOOK_DOOR_MY_SHOP_PATH"


def nobody(name: str, what: str, hidden: bool) -> str | None:
    return None


def test_a_secret_for_the_url_is_made_once_and_never_said(tmp_path: Path) -> None:
    step, fresh = connecting.secrets(SHOP, GUIDES["monsum"], tmp_path, {}, nobody)
    again, second = connecting.secrets(SHOP, GUIDES["monsum"], tmp_path, {}, nobody)

    assert fresh and (tmp_path / DOOR).read_text() == fresh and second is None
    assert (tmp_path / DOOR).stat().st_mode & 0o777 == 0o600
    assert fresh not in repr((step, again))
    assert step.state == TODO and "BILLHOOK_API_MY_SHOP_KEY" in step.says and DOOR not in step.says


def test_a_door_that_has_a_login_gets_no_secret_in_its_url(tmp_path: Path) -> None:
    environ = {"BILLHOOK_DOOR_MY_SHOP_USER": "door", "BILLHOOK_DOOR_MY_SHOP_PASSWORD": "live-password-00001"}

    _, fresh = connecting.secrets(SHOP, GUIDES["monsum"], tmp_path, environ, nobody)

    assert fresh is None and list(tmp_path.iterdir()) == []


def test_what_a_person_types_is_kept_and_hidden_where_it_is_a_secret(tmp_path: Path) -> None:
    asked: list[tuple[str, bool]] = []

    def ask(name: str, what: str, hidden: bool) -> str | None:
        asked.append((name, hidden))
        return f"typed-{name} "

    step, _ = connecting.secrets(SHOP, GUIDES["monsum"], tmp_path, {}, ask)

    assert asked == [("BILLHOOK_API_MY_SHOP_USER", False), ("BILLHOOK_API_MY_SHOP_KEY", True)]
    assert (tmp_path / "BILLHOOK_API_MY_SHOP_KEY").read_text() == "typed-BILLHOOK_API_MY_SHOP_KEY"
    assert step.state == DONE and "typed-" not in repr(step)


def test_what_only_the_provider_can_give_is_named(tmp_path: Path) -> None:
    step, _ = connecting.secrets(PAY, GUIDES["qvickly"], tmp_path, {"BILLHOOK_API_PAY_USER": "1", "BILLHOOK_API_PAY_KEY": "2"}, nobody)

    assert step.state == TODO and "BILLHOOK_DOOR_PAY_SIGNING" in step.says


def test_without_a_folder_nothing_is_made(tmp_path: Path) -> None:
    step, fresh = connecting.secrets(SHOP, GUIDES["monsum"], None, {}, lambda name, what, hidden: "typed")

    assert (step.state, fresh) == (TODO, None) and DOOR in step.says and "environment" in step.todo


def test_what_to_enter_hides_the_secret_unless_it_is_asked_for() -> None:
    door = DoorSecrets(paths=("s3cret-of-the-door",))

    hidden = connecting.entered(SHOP, GUIDES["monsum"], door, "https://b.example")
    shown = connecting.entered(SHOP, GUIDES["monsum"], door, "https://b.example", secret=door.paths[0])

    assert any("https://b.example/webhooks/my-shop/<secret>" in line for line in hidden) and DOOR in hidden[-1]
    assert "s3cret" not in str(hidden) and any("/my-shop/s3cret-of-the-door" in line for line in shown)


def test_a_basic_login_stands_beside_the_url() -> None:
    lines = connecting.entered(SHOP, GUIDES["monsum"], DoorSecrets(user="door", passwords=("live-password-00001",)), "https://b.example")

    assert "the user door and the password in BILLHOOK_DOOR_MY_SHOP_PASSWORD" in str(lines) and "live-password" not in str(lines)


def test_the_login_is_tried() -> None:
    with Flow() as flow:
        right = connecting.login(flow.runtime, "shop", GUIDES["monsum"])
        flow.sandbox.faults.add("login")
        wrong = connecting.login(flow.runtime, "shop", GUIDES["monsum"])
        flow.sandbox.faults.add("unavailable")
        away = connecting.login(flow.runtime, "shop", GUIDES["monsum"])

    assert (right.state, wrong.state, away.state) == (DONE, WRONG, WRONG)
    assert "BILLHOOK_API_SHOP_KEY" in wrong.says
    assert (wrong.refused, away.refused) == (True, False)


def test_a_rate_that_is_used_up_is_no_wrong_login() -> None:
    with Flow(calls_per_minute=6) as flow:
        states = {connecting.login(flow.runtime, "shop", GUIDES["monsum"]).state for _ in range(5)}

    assert WAITS in states and WRONG not in states


def test_the_baseline_is_read_and_gone_on_with() -> None:
    with Flow(connect=False) as flow:
        flow.sandbox.trigger("customer.created")
        flow.sandbox.faults.add("unavailable", "invoice.get")

        broken = connecting.history(flow.runtime, "shop")
        whole = connecting.history(flow.runtime, "shop")

    assert (broken.state, whole.state) == (WRONG, DONE)
    assert "2026" in whole.says


def refusal(cause: str, source: str = "shop", detail: str = "", at: datetime = START) -> inbox.RefusedRequest:
    return inbox.RefusedRequest(source=source, at=at, status=401, cause=cause, detail=detail, body=b"", body_size=0)


class Time:
    """A clock that a pause moves; `then` happens at the second pause."""

    def __init__(self, then: Any = None) -> None:
        self.now, self.pauses, self._then = 0.0, 0, then

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now, self.pauses = self.now + seconds, self.pauses + 1
        if self.pauses == 2 and self._then:
            self._then()


def watch(flow: Flow, time: Time, told: list[str]) -> Watch:
    since = flow.clock.now - timedelta(hours=1)
    return Watch(runtime=flow.runtime, source="shop", since=since, told=told.append, pause=time.pause, clock=time.clock)


def test_the_first_delivery_ends_the_wait() -> None:
    with Flow() as flow:
        time = Time(then=lambda: flow.trigger("customer.created"))

        step = watch(flow, time, []).until_delivered(60)

    assert step.state == DONE and time.pauses == 2


def test_what_a_person_or_the_clock_put_in_is_no_delivery() -> None:
    with Flow() as flow:
        flow.order("close", "99")

        assert watch(flow, Time(), []).until_delivered(0).state == WAITS


def test_the_wait_has_an_end_and_says_what_was_refused_and_why() -> None:
    with Flow() as flow:
        rows = [refusal("credentials"), refusal("credentials"), refusal("source_unknown", source="-"), refusal("payload", source="pay")]
        old = refusal("signature", at=flow.clock.now - timedelta(days=1))
        told: list[str] = []
        time = Time(then=lambda: flow.db.write(lambda c: inbox.keep_refusals(c, [old, *rows])))

        step = watch(flow, time, told).until_delivered(5)

    assert step.state == WRONG and time.now >= 5
    assert [line.split(":")[0] for line in told] == ["refused with 401, credentials", "refused with 401, source_unknown"]
    assert "enter them once more" in told[0] and told[0] in step.says


def test_nothing_refused_and_nothing_come_is_left_to_do() -> None:
    with Flow() as flow:
        assert watch(flow, Time(), []).until_delivered(2).state == TODO


def test_a_cause_without_advice_shows_what_the_door_said() -> None:
    with Flow() as flow:
        flow.db.write(lambda c: inbox.keep_refusals(c, [refusal("odd", detail="one {strange} body")]))
        with flow.db.read() as connection:
            (line,) = connecting.turned_away(connection, "shop", datetime(2020, 1, 1, tzinfo=UTC))

    assert "one {strange} body" in line
