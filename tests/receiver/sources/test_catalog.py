"""The kinds of sources: each has a name, a proof and credentials it cannot do without."""

import base64

import pytest

from receiver.errors import CredentialsWrong, SettingsInvalid
from receiver.settings import DoorSecrets, SourceSettings
from receiver.sources.catalog import KINDS, Presented, kind, verifier

SHOP = SourceSettings(name="shop", kind="monsum")


def presented(*, token: str | None = None, path: str | None = None) -> Presented:
    headers = {b"authorization": b"Basic " + base64.b64encode(token.encode())} if token else {}
    return Presented(headers, path, "127.0.0.1", b"{}")


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(SettingsInvalid, match="monsum, fastbill, standard, qvickly, autodns"):
        kind("paypal")
    assert {name: one.proof for name, one in KINDS.items()} == {
        "monsum": "claimed",
        "fastbill": "claimed",
        "standard": "signed",
        "qvickly": "signed",
        "autodns": "claimed",
    }


def test_no_credentials_at_all_cannot_be_prepared() -> None:
    with pytest.raises(SettingsInvalid):
        verifier(SHOP, DoorSecrets())


def test_which_of_the_live_secrets_fitted_is_told() -> None:
    verify = verifier(SHOP, DoorSecrets(user="u", passwords=("one", "two")))

    assert [verify(presented(token=f"u:{password}"), 0) for password in ("one", "two")] == [0, 1]
    assert kind("monsum").verify(presented(token="u:two"), SHOP, DoorSecrets(user="u", passwords=("one", "two")), 0) == "claimed"


def test_where_both_are_configured_both_have_to_be_right() -> None:
    verify = verifier(SHOP, DoorSecrets(user="u", passwords=("one",), paths=("p",)))

    assert verify(presented(token="u:one", path="p"), 0) == 0
    for wrong in (presented(token="u:one"), presented(path="p"), presented(token="u:one", path="q"), presented(token="u:two", path="p")):
        with pytest.raises(CredentialsWrong):
            verify(wrong, 0)
