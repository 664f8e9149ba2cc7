import pytest

from receiver.errors import SettingsInvalid
from workers.providers.bundle import KINDS, make_client
from workers.providers.rate import Rate


def made(kind="monsum", base_url=None, **more):
    return make_client(kind, "shop", base_url, "u", "k", "Europe/Berlin", ["EUR"], **more)


@pytest.mark.parametrize("kind, host", [("monsum", "https://app.monsum.com/"), ("fastbill", "https://my.fastbill.com/")])
def test_each_kind_has_its_own_address_and_rate(kind, host):
    client = made(kind)

    assert client.base_url.startswith(host)
    assert client.rate == KINDS[kind].rate


def test_a_rate_can_be_set_for_one_account():
    assert made(rate=Rate(60)).rate == Rate(60)


def test_credits_are_monsums_and_webhooks_fastbills():
    assert "customer.addcredits" in KINDS["monsum"].services and "customer.addcredits" not in KINDS["fastbill"].services
    assert "webhook.create" in KINDS["fastbill"].services and "webhook.create" not in KINDS["monsum"].services


def test_a_kind_without_an_api_is_refused_by_name():
    with pytest.raises(SettingsInvalid, match=r"source\.shop\.kind.*standard"):
        made("standard")


def test_an_address_that_is_not_https_is_refused():
    with pytest.raises(SettingsInvalid, match="https"):
        made(base_url="http://app.monsum.com/api/1.0/api.php")
