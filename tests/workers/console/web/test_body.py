"""How much a request may bring."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.workers.console.conftest import Browser
from workers.console.web import body
from workers.console.web.body import BODY_MAX, Body


def test_a_body_over_the_limit_is_refused_before_anything_looks_at_it(browser: Browser) -> None:
    answer = browser.request("POST", "/logout", content=b"x" * (BODY_MAX + 1))

    assert answer.status_code == 413 and "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_body_that_says_no_length_is_counted(browser: Browser) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b"x" * 1_000

    assert browser.request("POST", "/logout", content=pieces()).status_code == 413


@pytest.mark.parametrize("charset", ["unicode_escape", "punycode", '"UTF-16"', "utf-8; charset=punycode"])
def test_a_form_in_another_charset_is_not_taken(browser: Browser, charset: str) -> None:
    kinds = {"content-type": f"multipart/form-data; boundary=b; charset={charset}"}

    assert browser.request("POST", "/hold/freeze", content=b"--b--\r\n", headers=kinds).status_code == 415


def test_a_body_within_the_limit_arrives_whole(browser: Browser) -> None:
    answer = browser.post("/nonsense/1/2", filled="x" * 60_000)

    assert answer.status_code == 404


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_S", 0.01)
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("nothing may look at it")

    async def silent() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Body(app)({"type": "http", "method": "POST", "headers": []}, silent, send))

    assert sent[0]["status"] == 408
