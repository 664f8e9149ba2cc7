"""One message over a real SMTP connection: taken, refused, tried again, or nobody knows."""

import ssl
import subprocess
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from receiver.errors import OutcomeUnknown, Rejected, Retryable
from tests.mailserver import Mailserver, mailserver
from workers.providers import mail
from workers.providers.mail import Mail
from workers.providers.service import AtMostOnce, NotLetIn
from workers.providers.smtp import Security, SmtpMailer

TEXT = "Sehr geehrte Frau Muster,\n.\n.das ist fällig: 1.190,00 €\n"


@pytest.fixture
def server() -> Iterator[Mailserver]:
    with mailserver() as opened:
        yield opened


def mailer(server: Mailserver, **said: Any) -> SmtpMailer:
    settings = {"source": "shop", "security": "none", "sender": "Muster GmbH <rechnung@muster.de>", **said}
    return SmtpMailer(host="127.0.0.1", port=server.port, **settings)


def letter(**said: str) -> Mail:
    told = {"recipient": "ap@example.org", "subject": "1. Mahnung: Rechnung A", "message": TEXT} | said
    built = mail.send.build(SimpleNamespace(source="shop", id="A"), **told)
    assert isinstance(built, Mail)
    return built


def test_a_message_arrives_as_it_was_written(server: Mailserver) -> None:
    accepted = mailer(server).send(letter())

    [(sender, recipient, content)] = server.taken
    message = message_from_bytes(content.replace(b"\r\n..", b"\r\n."), policy=policy.default)
    assert (accepted.code, sender, recipient) == (250, "rechnung@muster.de", "ap@example.org")
    assert (message["From"], message["To"], message["Subject"]) == (
        "Muster GmbH <rechnung@muster.de>", "ap@example.org", "1. Mahnung: Rechnung A"
    )  # fmt: skip
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == TEXT  # type: ignore[attr-defined]


def test_the_same_message_has_the_same_name_whenever_it_is_made_and_another_one_another() -> None:
    names = [letter().name, letter().name, letter(subject="2. Mahnung").name, letter(recipient="b@example.org").name]

    assert (names[0] == names[1], len(set(names))) == (True, 3)


def test_its_name_is_its_message_id(server: Mailserver) -> None:
    mailer(server).send(letter())

    assert f"Message-ID: <{letter().name}@muster.de>".encode() in server.taken[0][2]


def test_a_login_goes_along_where_there_is_one(server: Mailserver) -> None:
    mailer(server, login=("shop", "geheim")).send(letter())

    assert server.logins == [("shop", "geheim")]


def test_what_is_just_before_the_text_can_still_stop_it(server: Mailserver) -> None:
    def too_late() -> None:
        raise Retryable("too late")

    with pytest.raises(Retryable):
        mailer(server).send(letter(), before_write=too_late)

    assert server.taken == []


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "TEXT"])
def test_a_lasting_no_is_an_end_and_quotes_no_address(server: Mailserver, verb: str) -> None:
    server.answers[verb] = "550 5.1.1 ap@example.org does not live here"

    with pytest.raises(Rejected) as refused:
        mailer(server).send(letter())

    assert "550" in refused.value.reasons[0]
    assert "example.org" not in repr(refused.value.reasons) + str(refused.value)
    assert server.taken == []


STEPS = ("MAIL", "RCPT", "DATA", "AUTH")


@pytest.mark.parametrize(
    ("verb", "answer"), [*((one, None) for one in STEPS), *((one, "451 4.7.1 greylisted") for one in (*STEPS, "TEXT"))]
)
def test_a_no_for_now_or_a_lost_line_before_the_text_proves_that_nothing_was_sent(
    server: Mailserver, verb: str, answer: str | None
) -> None:
    server.answers[verb] = answer

    with pytest.raises(OSError):
        mailer(server, login=("shop", "geheim")).send(letter())

    assert server.taken == []


def test_a_server_that_is_away_proves_it_too() -> None:
    with mailserver() as gone:
        pass

    with pytest.raises(OSError):
        mailer(gone).send(letter())


def test_after_the_text_without_an_answer_nobody_knows(server: Mailserver) -> None:
    server.silent = True

    with pytest.raises(OutcomeUnknown):
        mailer(server).send(letter())

    assert len(server.taken) == 1


def test_an_answer_to_the_text_that_is_no_smtp_proves_nothing(server: Mailserver) -> None:
    server.answers["TEXT"] = "out of order"

    with pytest.raises(OutcomeUnknown):
        mailer(server).send(letter())


def test_a_server_without_starttls_gets_neither_login_nor_text(server: Mailserver) -> None:
    with pytest.raises(NotLetIn, match="no STARTTLS"):
        mailer(server, security="starttls", login=("shop", "geheim")).send(letter())

    assert (server.logins, server.taken) == ([], [])


def test_the_servers_certificate_is_checked(server: Mailserver) -> None:
    context = mailer(server).tls

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("address", ["", "ap", "a@b@example.org", "ap@example.org\r\nBCC: x@example.org", "ap@example.org, b@example.org"])
def test_what_is_no_single_address_is_refused_before_anything_is_planned(address: str) -> None:
    with pytest.raises(ValueError) as refused:
        letter(recipient=address)

    assert "such as ap@example.org" in str(refused.value)


def test_a_subject_over_several_lines_is_refused() -> None:
    with pytest.raises(ValueError):
        letter(subject="Mahnung\r\nBcc: x@example.org")


def test_a_mail_can_neither_be_read_back_nor_repeated() -> None:
    assert isinstance(mail.send.effect_class, AtMostOnce)


def test_an_address_with_letters_of_its_own_is_written_in_ascii(server: Mailserver) -> None:
    mailer(server).send(letter(recipient="ap@müller.de"))

    assert server.taken[0][1] == "ap@xn--mller-kva.de"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of "localhost" with its key, in one file."""
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *named]
    subprocess.run([*made, "-keyout", str(file), "-out", str(file) + ".crt"], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(str(file) + ".crt").read_text())
    return file


def secured(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


WAYS: tuple[Security, ...] = ("starttls", "tls")


def inside(server: Mailserver, certificate: Path | None, security: Security, host: str = "localhost") -> SmtpMailer:
    """A mailer with a login that trusts this certificate only; None: those this machine trusts."""
    tls = ssl.create_default_context(cafile=str(certificate) if certificate else None)
    return SmtpMailer(
        source="my-shop", host=host, port=server.port, sender="rechnung@muster.de", security=security, login=("shop", "geheim"), tls=tls
    )  # fmt: skip


@pytest.mark.parametrize("security", WAYS)
def test_login_and_text_go_through_tls_to_a_server_that_proves_who_it_is(certificate: Path, security: Security) -> None:
    with mailserver(secured(certificate), wrapped=security == "tls") as server:
        inside(server, certificate, security).send(letter())

        assert (server.logins, len(server.taken), server.secured) == ([("shop", "geheim")], 1, [True])


@pytest.mark.parametrize("security", WAYS)
@pytest.mark.parametrize(("trusted", "host"), [(False, "localhost"), (True, "127.0.0.1")], ids=["unknown", "another host's"])
def test_a_server_that_does_not_prove_who_it_is_gets_neither_login_nor_text(
    certificate: Path, security: Security, trusted: bool, host: str
) -> None:
    with mailserver(secured(certificate), wrapped=security == "tls") as server:
        with pytest.raises(NotLetIn, match=r"certificate.*\[source\.my-shop\.smtp\]"):
            inside(server, certificate if trusted else None, security, host).send(letter())

        assert (server.logins, server.taken) == ([], [])


def test_a_refused_login_says_what_to_correct_and_quotes_nobody(server: Mailserver) -> None:
    server.answers["AUTH"] = "535 5.7.8 shop is not welcome"

    with pytest.raises(NotLetIn) as refused:
        mailer(server, source="my-shop", login=("shop", "geheim")).send(letter())

    assert str(refused.value) == "it refuses the login: correct BILLHOOK_SMTP_MY_SHOP_USER and BILLHOOK_SMTP_MY_SHOP_PASSWORD"
    assert refused.value.__cause__ is None
    assert server.taken == []


def test_a_login_refused_for_now_is_no_matter_for_a_person(server: Mailserver) -> None:
    server.answers["AUTH"] = "454 4.7.0 later"

    with pytest.raises(OSError) as refused:
        mailer(server, login=("shop", "geheim")).send(letter())

    assert not isinstance(refused.value, NotLetIn)
