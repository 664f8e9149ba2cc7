"""Notices over one's own mail server: through the ledger like any call, each at most once."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.mailserver import Mailserver, mailserver
from workers import breaker
from workers.desk import Alert
from workers.providers.monsum_client import MonsumClient
from workers.providers.smtp import SmtpMailer

from .conftest import Office, Open

OWN = {"approve_first_notice": False, "transport": "smtp"}


@pytest.fixture
def server() -> Iterator[Mailserver]:
    with mailserver() as opened:
        yield opened


def wired(office: Office, server: Mailserver) -> None:
    """The office's mails go over a real line."""
    account = office.flow.runtime.accounts["shop"]
    assert isinstance(account.client, MonsumClient)
    mailer = SmtpMailer(source="shop", host="127.0.0.1", port=server.port, sender="rechnung@muster.de", security="none")
    office.flow.runtime.accounts["shop"] = replace(account, client=replace(account.client, mailer=mailer))


def begun(open_office: Open, server: Mailserver) -> tuple[Office, str]:
    office = open_office("2026-03-20 10:00", policy=OWN)
    wired(office, server)
    return office, office.invoice(email="ap@example.org")


def test_a_reminder_goes_over_the_mail_server_and_not_over_the_provider(open_office: Open, server: Mailserver) -> None:
    office, invoice = begun(open_office, server)

    office.until("2026-03-23")

    [(sender, recipient, content)] = server.taken
    assert (sender, recipient) == ("rechnung@muster.de", "ap@example.org")
    assert b"1.190,00" in content
    assert office.mails == []
    assert office.notices(invoice) == [("L0", "2026-03-23", "2026-03-30", "done")]


def test_a_server_that_is_away_in_the_morning_gets_the_reminder_later_that_day(open_office: Open, server: Mailserver) -> None:
    office, invoice = begun(open_office, server)
    server.answers["MAIL"] = "421 4.3.2 closing"
    office.until("2026-03-23")
    before = list(server.taken)

    del server.answers["MAIL"]
    office.flow.advance(minutes=45)

    assert (before, len(server.taken)) == ([], 1)
    assert office.notices(invoice)[0][:2] == ("L0", "2026-03-23")


def test_a_reminder_nobody_knows_about_is_parked_and_never_sent_again_by_itself(open_office: Open, server: Mailserver) -> None:
    office, invoice = begun(open_office, server)
    server.silent = True

    office.until("2026-04-10")

    assert len(server.taken) == 1
    assert office.notices(invoice) == []
    assert office.flow.told.count(("alert", "notice_unknown")) == 1


def test_a_person_who_looked_lets_the_ladder_go_on(open_office: Open, server: Mailserver) -> None:
    office, invoice = begun(open_office, server)
    server.silent = True
    office.until("2026-03-23")
    server.silent = False

    office.flow.order("resolve", office.flow.ids("unknown")[0], did=True)
    office.until("2026-04-07")

    assert [name for name, *_ in office.notices(invoice)] == ["L0", "L1"]
    assert len(server.taken) == 2


def test_an_address_the_server_refuses_rests_the_ladder_until_a_person_looks(open_office: Open, server: Mailserver) -> None:
    office, invoice = begun(open_office, server)
    server.answers["RCPT"] = "550 5.1.1 unknown"

    office.until("2026-04-10")

    assert (server.taken, office.ladder(invoice)) == ([], ("stopped", "rejected"))


def test_an_address_that_only_some_servers_take_is_a_task(open_office: Open, server: Mailserver) -> None:
    office = open_office("2026-03-20 10:00", policy=OWN)
    wired(office, server)
    invoice = office.invoice(email="jürgen@example.org")

    office.until("2026-03-24")

    assert (server.taken, office.ladder(invoice)[1]) == ([], "invalid_email")


def test_a_refused_login_is_told_of_once_with_what_to_do_and_the_reminder_leaves_when_it_is_right(
    open_office: Open, server: Mailserver
) -> None:
    office, invoice = begun(open_office, server)
    account = office.flow.runtime.accounts["shop"]
    assert isinstance(account.client, MonsumClient)
    mailer = replace(account.client.mailer, login=("shop", "geheim"))  # type: ignore[type-var]
    office.flow.runtime.accounts["shop"] = replace(account, client=replace(account.client, mailer=mailer))
    server.answers["AUTH"] = "535 5.7.8 no"
    office.until("2026-03-23")
    office.flow.advance(minutes=5)
    (told,) = office.rows(Alert)
    with office.flow.db.read() as connection:
        held = breaker.is_open(connection, "shop")

    del server.answers["AUTH"]
    office.flow.advance(minutes=45)
    (over,) = office.rows(Alert)

    assert (told["subject"], told["reason"], held) == ("shop", "mail_server_refuses", False)
    assert (told["closed_at"], over["closed_at"] is None) == (None, False)
    assert "BILLHOOK_SMTP_SHOP_PASSWORD" in told["detail"]["why"]
    assert [name for name, *_ in office.notices(invoice)] == ["L0"]
