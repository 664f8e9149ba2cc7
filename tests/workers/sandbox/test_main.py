import pytest

from receiver.errors import SettingsInvalid
from workers.sandbox.__main__ import greeting, main, served_app, setup
from workers.sandbox.sender import ScaledClock

API = {"BILLHOOK_API_MY_SHOP_USER": "me@example.com", "BILLHOOK_API_MY_SHOP_KEY": "key-of-the-sandbox-1"}


def test_a_path_secret_is_read_where_the_door_reads_it_and_ends_the_address():
    door = {"BILLHOOK_DOOR_MY_SHOP_PATH": "first-live-secret-01 second-live-secret-2"}

    chosen = setup(source="my-shop", receiver="http://127.0.0.1:8080/", environ=API | door)

    assert chosen.target.url == "http://127.0.0.1:8080/webhooks/my-shop/first-live-secret-01"
    assert (chosen.user, chosen.key) == ("me@example.com", "key-of-the-sandbox-1")


def test_a_doors_user_and_password_are_used_before_a_path_secret():
    door = {"BILLHOOK_DOOR_MY_SHOP_USER": "door", "BILLHOOK_DOOR_MY_SHOP_PASSWORD": "live-password-00001"}

    chosen = setup(source="my-shop", notify_url="http://127.0.0.1:9/x", environ=API | door)

    assert (chosen.target.url, chosen.target.user, chosen.target.password) == ("http://127.0.0.1:9/x", "door", "live-password-00001")


def test_secrets_come_from_files_too(tmp_path):
    for name, value in API.items():
        (tmp_path / name).write_text(value + "\n")

    assert setup(source="my-shop", secrets_dir=tmp_path, environ={}).key == "key-of-the-sandbox-1"


def test_without_an_address_notifications_wait():
    assert setup(source="my-shop", environ=API).target is None


def test_a_missing_key_is_named():
    with pytest.raises(SettingsInvalid, match="BILLHOOK_API_MY_SHOP_KEY"):
        setup(source="my-shop", environ={})


def test_no_secret_is_shown():
    chosen = setup(source="my-shop", receiver="http://r", environ=API | {"BILLHOOK_DOOR_MY_SHOP_PATH": "path-secret-0000001"})

    assert "key-of-the-sandbox-1" not in repr(chosen) and "path-secret" not in repr(chosen)


def test_wrong_secrets_end_with_exit_code_two(tmp_path, capsys):
    assert main(["--source", "nobody-has-this", "--secrets-dir", str(tmp_path)]) == 2
    assert "BILLHOOK_API_NOBODY_HAS_THIS_USER" in capsys.readouterr().err


def test_it_says_where_it_listens_and_how_to_have_it_fail_and_shows_no_secret():
    door = {"BILLHOOK_DOOR_MY_SHOP_PATH": "path-secret-0000001"}
    said = greeting(setup(source="my-shop", receiver="http://127.0.0.1:8080", environ=API | door, port=8123))

    assert "http://127.0.0.1:8123/api/1.0/api.php" in said and "http://127.0.0.1:8123/_sandbox/faults" in said
    assert "path-secret" not in said and "are sent" in said
    assert "wait" in greeting(setup(source="my-shop", environ=API))


def test_a_qvickly_is_served_at_its_own_address():
    environ = {"BILLHOOK_API_PAY_USER": "17882", "BILLHOOK_API_PAY_KEY": "k"}
    chosen = setup(source="pay", receiver="http://127.0.0.1:8080", environ=environ, kind="qvickly", ids_after=500)

    paths = {route.path for route in served_app(chosen, ScaledClock(1.0)).routes}

    assert {"/qvickly", "/portal/{rest:path}", "/auth/login", "/_sandbox/trigger"} <= paths
    assert "http://127.0.0.1:8090/qvickly" in greeting(chosen)
