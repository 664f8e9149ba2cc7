"""Proofs: the Standard Webhooks test vector, every broken signature, both edges of the window, and constant-time matching."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.errors import PayloadInvalid, SettingsInvalid, SignatureWrong
from receiver.signing import SigningKey, basic_token, basic_tokens, body_hash, digest, matching, signature, signing_key, verify_signature

# Standard Webhooks specification 1.0, the example of its verification section.
SECRET, ID, STAMP = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b"msg_p5jXN8AQM9LWM0D4loKWxJek", b"1614265330"
BODY, MARK = b'{"test": 2432232314}', b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
KEYS = [SigningKey(signing_key(SECRET))]
NOW = int(STAMP)


def test_the_specifications_own_example_is_right() -> None:
    assert signature(signing_key(SECRET), ID, STAMP, BODY) == MARK
    assert verify_signature(KEYS, ID, STAMP, MARK, BODY, NOW) == 0


@given(
    key=st.binary(min_size=1, max_size=100),
    head=st.binary(max_size=80),
    body=st.binary(max_size=9000) | st.sampled_from([66_000, 66_001]).map(bytes),
)
def test_the_own_hmac_and_hash_are_the_librarys(key: bytes, head: bytes, body: bytes) -> None:
    assert SigningKey(key).sign(head, body) == hmac.digest(key, head + body, "sha256")
    assert body_hash(body) == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    "marks",
    [
        b"", b"v1", b"v1,", b"v0," + MARK[3:], b"v2," + MARK[3:], MARK[3:], MARK[:-1], MARK[:-4], MARK.swapcase(), b"v1,\xff\xfe",
        "v1,ü".encode(), MARK + b"x", b" ".join([b"v1,AAAA"] * 16 + [MARK]),
    ],
)  # fmt: skip
def test_a_broken_signature_proves_nothing(marks: bytes) -> None:
    with pytest.raises(SignatureWrong):
        verify_signature(KEYS, ID, STAMP, marks, BODY, NOW)


def test_one_right_signature_among_several_and_one_right_secret_among_several_suffice() -> None:
    keys = [SigningKey(b"x" * 32), *KEYS]

    assert verify_signature(keys, ID, STAMP, b"v1,AAAA v2,BBBB " + MARK, BODY, NOW) == 1


@pytest.mark.parametrize(("age", "right"), [(-301, False), (-300, True), (-299, True), (0, True), (299, True), (300, True), (301, False)])
def test_the_window_is_five_minutes_on_either_side(age: int, right: bool) -> None:
    if right:
        assert verify_signature(KEYS, ID, STAMP, MARK, BODY, NOW + age) == 0
    else:
        with pytest.raises(SignatureWrong) as caught:
            verify_signature(KEYS, ID, STAMP, MARK, BODY, NOW + age)
        assert caught.value.cause == "timestamp"


@pytest.mark.parametrize("stamp", [b"", b"-1", b"1e9", b"1614265330.0", b" 1614265330", "١".encode(), b"9" * 40])
def test_a_time_that_is_no_whole_number_is_refused_even_when_it_is_signed(stamp: bytes) -> None:
    mark = signature(signing_key(SECRET), ID, stamp, BODY)

    with pytest.raises(SignatureWrong):
        verify_signature(KEYS, ID, stamp, mark, BODY, NOW)


@pytest.mark.parametrize("id", [b"msg.1", b"", b"\xff", b"a\tb", b"a" * 257])
def test_an_id_that_could_be_read_in_two_ways_is_refused(id: bytes) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        verify_signature(KEYS, id, STAMP, signature(signing_key(SECRET), id, STAMP, BODY), BODY, NOW)

    assert caught.value.field == "webhook-id"


@pytest.mark.parametrize(
    "secret", ["whsec_", "whsec_!!!!", "whsec_" + base64.b64encode(b"x" * 23).decode(), "whsec_" + base64.b64encode(b"x" * 65).decode()]
)
def test_a_signing_secret_of_the_wrong_shape_refuses_to_start(secret: str) -> None:
    with pytest.raises(SettingsInvalid):
        signing_key(secret)


def test_matching_names_the_live_secret_and_basic_is_read_in_either_encoding() -> None:
    live = basic_tokens("ü", ["one", "two"])
    utf8, latin = (base64.b64encode("ü:two".encode(name)) for name in ("utf-8", "latin-1"))

    assert (matching(utf8, live), matching(latin, live), matching(b"other", live)) == (1, 3, None)
    assert basic_tokens("a", ["b"]) == [digest(base64.b64encode(b"a:b"))]
    assert basic_token(b"basic  " + utf8) == utf8
    assert basic_token(b"Digest " + utf8) == b""
