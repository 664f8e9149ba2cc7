"""A billhook.toml with several sandboxes, for the tests of what serves and provokes them."""

from pathlib import Path

from workers.settings import WorkerSettings

TOML = """
[billhook]
data_dir = "{place}"
secrets_dir = "{place}"

[source.shop]
kind = "monsum"
[source.shop.api]
sandbox = true
base_url = "http://127.0.0.1:8090/api/1.0/api.php"

[source.pay]
kind = "qvickly"
[source.pay.api]
sandbox = true
base_url = "http://127.0.0.1:8090/qvickly"

[source.nic]
kind = "autodns"
[source.nic.api]
sandbox = true
base_url = "http://localhost:8091/v1/"
context = 9

[source.real]
kind = "fastbill"

[source.own]
kind = "standard"
"""
SECRETS = {
    "BILLHOOK_API_SHOP_USER": "me@example.com", "BILLHOOK_API_SHOP_KEY": "key-of-the-sandbox-1",
    "BILLHOOK_API_PAY_USER": "17882", "BILLHOOK_API_PAY_KEY": "key-of-the-sandbox-2",
    "BILLHOOK_API_NIC_USER": "reseller", "BILLHOOK_API_NIC_KEY": "key-of-the-sandbox-3",
    "BILLHOOK_API_REAL_USER": "owner@example.com", "BILLHOOK_API_REAL_KEY": "key-of-the-account-4",
    "BILLHOOK_DOOR_SHOP_PATH": "first-live-secret-01 second-live-secret-2",
    "BILLHOOK_DOOR_NIC_USER": "door", "BILLHOOK_DOOR_NIC_PASSWORD": "live-password-00001",
}  # fmt: skip


def configured(place: Path, old: str = "", new: str = "") -> WorkerSettings:
    """Two sandboxes at port 8090, one at 8091, a real account and a source of one's own; `old` in it replaced by `new`."""
    path = place / "billhook.toml"
    text = TOML.format(place=place)
    path.write_text(text.replace(old, new) if old else text)
    return WorkerSettings(path, SECRETS)
