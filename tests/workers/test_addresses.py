"""Where the door is reached: one wording for all who print it."""

import pytest

from receiver.settings import DoorSecrets, ReceiverSettings, Settings
from workers.addresses import door_address, webhook_url


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [("127.0.0.1", None, "http://127.0.0.1:8080"), ("::1", None, "http://[::1]:8080"), ("::1", 9, "http://[::1]:9")],
)
def test_the_doors_address_is_a_url_on_either_kind_of_network(host: str, port: int | None, url: str) -> None:
    assert door_address(Settings(environ={}, receiver=ReceiverSettings(host=host)), port) == url


def test_a_path_secret_is_hidden_unless_it_is_given() -> None:
    door = DoorSecrets(paths=("v7Tq2nXb81LmPz0s",))

    assert webhook_url("http://h", "shop", door) == "http://h/webhooks/shop/<secret>"
    assert webhook_url("http://h", "shop", door, secret="demo") == "http://h/webhooks/shop/demo"
    assert webhook_url("http://h", "shop", DoorSecrets(user="u", passwords=("p",))) == "http://h/webhooks/shop"
