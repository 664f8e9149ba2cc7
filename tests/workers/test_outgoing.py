"""What is sent, in plain words: whole for programs, short for people, and never in the log."""

import pytest

from receiver.db import Database
from tests.workers.letters import mail, post
from workers.outgoing import in_words, outgoing
from workers.story import Line, story
from workers.testing.flow import Flow
from workers.views import VIEWS


def told(flow: Flow, what: str) -> list[Line]:
    with flow.db.read() as connection:
        run_id = VIEWS["runs"].rows(connection, {}, 1)[0]["id"]
        return [line for line in story(connection, run_id) if line.what == what]


def sends(flow: Flow) -> list[dict[str, object]]:
    with flow.db.read() as connection:
        run = VIEWS["runs"].one(connection, VIEWS["runs"].rows(connection, {}, 1)[0]["id"])
    assert run is not None
    return list(run["sends"])


def test_what_lets_somebody_in_is_not_told(sqlite_database: Database) -> None:
    with sqlite_database.read() as connection:
        gist = outgoing(
            connection, "shop", "customer.update", {"email": "max@example.com", "hash": "c0ffee", "login": {"password": "sesame"}}
        )

    assert gist == {"email": "max@example.com"} and "c0ffee" not in in_words(gist)


@pytest.mark.parametrize("mode", ["observe", "auto"])
def test_a_mail_tells_its_recipient_subject_channel_and_instant(mode: str, capfd: pytest.CaptureFixture[str]) -> None:
    with Flow(mail, mode=mode) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)

        (line,) = [line for line in told(flow, "step" if mode == "observe" else "effect") if "max@example.com" in line.text]
        (sent,) = sends(flow)
        assert "by e-mail to max@example.com, subject “Ihre Rechnung”" in line.text
        assert line.detail["request"]["message"] == "Anbei."
        assert (sent["channel"], sent["recipient"], sent["subject"]) == ("e-mail", "max@example.com", "Ihre Rechnung")
        assert sent["at"] == line.at
        assert sent["state"] == {"observe": "observed", "auto": "done"}[mode]
    assert "max@example.com" not in "".join(capfd.readouterr())


def test_a_letter_goes_to_the_address_on_the_invoice() -> None:
    with Flow(post, mode="observe") as flow:
        flow.trigger("invoice.completed", city="Bremen")
        flow.advance(minutes=6)

        (sent,) = sends(flow)

        assert sent["channel"] == "post" and "Bremen" in str(sent["recipient"])
        assert "by post to " in told(flow, "step")[-1].text


def test_a_long_text_is_short_in_a_line_and_whole_beside_it() -> None:
    with Flow(mail) as flow, flow.db.read() as connection:
        gist = outgoing(connection, "shop", "customer.update", {"customer_id": "7", "fields": {"comment": "so long\n" * 40}, "flag": False})

    assert gist == {"fields.comment": "so long\n" * 40}
    assert len(in_words(gist)) < 90 and in_words(gist).endswith("…”") and "\n" not in in_words(gist)


def test_a_letter_for_an_invoice_nobody_knows_still_says_where_it_goes() -> None:
    with Flow(mail) as flow, flow.db.read() as connection:
        assert outgoing(connection, "shop", "invoice.sendbypost", {"invoice_id": "0"})["recipient"] == "the address on the invoice"
