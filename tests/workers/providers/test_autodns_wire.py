"""AutoDNS's calls as bytes, and what each answer proves."""

import base64
import json
from typing import Any

import pytest

from receiver.errors import OutcomeUnknown, Rejected, Retryable
from tests.receiver.sources.autodns_samples import recorded
from tests.workers.providers.autodns_said import Said, answer, client, data, sample
from workers.errors import NotFound
from workers.providers import autodns
from workers.providers.autodns_wire import envelope
from workers.providers.http import Answer
from workers.providers.service import Query

TOLD = {"provider": "nic", "call": "customer.update"}


def test_a_call_carries_login_context_and_json() -> None:
    said = Said(data({"number": 7, "client": "ix"}))

    client(said, context=33004).query(autodns.customer, "ix/7")

    (ask,) = said.asked
    assert (ask.method, ask.url, ask.body) == ("GET", "https://api.autodns.com/v1/customer/ix/7", b"")
    assert base64.b64decode(ask.headers["Authorization"].removeprefix("Basic ")) == b"reseller:k3y-of-the-test"
    assert ask.headers["X-Domainrobot-Context"] == "33004"
    assert "k3y" not in repr(ask) + repr(client(said))


@pytest.mark.parametrize("type, later", [("SUCCESS", False), ("NOTIFY", True), ("notify", True), ("NICCOM_NOTIFY", True)])
def test_what_was_done_and_what_was_accepted_are_told_apart(type: str, later: bool) -> None:
    assert envelope(data(type=type), TOLD).later is later


@pytest.mark.parametrize("name, rows", [("envelope_success.json", 1), ("envelope_notify.json", 0), ("poll_empty_constructed.json", 0)])
def test_the_samples_of_good_answers_are_read(name: str, rows: int) -> None:
    assert len(envelope(sample(name), TOLD).data) == rows


def test_an_older_pages_name_of_the_code_is_read_too() -> None:
    assert envelope(answer({"status": {"resultCode": "S0905", "type": "SUCCESS"}}), TOLD).code == "S0905"


def test_a_no_has_the_providers_words() -> None:
    with pytest.raises(Rejected) as caught:
        envelope(sample("envelope_error.json", 400), TOLD)

    assert caught.value.reasons == ("E120002 The customer could not be updated.", "EF00000 The email address is invalid.")
    assert caught.value.context["code"] == "E120002"


ERROR = recorded("envelope_error.json")
GOOD = data().body
# The answer to a write, and what it proves.
OUTCOMES: dict[str, tuple[Answer, type[Exception]]] = {
    "too many": (Answer(status=429, headers={"retry-after": "7"}, body=b""), Retryable),
    "no login": (Answer(status=401, body=ERROR), Rejected),
    "no rights": (Answer(status=403, body=b"<html>"), Rejected),
    "a no": (Answer(status=200, body=ERROR), Rejected),
    "a no with 404": (Answer(status=404, body=ERROR), Rejected),
    "a no in a breakdown": (Answer(status=500, body=ERROR), OutcomeUnknown),
    "a breakdown": (Answer(status=502, body=b"<html>"), OutcomeUnknown),
    "a page": (Answer(status=200, body=b"<html>"), OutcomeUnknown),
    "nothing there": (Answer(status=404, body=b"{}"), OutcomeUnknown),
    "no status": (Answer(status=200, body=b'{"stid":"x","data":[]}'), OutcomeUnknown),
    "a word nobody knows": (data(type="PERHAPS"), OutcomeUnknown),
    "a good word with 500": (Answer(status=500, body=GOOD), OutcomeUnknown),
    "not an object": (Answer(status=200, body=b"[]"), OutcomeUnknown),
    "a doubled member": (Answer(status=200, body=GOOD[:-1] + b',"data":[]}'), OutcomeUnknown),
}


@pytest.mark.parametrize("given, error", OUTCOMES.values(), ids=list(OUTCOMES))
def test_an_answer_to_a_write_proves_no_more_than_it_says(given: Answer, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        envelope(given, TOLD)

    assert type(caught.value) is error
    if given.status == 429:
        assert caught.value.retry_after_s == 7  # type: ignore[attr-defined]


@pytest.mark.parametrize("given", [given for given, _ in OUTCOMES.values() if given.status != 404], ids=lambda given: str(given.status))
def test_of_a_read_all_of_these_are_asked_again(given: Answer) -> None:
    with pytest.raises(Retryable):
        client(Said(given)).query(autodns.customer, "ix/7")


@pytest.mark.parametrize("given", [answer({}, 404), Answer(status=404, body=ERROR), data()])
def test_what_is_not_there_is_not_found(given: Answer) -> None:
    with pytest.raises(NotFound):
        client(Said(given)).query(autodns.customer, "ix/7")


@pytest.mark.parametrize("query", [autodns.customer, autodns.invoice])
def test_a_404_of_a_proxy_is_not_the_word_of_the_provider(query: Query[Any]) -> None:
    with pytest.raises(Retryable) as caught:
        client(Said(Answer(status=404, body=b"<html>not found</html>"))).query(query, "ix/7" if query is autodns.customer else "7")

    assert caught.value.context["status"] == 404


@pytest.mark.parametrize("body", [b"{}", ERROR])
def test_a_404_of_a_list_is_asked_again(body: bytes) -> None:
    with pytest.raises(Retryable):
        client(Said(Answer(status=404, body=body))).invoices()


def test_an_amount_keeps_every_digit_on_its_way() -> None:
    body = json.dumps({"status": {"type": "SUCCESS"}, "data": [{"a": 0}]}).replace('"a": 0', '"a": 0.30000000000000004').encode()

    assert envelope(Answer(status=200, body=body), TOLD).data == ({"a": "0.30000000000000004"},)


def test_a_refusal_in_texts_no_database_takes_is_kept_readable() -> None:
    body = json.dumps({"status": {"type": "ERROR", "code": "E1", "text": "no\x00 \ud800name"}}).encode()

    with pytest.raises(Rejected) as refused:
        envelope(Answer(status=200, body=body), TOLD)

    assert refused.value.reasons == ("E1 no� �name",)
