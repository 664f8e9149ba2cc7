"""E-mails that came back."""

from receiver.event import EmailBounced
from workflows.auto_send.recipient import address_hash

from .conftest import Open, Shop


def bounce(shop: Shop, invoice: str, *, bounce: str = "hard", address: str | None = None) -> None:
    """The mail service says that an invoice's e-mail came back."""
    hashed = None if address is None else address_hash(address)
    shop.flow.signal(EmailBounced(source="shop", at=shop.flow.clock.now, invoice_id=invoice, bounce=bounce, address_hash=hashed))


def bounces(shop: Shop) -> list[tuple[str, str | None]]:
    return [(status, reason) for name, _, status, reason in shop.flow.runs if name == "auto-send-bounces"]


def customer_of(shop: Shop, invoice: str) -> str:
    return str(shop.flow.sandbox.account.invoices[invoice]["CUSTOMER_ID"])


def test_a_hard_bounce_is_a_task_and_the_address_is_not_used_again(open_shop: Open, kind: str) -> None:
    shop = open_shop(helpers=True, kind=kind)
    invoice = shop.complete(email="old@muster.de")
    shop.until("2026-11-20 10:20")

    bounce(shop, invoice)
    shop.complete(customer_id=customer_of(shop, invoice))
    shop.until("2026-11-20 10:50")

    assert len(shop.sent) == 1
    assert shop.tasks == ["address_bounced", "address_bounced"]


def test_a_changed_address_is_written_to_again(open_shop: Open, kind: str) -> None:
    shop = open_shop(helpers=True, kind=kind)
    invoice = shop.complete(email="old@muster.de")
    shop.until("2026-11-20 10:20")
    bounce(shop, invoice, address="old@muster.de")

    shop.provider("customer.updated", customer_id=customer_of(shop, invoice), email="new@muster.de")
    shop.complete(customer_id=customer_of(shop, invoice))
    shop.until("2026-11-20 10:50")

    assert [mail["to"] for mail in shop.mails] == ["old@muster.de", "new@muster.de"]


def test_another_customers_address_is_not_touched(open_shop: Open) -> None:
    shop = open_shop(helpers=True)
    invoice = shop.complete(email="old@muster.de")
    shop.until("2026-11-20 10:20")

    bounce(shop, invoice)
    shop.complete(email="other@muster.de")
    shop.until("2026-11-20 10:50")

    assert [mail["to"] for mail in shop.mails] == ["old@muster.de", "other@muster.de"]


def test_a_hard_bounce_is_followed_by_a_letter_where_the_policy_says_so(open_shop: Open) -> None:
    shop = open_shop(helpers=True, policy={"on_hard_bounce": "post"})
    invoice = shop.complete()
    shop.until("2026-11-20 10:20")

    bounce(shop, invoice)
    shop.until("2026-11-20 10:50")

    assert [service for service, _ in shop.sent] == ["sendbyemail", "sendbypost"]
    assert shop.slots == [("send", 0), ("send", 1)]


def test_a_soft_bounce_is_tried_three_times_more_within_a_day(open_shop: Open) -> None:
    shop = open_shop(helpers=True, policy={"email_window": "00:00-24:00"})
    invoice = shop.complete()
    shop.until("2026-11-20 10:15")

    for sent in (2, 3, 4):
        bounce(shop, invoice, bounce="soft")
        while len(shop.sent) < sent:
            shop.flow.advance(hours=1)
    bounce(shop, invoice, bounce="soft")
    shop.until("2026-11-21 20:00")

    assert [at for _, at in shop.sent] == ["2026-11-20 10:15", "2026-11-20 11:15", "2026-11-20 18:15", "2026-11-21 10:15"]
    assert shop.tasks == ["soft_bounces"]


def test_a_bounce_of_another_address_changes_nothing(open_shop: Open) -> None:
    shop = open_shop(helpers=True)
    invoice = shop.complete(email="new@muster.de")
    shop.until("2026-11-20 10:20")

    bounce(shop, invoice, address="old@muster.de")

    assert bounces(shop) == [("skipped", "other_address")]


def test_a_bounce_of_an_invoice_we_never_sent_changes_nothing(open_shop: Open) -> None:
    shop = open_shop(helpers=True)
    invoice = shop.complete(delivery_method="none")

    bounce(shop, invoice)

    assert bounces(shop) == [("skipped", "not_sent")]
