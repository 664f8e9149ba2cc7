"""Qvickly's wire: what is signed, and which answer means what."""

import json

import pytest

from receiver.errors import OutcomeUnknown, Rejected, Retryable
from receiver.sources.php_json import encode, read
from receiver.sources.qvickly import message_hash
from tests.receiver.sources.callbacks import recorded
from tests.workers.providers.qvickly_said import KEY, TOKEN, Said, answer, client, data
from workers.errors import NotFound, WorkflowInvalid
from workers.providers import monsum, qvickly
from workers.providers.bundle import make_qvickly
from workers.providers.http import Answer
from workers.providers.monsum_requests import OneInvoice
from workers.providers.qvickly_requests import Activate, DeleteCustomer, WriteCustomer
from workers.providers.qvickly_wire import UNCLEAR, payment_ask

DONE = {"number": "1000235", "orderid": "12345", "status": "Paid", "url": ""}
ACTIVATE = Activate(number="1000235")
HTML = b"<html>maintenance</html>"
PAYMENT = json.loads(recorded("payment_getPaymentinfo_response.json"))


def activated(*answers: Answer | Exception) -> object:
    return client(Said(*answers)).call(qvickly.activate, ACTIVATE)


def test_a_request_is_signed_over_the_bytes_that_are_sent() -> None:
    ask = payment_ask("https://api.qvickly.io/", "17882", KEY, "getCustomersByName", {"name": "\u00c5sa/B"}, test=True, provider="pay")
    text = ask.body.decode().partition('"data":')[2].partition(',"function"')[0]

    assert json.loads(ask.body)["credentials"]["hash"] == message_hash(KEY.encode(), text)
    assert text == '{"name":"\\u00c5sa\\/B"}'
    assert json.loads(ask.body)["function"] == "getCustomersByName"


def test_the_documented_request_has_our_hash() -> None:
    documented = json.loads(recorded("payment_getPaymentinfo_request.json"))
    ours = json.loads(payment_ask("u", "12345", KEY, documented["function"], documented["data"], test=True, provider="pay").body)

    assert ours["credentials"]["hash"] == documented["credentials"]["hash"]
    assert {name: ours["credentials"][name] for name in ("id", "version", "language", "test")} == {
        name: documented["credentials"][name] for name in ("id", "version", "language", "test")
    }


@pytest.mark.parametrize("test, said", [(True, "true"), (False, "false")])
def test_test_mode_is_said_in_every_call(test: bool, said: str) -> None:
    wire = Said(data(DONE))
    client(wire, test=test).call(qvickly.activate, ACTIVATE)

    assert json.loads(wire.asked[0].body)["credentials"]["test"] == said


OUTCOMES = [
    ("429", answer(HTML, 429), Retryable),
    ("401", answer(HTML, 401), Rejected),
    ("a code", data({"code": "5208", "message": "x", "logid": "1"}), Rejected),
    ("a code of the login", data({"code": 9013, "message": "x"}), Rejected),
    ("a code beside a status", data({"code": "5208", "status": "Paid", "number": "1000235"}), OutcomeUnknown),
    ("500", answer({"data": DONE}, 500), OutcomeUnknown),
    ("201", answer({"data": DONE}, 201), OutcomeUnknown),
    ("404", answer(HTML, 404), OutcomeUnknown),
    ("302", answer(b"", 302), OutcomeUnknown),
    ("a page", answer(HTML), OutcomeUnknown),
    ("empty", answer(b""), OutcomeUnknown),
    ("deep", answer(b"[" * 100_000), OutcomeUnknown),
    ("NaN", answer(b'{"data":{"number":NaN}}'), OutcomeUnknown),
    ("no data", answer({"credentials": {}}), OutcomeUnknown),
    ("a list", data([DONE]), OutcomeUnknown),
    ("no number", data({"status": "Paid"}), OutcomeUnknown),
    ("another number", data({**DONE, "number": "7"}), OutcomeUnknown),
    ("another word", data({**DONE, "status": "Pending"}), OutcomeUnknown),
    ("an unknown word", data({**DONE, "status": "Elsewhere"}), OutcomeUnknown),
    ("lost", OutcomeUnknown(provider="pay", kind="reset"), OutcomeUnknown),
    ("not connected", Retryable(provider="pay", kind="connect"), Retryable),
    *[(f"code {code}", data({"code": code, "message": "x"}), OutcomeUnknown) for code in sorted(UNCLEAR)],
]


@pytest.mark.parametrize("said, error", [pytest.param(said, error, id=name) for name, said, error in OUTCOMES])
def test_the_outcome_of_a_write_is_the_row_of_the_table(said: Answer | Exception, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        activated(said)

    assert type(caught.value) is error


@pytest.mark.parametrize("said, error", [pytest.param(said, error, id=name) for name, said, error in OUTCOMES])
def test_for_a_read_all_of_them_are_asked_again(said: Answer | Exception, error: type[Exception]) -> None:
    with pytest.raises(Retryable):
        client(Said(said)).query(qvickly.payment, "1000235")


def test_a_refusal_quotes_the_code_and_the_words() -> None:
    with pytest.raises(Rejected) as caught:
        activated(answer(recorded("payment_error_response.json")))

    assert caught.value.reasons[0].startswith("5201 Faktura")


def test_a_login_that_is_refused_says_so() -> None:
    with pytest.raises(Rejected) as caught:
        activated(data({"code": "9011", "message": "x"}))

    assert caught.value.context["kind"] == "credentials"


def test_a_payment_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        client(Said(answer(recorded("payment_error_response.json")))).query(qvickly.payment, "7")


@pytest.mark.parametrize("word", ["Paid", "factoring", "HANDLING", "Service", "PartPayment"])
def test_an_activation_is_done_in_the_words_that_are_documented(word: str) -> None:
    assert activated(data({**DONE, "status": word})).number == "1000235"  # type: ignore[attr-defined]


def test_what_belongs_to_another_provider_is_refused_before_anything_is_asked() -> None:
    wire = Said(data(DONE))

    for service in monsum.SERVICES.values():
        with pytest.raises(Rejected, match="not_offered"):
            client(wire).call(service, OneInvoice(invoice_id="1"))
    for query in monsum.QUERIES:
        with pytest.raises(WorkflowInvalid, match="billhook mode"):
            client(wire).query(query, "1")
    assert not wire.asked


def test_a_request_of_another_service_is_a_mistake() -> None:
    with pytest.raises(TypeError):
        client(Said(data(DONE))).call(qvickly.cancel, ACTIVATE)


WRITE = WriteCustomer(fields={"customerid": "C1", "name": "N"})
REMOVED = answer({"result": "Removed", "mexcParamvaluesetsid": 10000})


def test_the_token_is_made_once_and_carried_by_every_call() -> None:
    wire = Said(TOKEN, REMOVED)
    asked = client(wire)

    asked.call(qvickly.delete_customer, DeleteCustomer(customer_id="10000"))
    asked.call(qvickly.delete_customer, DeleteCustomer(customer_id="10000"))

    assert [ask.url for ask in wire.asked] == [
        "https://auth.billmate.se/login",
        "https://api.online.billmate.se/customers/10000",
        "https://api.online.billmate.se/customers/10000",
    ]
    assert wire.asked[2].headers["Authorization"] == "Bearer jwt-1"


PORTAL_OUTCOMES = [
    ("429", answer(HTML, 429), Retryable),
    ("400 in JSON", answer({"message": "no"}, 400), Rejected),
    ("400 page", answer(HTML, 400), OutcomeUnknown),
    ("401 of a new token", answer(HTML, 401), Rejected),
    ("404", answer({"message": "no"}, 404), OutcomeUnknown),
    ("500", answer({}, 500), OutcomeUnknown),
    ("200 page", answer(HTML), OutcomeUnknown),
    ("200 list", answer(["x"]), OutcomeUnknown),
    ("no id", answer({"name": "N"}), OutcomeUnknown),
    ("lost", OutcomeUnknown(provider="pay", kind="reset"), OutcomeUnknown),
]


@pytest.mark.parametrize("said, error", [pytest.param(said, error, id=name) for name, said, error in PORTAL_OUTCOMES])
def test_the_outcome_of_a_portal_write_is_the_row_of_the_table(said: Answer | Exception, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        client(Said(TOKEN, said)).call(qvickly.create_customer, WRITE)

    assert type(caught.value) is error


@pytest.mark.parametrize(
    "said, error",
    [
        (answer(HTML, 401), Rejected),
        (answer(HTML, 500), Retryable),
        (answer({"token": ""}), Retryable),
        (answer({"token": "a\nb"}), Retryable),
        (answer(HTML), Retryable),
        (OutcomeUnknown(provider="pay", kind="reset"), Retryable),
    ],
)
def test_a_login_that_fails_leaves_nothing_asked(said: Answer | Exception, error: type[Exception]) -> None:
    wire = Said(said)
    with pytest.raises(error) as caught:
        client(wire).call(qvickly.create_customer, WRITE)

    assert type(caught.value) is error
    assert [ask.service for ask in wire.asked] == ["login"]


def test_a_token_that_was_refused_is_made_anew_and_a_write_is_not_lost_over_it() -> None:
    wire = Said(TOKEN, REMOVED, answer(HTML, 401), answer({"token": "jwt-2"}), REMOVED)
    asked, request = client(wire), DeleteCustomer(customer_id="10000")
    asked.call(qvickly.delete_customer, request)

    with pytest.raises(Retryable, match="token"):
        asked.call(qvickly.delete_customer, request)
    asked.call(qvickly.delete_customer, request)

    assert wire.asked[-1].headers["Authorization"] == "Bearer jwt-2"


def test_a_read_makes_its_token_anew_by_itself_and_only_once() -> None:
    wire = Said(TOKEN, answer({"count": 7}), answer(HTML, 401), answer({"token": "jwt-2"}), answer({"count": 8}))
    asked = client(wire)

    assert [asked.query(qvickly.customer_count, "").count for _ in range(2)] == [7, 8]
    with pytest.raises(Retryable, match="credentials"):
        client(Said(TOKEN, answer(HTML, 401))).query(qvickly.customer_count, "")


def test_without_a_portal_login_customers_are_refused_and_the_baseline_is_empty() -> None:
    asked = client(Said(TOKEN), portal=False)

    with pytest.raises(Rejected, match="no_portal_login"):
        asked.call(qvickly.create_customer, WRITE)
    assert asked.customers().records == ()


def test_secrets_are_shown_nowhere() -> None:
    asked = client(Said(TOKEN, REMOVED))
    asked.call(qvickly.delete_customer, DeleteCustomer(customer_id="10000"))

    shown = repr(asked)
    assert not [secret for secret in (KEY, "jwt-1", "password", "17882") if secret in shown]


def test_credentials_go_over_https_only() -> None:
    with pytest.raises(Exception, match="portal_url"):
        make_qvickly("pay", None, "1", KEY, "UTC", ["SEK"], portal_url="http://portal.example.com/")


def test_the_data_of_a_reply_survives_our_own_reading() -> None:
    assert encode(read(encode(PAYMENT["data"]), "data")) == encode(PAYMENT["data"])
