"""The console's door: whose host names, whose forms, and what a browser is told to run."""

import ast
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from receiver.db import Database
from tests.workers.console.conftest import Browser, House
from workers.console.site import HERE
from workers.console.web import access
from workers.console.web.access import require_act
from workers.console.web.app import console
from workers.loading import load_folders
from workers.settings import WorkerSettings


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1"])
def test_a_foreign_name_that_points_here_is_refused(browser: Browser, host: str) -> None:
    answer = browser.get("/runs", host=host)

    assert answer.status_code == 421
    assert "auto-send" not in answer.text


def test_more_pages_than_the_database_has_readers_for_are_asked_to_come_again(
    place: Path, sqlite_url: str, store: Database, portal: BlockingPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Database(sqlite_url, read_pool=1)
    monkeypatch.setattr(small._reader.pool, "_timeout", 0.01)
    browser = Browser(console(WorkerSettings(place / "billhook.toml", {}), small, load_folders(())), portal)
    assert browser.get("/runs").status_code == 200

    with small.read(), small.read():
        answer = browser.get("/runs")

    assert answer.status_code == 503 and "try again in a moment" in answer.text
    small.close()


@pytest.mark.parametrize("host", ["127.0.0.1:8081", "localhost", "[::1]:9"])
def test_this_machines_own_names_are_served(browser: Browser, host: str) -> None:
    assert browser.get("/runs", host=host).status_code == 200


def test_every_answer_lets_a_browser_run_nothing_but_ours(browser: Browser) -> None:
    for path in ("/runs", "/nonsense", "/static/console.js"):
        policy = browser.get(path).headers["content-security-policy"]

        assert "default-src 'none'" in policy and "script-src 'self'" in policy
        assert "unsafe" not in policy


def test_no_page_holds_script_or_style_of_its_own(browser: Browser) -> None:
    page = browser.get("/runs").text

    assert " style=" not in page and "onclick" not in page and "<style" not in page
    assert "<script src=" in page and "<script>" not in page


def test_a_host_that_stands_there_twice_is_refused(browser: Browser) -> None:
    twice = [("host", "127.0.0.1"), ("host", "evil.example")]

    assert browser.request("GET", "/runs", headers=twice).status_code == 421


def test_other_methods_are_refused(browser: Browser) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"):
        answer = browser.request(method, "/runs")
        assert (answer.status_code, answer.text) == (405, "The console takes GET and POST."), method


def test_a_read_is_never_made_an_act_by_what_it_says(people: House) -> None:
    browser = people.inside()

    for said in ({"headers": {"X-HTTP-Method-Override": "POST"}}, {"params": {"_method": "POST"}}):
        assert browser.request("GET", "/logout", **said).status_code in (404, 405)
    assert browser.get("/runs").status_code == 200


FOREIGN = (
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:9"}, {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://127.0.0.1:8081.evil.example"}, {"Origin": "http://["}, {"Origin": ""},
)  # fmt: skip


def test_an_act_from_another_sites_page_is_refused_with_the_right_secret_too(people: House) -> None:
    browser = people.inside()
    form = {"csrf": browser.token()}

    assert [browser.request("POST", "/logout", data=form, headers=headers).status_code for headers in FOREIGN] == [403] * len(FOREIGN)
    ours = {"Origin": browser.at, "Sec-Fetch-Site": "same-origin"}
    assert browser.request("POST", "/logout", data=form, headers=ours).status_code == 303


def test_an_act_without_its_secret_is_refused(people: House) -> None:
    browser = people.inside()

    for secret in ("", "x", "\xe9", "0" * 64):
        assert browser.request("POST", "/logout", data={"csrf": secret}).status_code == 403
    assert browser.request("POST", "/logout").status_code == 403


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=a"])
def test_what_calls_itself_a_form_and_is_none_is_refused(people: House, path: str, kind: str) -> None:
    assert people.inside().request("POST", path, content=b"none", headers={"Content-Type": kind}).status_code == 403


def test_the_secret_of_another_session_is_refused(people: House) -> None:
    anna, ben = people.inside("anna"), people.inside("ben")

    for whose in (ben.token(), people.inside("anna").token()):
        assert anna.request("POST", "/logout", data={"csrf": whose}).status_code == 403
    assert anna.request("POST", "/logout", headers={"X-CSRF-Token": anna.token()}).status_code == 303


def test_secrets_are_compared_in_constant_time_or_looked_up_by_their_hash() -> None:
    trees = [ast.parse(path.read_text()) for path in HERE.rglob("*.py")]
    equal = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq)]
    parts = [side for node in equal for side in (node.left, *node.comparators)]
    names = {side.attr if isinstance(side, ast.Attribute) else getattr(side, "id", "") for side in parts}

    assert names and not names & {"csrf", "token", "given", "secret", "cookie"}
    assert inspect.getsource(access).count("hmac.compare_digest(") == 1


def test_a_viewer_who_posts_is_told_which_role_it_takes(people: House) -> None:
    answer = people.inside("vera").post("/a-page/that-asks-nobody")

    assert answer.status_code == 403
    assert "you are viewer" in answer.text and "That takes another role" in answer.text


def test_a_page_asks_for_the_role_it_takes(people: House) -> None:
    def page(request: Request) -> Response:
        return PlainTextResponse(require_act(request, request.path_params["act"]).name)

    people.app.router.routes.insert(0, Route("/act/{act}", page, methods=["POST"]))

    def posted(name: str, act: str) -> tuple[int, str]:
        answer = people.inside(name).post(f"/act/{act}")
        return answer.status_code, answer.text

    assert posted("ben", "retry") == (200, "console:ben") and posted("anna", "approve") == (200, "console:anna")
    status, said = posted("ben", "approve")
    assert status == 403 and "This takes the role approver, and you are operator" in said
    assert posted("vera", "retry")[0] == 403


def test_cookies_are_kept_from_scripts_and_other_sites(people: House) -> None:
    set_cookie = people.browser().log_in().headers["set-cookie"]

    assert "httponly" in set_cookie.lower() and "samesite=strict" in set_cookie.lower() and "path=/" in set_cookie.lower()
    assert "max-age" not in set_cookie.lower() and "domain" not in set_cookie.lower()


def test_over_https_the_cookie_is_bound_to_this_host(house: Callable[..., House]) -> None:
    made = house(login="accounts", https=True, names=["billhook.example.org"])
    browser = made.browser(at="https://billhook.example.org")

    set_cookie = browser.log_in().headers["set-cookie"]

    assert set_cookie.startswith("__Host-billhook=") and "secure" in set_cookie.lower() and "path=/" in set_cookie.lower()
    assert "anna approver" in browser.text("/runs")
    plain = {"Origin": "http://billhook.example.org"}
    assert browser.request("POST", "/logout", data={"csrf": browser.token()}, headers=plain).status_code == 403


def test_a_part_of_a_page_that_is_asked_for_too_late_leads_the_browser_to_the_log_in(people: House) -> None:
    answer = people.browser().get("/runs", HX_Request="true")

    assert answer.status_code == 401 and answer.headers["hx-redirect"] == "/login"
    assert people.browser().get("/live", Accept="text/event-stream").status_code == 401
    assert people.browser().get("/runs", Accept="application/json").json()["type"] == "Forbidden"


TRAVERSALS = ("../settings.py", "%2e%2e/settings.py", "..%2fsettings.py", "..%5csettings.py", "/etc/passwd", "%2fetc/passwd", "", "vendor")


def test_nothing_but_the_consoles_own_files_is_static(people: House) -> None:
    browser = people.browser()

    for path in TRAVERSALS:
        answer = browser.get(f"/static/{path}")
        assert answer.status_code in (303, 404), path
        assert "ConsoleSettings" not in answer.text and "root:" not in answer.text


def test_a_link_from_elsewhere_puts_no_words_into_our_mouth(people: House) -> None:
    browser = people.inside()

    assert "Call 0900" not in browser.get("/runs?said=Call+0900", Sec_Fetch_Site="cross-site").text
    assert "Call 0900" not in browser.get("/runs?said=Call+0900", Sec_Fetch_Site="none").text
    assert "Retried." in browser.get("/runs?said=Retried.", Sec_Fetch_Site="same-origin").text


def test_a_database_that_is_away_is_said_so(people: House) -> None:
    browser = people.inside()
    people.store.close()
    assert people.store.path is not None
    people.store.path.rename(people.store.path.with_suffix(".gone"))

    assert browser.get("/runs").status_code == 503
