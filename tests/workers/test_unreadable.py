"""A read that failed, in words: each kind says what it was and what to do, and none says that nothing was asked."""

import pytest

from receiver.errors import OutcomeUnknown, Retryable
from workers.retry import told
from workers.unreadable import SENTENCES, in_words, of_code


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"kind": "credentials", "status": 401}, "login of source my-shop: correct BILLHOOK_API_MY_SHOP_USER and BILLHOOK_API_MY_SHOP_KEY"),
        ({"kind": "dns"}, "API host of source my-shop cannot be reached"),
        ({"kind": "connect"}, "API host of source my-shop cannot be reached"),
        ({"kind": "status", "status": 503}, "answers 503 instead of data"),
        ({"kind": "status", "status": 404}, "answers 404: is base_url under [source.my-shop.api] the API's URL?"),
        ({"kind": "not_json", "status": 200}, "not JSON: is base_url under [source.my-shop.api] the API's URL?"),
        ({"kind": "errors", "status": 200}, "refuses to read"),
        ({"kind": "wrong_object"}, "is not what was asked for (wrong_object)"),
    ],
)  # fmt: skip
def test_a_kind_of_failure_is_a_sentence_with_a_way_out(context: dict[str, object], said: str) -> None:
    cause = Retryable(provider="my-shop", call="customer.get", **context)  # type: ignore[arg-type]

    assert said in in_words(cause)
    assert said in of_code(told("read_failed", cause), "my-shop")


@pytest.mark.parametrize("kind", [*SENTENCES, "status", "anything"])
def test_no_sentence_has_an_open_place_or_claims_that_nothing_was_asked(kind: str) -> None:
    said = in_words(Retryable(provider="shop", kind=kind))

    assert "{" not in said and "Nothing was asked" not in said


def test_an_error_without_a_kind_keeps_its_own_message() -> None:
    assert in_words(Retryable("The first byte would have left too late")) == "The first byte would have left too late"
    assert of_code("daily_cap", "shop") == ""


def test_a_call_whose_outcome_nobody_knows_is_not_said_to_have_changed_nothing() -> None:
    cause = OutcomeUnknown(provider="shop", kind="status", status=503)

    assert of_code(told("unclear_answer", cause), "shop") == ""
