"""/healthz and /metrics of the console."""

from collections.abc import Callable

from tests.workers.console.conftest import House

TOKEN = "metrics-0123456789abcdef"


def test_health_is_told_to_everybody_and_tells_nothing_else(people: House) -> None:
    answer = people.browser("10.0.0.9").get("/healthz")

    assert answer.json() == {"status": "ok"} and "set-cookie" not in answer.headers


def test_metrics_are_this_machines(people: House) -> None:
    assert "billhook_console_log_ins" in people.browser("127.0.0.1").get("/metrics").text
    assert people.browser("10.0.0.9").get("/metrics").status_code == 401


def test_metrics_are_not_a_proxys(people: House) -> None:
    browser = people.browser("127.0.0.1")

    for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-User"):
        assert browser.get("/metrics", **{header: "10.0.0.9"}).status_code == 401, header


def test_metrics_have_a_token_of_their_own(house: Callable[..., House]) -> None:
    made = house(login="accounts", metrics_token=TOKEN)
    browser = made.browser("10.0.0.9")

    assert browser.get("/metrics", Authorization=f"Bearer {TOKEN}").status_code == 200
    assert browser.get("/metrics", Authorization=f"Bearer {made.new_token('approver')}").status_code == 401
    assert browser.get("/runs", Authorization=f"Bearer {TOKEN}").status_code == 401
