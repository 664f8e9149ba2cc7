"""How each kind of source is connected: which secrets the provider gives, what to enter there, and a read that proves the login.

Used by workers/connecting.py. The places and menus are those of the vendors' own documentation.
Source: "FastBill Automatic Dokumentation: Notifications", 2016-02-02; FastBill API "Webhooks"; Qvickly topics Callbacks and
Portal-Credentials; AutoDNS help page "Configuration of the notifications in the user interface"; read 2026-11-21.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workers.errors import NotFound
from workers.providers import monsum, qvickly
from workers.providers.monsum_client import MonsumClient
from workers.providers.service import Client

Asks = tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, kw_only=True)
class Guide:
    """One kind. `asks`: (end of the variable's name, what it is, whether it is hidden while it is typed) of what the provider gives.

    `makes`:  whether billhook makes a secret for the URL where the door has none.
    `enter`:  what to do there, with {url} and, where the door has them, the user and password of its Basic login.
    `proves`: a read without effect that the login must pass; None for a kind without an API. It raises Retryable.
    `first`:  what makes it send its first delivery.
    `listed`: whether the provider itself says that it sends to this URL, by its end; None where no API tells.
    """

    asks: Asks = (("API_{}_USER", "the e-mail address you log in with", False), ("API_{}_KEY", "the API key", True))
    makes: bool = True
    enter: tuple[str, ...] = ()
    proves: Callable[[Any], object] | None = None
    listed: Callable[[Any, str], bool] | None = None
    first: str = "change a customer there, or complete an invoice"


def _monsum_read(client: MonsumClient) -> object:
    return client.customers()


def _qvickly_read(client: Any) -> object:
    """What is overdue today; and, where there is a login of the Portal, how many customers there are."""
    client.query(qvickly.due_payments, f"{datetime.now(client.zone):%Y-%m-%d}")
    return client.query(qvickly.customer_count, "") if client.login is not None else None


def _autodns_read(client: Any) -> object:
    """The account; a user without one is let in all the same."""
    with suppress(NotFound):
        return client.account()
    return None


def _fastbill_sends(client: Client, end: str) -> bool:
    return any(row.get("ENDPOINT", "").endswith(end) for row in client.query(monsum.webhooks, client.source).webhooks)


GUIDES: Mapping[str, Guide] = {
    "monsum": Guide(
        proves=_monsum_read,
        enter=(
            "In Monsum open Settings → Basic settings → API & Notifications.",
            "Enter {url} as the URL for notifications, sent as JSON by POST.{login}",
            "Switch on customer, invoice, payment and subscription notifications. The API key stands on the same page.",
        ),
    ),
    "fastbill": Guide(
        proves=_monsum_read, listed=_fastbill_sends,
        enter=(
            "FastBill has no page for webhooks: they are set up by its API, in the Pro and Premium plans.",
            "POST to its API URL, with your e-mail address and API key as the login: "
            '{{"SERVICE": "webhook.create", "DATA": {{"TYPE": "url", "ENDPOINT": "{url}", "EVENTS": "customer.created,customer.updated,'
            'customer.deleted,invoice.created,invoice.completed,invoice.canceled"}}}}',
        ),
    ),
    "qvickly": Guide(
        asks=(
            ("API_{}_USER", "the merchant id, in the portal under API Credentials", False),
            ("API_{}_KEY", "the secret beside the merchant id", True),
            ("DOOR_{}_SIGNING", "the secret beside the merchant id once more: callbacks are verified with it", True),
        ),
        proves=_qvickly_read, first="have a customer pay, or cancel, a payment that was made with our address",
        enter=(
            "Qvickly has no webhook for the whole account: it calls the address that is given with each payment.",
            "Have whatever makes your payments send {url} as callbackurl, in PaymentData of addPayment, updatePayment, initCheckout and"
            " updateCheckout.",
        ),
    ),
    "autodns": Guide(
        asks=(("API_{}_USER", "the AutoDNS user, one of billhook's own", False), ("API_{}_KEY", "its password", True)),
        proves=_autodns_read, first="have an order carried out there, such as a change of a domain",
        enter=(
            "In AutoDNS open User Settings → User Profile → API Settings, logged in as that user.",
            "Choose push, in JSON or XML, to {url}; or poll, and write poll and poll_exclusive under [source.NAME.api].",
        ),
    ),
    "standard": Guide(
        asks=(("DOOR_{}_SIGNING", "the signing secret the sender shows, whsec_…", True),), makes=False, first="have the sender send a test",
        enter=("Enter {url} as the endpoint of the sender's webhooks.",),
    ),
}  # fmt: skip
