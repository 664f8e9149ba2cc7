"""Qvickly's callbacks: which are let in, what makes two of them the same, and what they say."""

import json

import pytest

from receiver.errors import CredentialsWrong, PayloadInvalid, SignatureWrong
from receiver.event import PaymentReported
from receiver.settings import DoorSecrets, SourceSettings
from receiver.sources.catalog import Presented, verifier
from receiver.sources.notice import UNDATED
from receiver.sources.php_json import encode
from receiver.sources.qvickly import identify, interpret, message_hash, verify_hash
from receiver.sources.qvickly_words import CALLBACK
from tests.receiver.sources.callbacks import KEY, PAYLOADS, as_form, callback, recorded

VECTORS = json.loads(recorded("hash_vectors.json"))
SIGNED = [v for v in VECTORS["callback_vectors"] if v["expect"] == "accept" and v["file"].endswith(".json")]
PAY = SourceSettings(name="pay", kind="qvickly")
SESSION = recorded("callback_session_event_unsigned.json")
DATA = {"number": "1000300", "status": "Paid", "orderid": "P1", "url": "https://api.qvickly.io/x"}


def read(body: bytes) -> object:
    identity = identify(body, {})
    return interpret(body, PAY, identity.native_type, identity.native_id)


@pytest.mark.parametrize("vector", SIGNED, ids=lambda v: v["file"])
def test_every_signed_callback_is_taken_in_all_three_wrappings(vector: dict[str, str]) -> None:
    body, keys = recorded(vector["file"]), [vector["key"].encode()]

    assert [verify_hash(keys, wrapped) for wrapped in (body, as_form(body))] == [0, 0]
    assert identify(body, {}) == identify(as_form(body), {})


@pytest.mark.parametrize("vector", VECTORS["documented_vectors"], ids=lambda v: v["source"])
def test_every_documented_hash_comes_out(vector: dict[str, str]) -> None:
    assert message_hash(vector["key"].encode(), vector["hashed_string"]) == vector["hash"]


def test_the_recorded_query_string_is_taken() -> None:
    query = recorded("callback_get_query.txt").strip()

    assert verify_hash([KEY.encode()], query) == 0
    assert identify(query, {}).native_type == "payment.created"


def test_non_ascii_is_taken_escaped_and_as_it_is() -> None:
    escaped = recorded("callback_paid_nonascii_escaped.json")
    spelled = json.dumps(json.loads(escaped), ensure_ascii=False).encode()

    assert verify_hash([KEY.encode()], escaped) == verify_hash([KEY.encode()], spelled) == 0


def test_a_hash_over_unescaped_slashes_and_over_the_text_as_it_came_are_taken() -> None:
    for text in (json.dumps(DATA, separators=(",", ":")), json.dumps(DATA, indent=2)):
        body = f'{{"credentials":{{"hash":"{message_hash(KEY.encode(), text)}"}},"data":{text}}}'.encode()

        assert verify_hash([KEY.encode()], body) == 0


@pytest.mark.parametrize("slashes", [True, False])
def test_blanks_on_the_way_change_nothing(slashes: bool) -> None:
    hash = message_hash(KEY.encode(), encode(DATA, slashes=slashes))
    body = f'{{"credentials": {{"hash": "{hash.upper()}"}}, "data": {json.dumps(DATA, indent=2)}}}'.encode()

    assert verify_hash([KEY.encode()], body) == 0


def test_a_part_that_is_there_twice_is_refused() -> None:
    form = as_form(callback(DATA))

    with pytest.raises(PayloadInvalid):
        verify_hash([KEY.encode()], form + b"&" + form)


@pytest.mark.parametrize("name", ["callback_tampered.json", "callback_unsigned.json", "callback_session_event_unsigned.json"])
def test_what_is_tampered_with_or_unsigned_is_refused(name: str) -> None:
    with pytest.raises(SignatureWrong):
        verify_hash([KEY.encode()], recorded(name))


def test_another_key_is_refused_and_the_one_that_fits_is_told() -> None:
    body = callback(DATA)

    assert verify_hash([b"another-key", KEY.encode()], body) == 1
    with pytest.raises(SignatureWrong):
        verify_hash([b"another-key"], body)


@pytest.mark.parametrize("hash", ["", "0" * 127, "z" * 128, 5, None])
def test_a_hash_of_another_shape_is_none(hash: object) -> None:
    with pytest.raises(SignatureWrong) as caught:
        verify_hash([KEY.encode()], json.dumps({"credentials": {"hash": hash}, "data": DATA}).encode())

    assert caught.value.cause == "signature_missing"


@pytest.mark.parametrize("said", ["Paid", "PAID", "paid"])
def test_a_status_is_read_in_any_case(said: str) -> None:
    notice = read(callback({**DATA, "status": said}))

    assert notice.events[0].status == "paid"  # type: ignore[attr-defined]


def test_the_old_word_service_is_handling() -> None:
    assert identify(callback({**DATA, "status": "Service"}), {}).native_type == "payment.handling"


def test_a_callback_says_the_number_the_status_and_the_order_and_no_time() -> None:
    notice = read(callback(DATA))

    said = PaymentReported(source="pay", at=UNDATED, payment_id="1000300", invoice_id="1000300", status="paid", order_id="P1")
    assert notice.events == (said,)  # type: ignore[attr-defined]
    assert (notice.proof, notice.snapshots) == ("signed", ())  # type: ignore[attr-defined]


@pytest.mark.parametrize("word", ["WaitingForPurchase", "Partly", "Credited"])
def test_an_unknown_status_is_identified_and_never_interpreted(word: str) -> None:
    assert word.lower() not in CALLBACK
    with pytest.raises(PayloadInvalid, match="status"):
        read(callback({**DATA, "status": word}))


def test_number_status_and_hash_make_a_callback_itself() -> None:
    first = identify(recorded("callback_created_invoice.json"), {})
    later = identify(recorded("callback_factoring.json"), {})

    assert first.native_id.startswith("1000235:8ed95204")
    assert {first.native_type, later.native_type} == {"payment.created", "payment.factoring"}
    assert first.native_id != later.native_id


@pytest.mark.parametrize(
    "change, field",
    [
        ({"number": "12a"}, "data.number"),
        ({"number": ""}, "data.number"),
        ({"number": None}, "data.number"),
        ({"number": "1" * 65}, "data.number"),
        ({"status": ""}, "data.status"),
        ({"status": None}, "data.status"),
        ({"status": "Paid\n"}, "data.status"),
    ],
)
def test_what_cannot_be_identified_names_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        identify(callback({**DATA, **change}), {})

    assert caught.value.field == field


def test_a_number_may_be_written_as_a_number() -> None:
    body = recorded("callback_pending.json").replace(b'"number":"1000237"', b'"number":1000237')

    assert identify(body, {}).native_id.startswith("1000237:")


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"[]", b'{"data":{}}', b"data=%7B%7D&data=%7B%7D", b"a=1&" * 20, b'{"credentials":{"hash":""},"data":[1]}', b"\xff=1"],
)
def test_what_is_no_callback_is_a_bad_payload(body: bytes) -> None:
    with pytest.raises(PayloadInvalid):
        identify(body, {})


def test_an_order_that_cannot_be_kept_is_left_out() -> None:
    for order in ("x" * 129, "a\tb", "", None, [], False):
        notice = read(callback({**DATA, "orderid": order}))
        assert notice.events[0].order_id is None  # type: ignore[attr-defined]


def test_a_session_event_comes_in_only_where_a_path_secret_proves_its_sender() -> None:
    unproved = verifier(PAY, DoorSecrets(signing=(KEY,)))
    proved = verifier(PAY, DoorSecrets(signing=(KEY,), paths=("a-path-of-our-own",)))

    assert proved(Presented({}, "a-path-of-our-own", "127.0.0.1", SESSION), 0) == 0
    with pytest.raises(CredentialsWrong):
        proved(Presented({}, "another", "127.0.0.1", SESSION), 0)
    with pytest.raises(SignatureWrong):
        unproved(Presented({}, None, "127.0.0.1", SESSION), 0)


def test_a_path_secret_does_not_stand_in_for_the_hash_of_a_payment() -> None:
    proved = verifier(PAY, DoorSecrets(signing=(KEY,), paths=("a-path-of-our-own",)))

    with pytest.raises(SignatureWrong):
        proved(Presented({}, "a-path-of-our-own", "127.0.0.1", recorded("callback_unsigned.json")), 0)


def test_a_session_event_says_nothing_that_anything_follows_from() -> None:
    notice = read(SESSION)

    assert not notice.known and not notice.events and notice.proof == "claimed"  # type: ignore[attr-defined]


def test_every_sample_of_a_callback_is_looked_at_here() -> None:
    looked_at = {vector["file"] for vector in SIGNED} | {"callback_tampered.json", "callback_unsigned.json", "callback_get_query.txt"}

    assert {path.name for path in PAYLOADS.glob("callback_*")} == looked_at | {"callback_session_event_unsigned.json"}
