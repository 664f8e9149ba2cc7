"""The logs: nothing secret gets through, whatever is said."""

import json
import logging

import pytest

from receiver.log import configure, get_logger, masked

CANARIES = [
    "m.muster@example.com", "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "Basic aG9va3M6a0U0LXJ1Vzg=", "kE4ruW8mzQ2pLx9kE4ruW8mzQ2pLx9kE4",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _own_logging() -> object:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], root.level = before[0], before[1]


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("format", ["json", "console"])
def test_a_canary_never_appears(canary: str, format: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug", format)
    log = get_logger("test")

    log.warning("a sentence", reason=f"said {canary} here", body=canary, who=canary, items=[canary])
    logging.getLogger("library").warning("it failed for %s", canary)
    try:
        raise ValueError(canary)
    except ValueError:
        log.error("it broke", exc_info=True)

    shown = capsys.readouterr().err
    assert canary not in shown
    assert "a sentence" in shown and "it failed for" in shown and "ValueError" in shown


def test_ids_and_numbers_are_shown_and_text_under_a_name_nobody_listed_is_withheld(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")

    get_logger("test").info("a delivery was kept", delivery=7, source="shop", invoice_id="4711", organization="Muster GmbH", anything=12)
    get_logger("test").debug("not at this level")

    [line] = capsys.readouterr().err.splitlines()
    shown = json.loads(line)
    assert (shown["delivery"], shown["source"], shown["invoice_id"], shown["anything"]) == (7, "shop", "4711", 12)
    assert shown["organization"] == "<withheld>"


def test_capability_links_path_secrets_and_urls_lose_what_opens() -> None:
    assert masked("POST /webhooks/shop/v7Tq2nXb81") == "POST /webhooks/shop/<secret>"
    assert masked("https://automatic.fastbill.com/accountdata/964d/1af7") == "https://automatic.fastbill.com/accountdata/<secret>"
    assert masked("postgresql://me:hunter2@db/x") == "postgresql://<credentials>@db/x"
