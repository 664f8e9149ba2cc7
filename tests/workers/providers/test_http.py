import ssl
import time

import pytest

from receiver.errors import OutcomeUnknown, Rejected, Retryable, SettingsInvalid
from tests.workers.providers.wire import answers, breaks_off, drips, free_port, hangs_up, peer, silent
from workers.providers import http
from workers.providers.http import Ask, HttpTransport, basic_auth, require_safe_url


def ask(url: str) -> Ask:
    return Ask(url=url, headers={"Authorization": basic_auth("user", "s3cret-key")}, body=b'{"x":"private@example.com"}', provider="shop")


def test_a_whole_reply_comes_back_with_its_status_headers_and_body():
    with peer(answers(207, b"body", "X-Some: Thing")) as running:
        answer = HttpTransport().send(ask(running.url))

    assert (answer.status, answer.body, answer.headers["x-some"]) == (207, b"body", "Thing")


def test_the_request_carries_host_length_and_body_and_asks_for_no_compression():
    with peer(answers(200, b"{}")) as running:
        HttpTransport().send(ask(running.url))

    raw = running.requests[0]
    assert raw.startswith(b"POST /api/1.0/api.php HTTP/1.1\r\n")
    assert b"Accept-Encoding: identity" in raw and b"Content-Length: 27" in raw
    assert raw.endswith(b'{"x":"private@example.com"}')


def test_a_refused_connection_was_not_asked():
    with pytest.raises(Retryable) as caught:
        HttpTransport().send(ask(f"http://127.0.0.1:{free_port()}/"))

    assert caught.value.context["kind"] == "connect"


def test_a_name_that_does_not_resolve_was_not_asked():
    with pytest.raises(Retryable) as caught:
        HttpTransport().send(ask("https://provider.invalid/api"))

    assert caught.value.context["kind"] in ("dns", "timeout")


def test_a_peer_that_does_not_speak_tls_was_not_asked():
    called = []
    with peer(answers(200, b"{}")) as running, pytest.raises(Retryable) as caught:
        HttpTransport(first_byte_s=1).send(ask(running.url.replace("http:", "https:")), before_write=lambda: called.append(1))

    assert caught.value.context["kind"] == "tls"
    assert called == []


def test_the_default_transport_verifies_certificates_and_names():
    context = HttpTransport()._tls

    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname


def test_a_first_byte_later_than_allowed_is_not_written():
    instants = iter([0.0, 0.0, 0.0])
    with peer(answers(200, b"{}")) as running, pytest.raises(Retryable) as caught:
        HttpTransport(clock=lambda: next(instants, 5.1)).send(ask(running.url))

    assert caught.value.context["kind"] == "late"
    assert running.requests == []


def test_the_start_counts_from_the_callers_instant_and_not_from_the_call():
    with peer(answers(200, b"{}")) as running, pytest.raises(Retryable):
        HttpTransport().send(ask(running.url), started=http.boot_clock() - 6)

    assert running.requests == []


def test_a_hook_that_raises_before_the_first_byte_leaves_nothing_asked():
    class Crash(BaseException):
        pass

    def crash() -> None:
        assert running.accepted.wait(5)
        raise Crash

    with peer(answers(200, b"{}")) as running, pytest.raises(Crash):
        HttpTransport().send(ask(running.url), before_write=crash)

    assert running.connected == 1
    assert running.requests == []


def test_a_hook_that_takes_too_long_leaves_nothing_asked():
    now = [0.0]

    def slow() -> None:
        now[0] = 6.0

    with peer(answers(200, b"{}")) as running, pytest.raises(Retryable) as caught:
        HttpTransport(clock=lambda: now[0]).send(ask(running.url), before_write=slow)

    assert caught.value.context["kind"] == "late"
    assert running.requests == []


@pytest.mark.parametrize("behave", [hangs_up, breaks_off], ids=["closed", "half a reply"])
def test_a_connection_that_ends_after_the_first_byte_leaves_the_outcome_unknown(behave):
    with peer(behave) as running, pytest.raises(OutcomeUnknown):
        HttpTransport().send(ask(running.url))

    assert len(running.requests) == 1


def test_a_peer_that_stays_silent_is_left_at_the_deadline():
    began = time.monotonic()
    with peer(silent) as running, pytest.raises(OutcomeUnknown) as caught:
        HttpTransport(total_s=0.2).send(ask(running.url))

    assert caught.value.context["kind"] == "timeout"
    assert time.monotonic() - began < 2


def test_a_reply_that_drips_within_every_read_still_ends_at_the_whole_calls_deadline():
    began = time.monotonic()
    with peer(drips(b"x")) as running, pytest.raises(OutcomeUnknown) as caught:
        HttpTransport(total_s=0.3).send(ask(running.url))

    assert caught.value.context["kind"] == "timeout"
    assert 0.25 < time.monotonic() - began < 2


def test_a_reply_larger_than_the_limit_leaves_the_outcome_unknown():
    with peer(answers(200, b"x" * 2000)) as running, pytest.raises(OutcomeUnknown):
        HttpTransport(reply_max=1000).send(ask(running.url))


def test_a_reply_that_is_not_http_leaves_the_outcome_unknown():
    with peer(lambda connection, stop: connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")) as running, pytest.raises(OutcomeUnknown):
        HttpTransport().send(ask(running.url))


def test_a_redirect_is_handed_back_and_not_followed():
    with peer(answers(302, b"", "Location: http://127.0.0.1:9/")) as running:
        assert HttpTransport().send(ask(running.url)).status == 302

    assert len(running.requests) == 1


def test_a_header_that_would_break_the_request_apart_is_not_sent():
    broken = Ask(url="http://127.0.0.1:9/", headers={"Authorization": "Basic a\r\nX: y"}, provider="shop")

    with pytest.raises(Retryable) as caught:
        HttpTransport().send(broken)

    assert caught.value.context["kind"] == "request"


@pytest.mark.parametrize("behave", [hangs_up, breaks_off, silent], ids=["closed", "half", "silent"])
def test_errors_and_representations_hold_no_credential_no_body_and_no_address(behave):
    with peer(behave) as running, pytest.raises((Retryable, OutcomeUnknown, Rejected)) as caught:
        HttpTransport(total_s=0.1).send(ask(running.url))

    shown = f"{caught.value} {caught.value!r} {caught.value.context} {caught.value.__cause__} {ask(running.url)!r}"
    assert all(secret not in shown for secret in ("s3cret", "czNjcmV0", "private@example.com", "dXNlcj"))


@pytest.mark.parametrize("url", ["http://app.monsum.com/api", "ftp://127.0.0.1/", "app.monsum.com", ""])
def test_a_url_that_would_carry_the_key_in_the_clear_is_refused_by_the_name_of_its_setting(url):
    with pytest.raises(SettingsInvalid, match=r"source\.shop\.api\.base_url"):
        require_safe_url(url, "source.shop.api.base_url")


@pytest.mark.parametrize("url", ["https://app.monsum.com/api", "http://127.0.0.1:8090/api", "http://localhost/api"])
def test_https_and_this_machine_are_taken(url):
    require_safe_url(url, "base_url")
