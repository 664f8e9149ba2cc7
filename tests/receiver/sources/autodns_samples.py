"""AutoDNS's samples, and customers drawn at random."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from receiver.sources.autodns_customer import (
    Account,
    BasicCustomer,
    BasicUser,
    Card,
    CardStatus,
    CardVendor,
    CheckStatus,
    ClearPeriod,
    Contract,
    CustomerName,
    CustomerType,
    Gender,
    Mandate,
    Payment,
    SepaStatus,
    Verification,
)

PAYLOADS = Path(__file__).parents[2] / "payloads" / "autodns"


def recorded(name: str) -> bytes:
    """A sample as it is in tests/payloads/autodns."""
    return (PAYLOADS / name).read_bytes()


_LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
texts = st.text(_LETTERS, min_size=1, max_size=20).filter(lambda text: bool(text.strip()))
emails = st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.de", fullmatch=True)
amounts = st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents).scaleb(-2))
instants = st.integers(946684800, 4070908800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
users = st.builds(BasicUser.model_construct, user=texts, context=st.integers(0, 99))
names = st.builds(CustomerName.model_construct, number=st.integers(1, 2**63 - 1), client=st.just("ix"))
_BY_FIELD: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(CustomerType), "gender": st.sampled_from(Gender), "payment": st.sampled_from(Payment),
    "clear_account": st.sampled_from(ClearPeriod), "group": st.integers(0, 2**63 - 1),
    "emails": st.lists(emails, max_size=3).map(tuple), "billing_emails": st.lists(emails, max_size=3).map(tuple),
    "payment_currency_exchange_fee": amounts, "owner": users, "updater": users,
    "billing_users": st.one_of(st.lists(texts, max_size=2).map(tuple), st.lists(users, max_size=2).map(tuple)),
    "contracts": st.lists(st.builds(Contract.model_construct, id=st.integers(0, 99), ticket_number=texts), max_size=2).map(tuple),
    "contacts": st.lists(st.fixed_dictionaries({"fname": texts, "lname": texts}), max_size=2).map(tuple),
    "card": st.builds(Card.model_construct, vendor=st.sampled_from(CardVendor), status=st.sampled_from(CardStatus)),
    "sepa": st.builds(Mandate.model_construct, status=st.sampled_from(SepaStatus)),
    "verifications": st.lists(
        st.builds(Verification.model_construct, email=emails, status=st.sampled_from(CheckStatus), created=instants), max_size=2
    ).map(tuple),
    "account": st.builds(Account.model_construct, customer=names, running_total=amounts, credit_limit=amounts, currency=st.just("EUR")),
    "invoice_days": st.integers(0, 99).map(str), "pricelists": st.fixed_dictionaries({"name": texts}),
    "address_lines": st.lists(texts, max_size=3).map(tuple), "comments": st.lists(texts, max_size=3).map(tuple),
}  # fmt: skip
_FLAGS = ("invoice_paperbill", "taxable", "autodelete", "pending", "active", "locked", "data_privacy_statement", "newsletter")
_TIMES = ("discount_valid", "last_confirmed", "created", "updated")


@st.composite
def customers(draw: st.DrawFn, *, inner: bool = True) -> BasicCustomer:
    """Any customer: some of its fields said, the others not."""
    said: dict[str, Any] = {"number": draw(st.integers(1, 2**63 - 1)), "client": "ix"}
    for name in draw(st.sets(st.sampled_from(sorted(set(BasicCustomer.model_fields) - {"number", "client", "persistent"})))):
        kind = st.booleans() if name in _FLAGS else instants if name in _TIMES else _BY_FIELD.get(name, texts)
        said[name] = draw(kind)
    if inner and draw(st.booleans()):
        said["persistent"] = draw(customers(inner=False))
    return BasicCustomer.model_construct(**said)
