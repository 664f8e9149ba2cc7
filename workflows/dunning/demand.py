"""What is demanded of one invoice today, and by what it is reckoned: the debt behind a statement.

Used by composing.py on fresh reads, and by handing.py on the mirror, inside their steps.
"""

from sqlalchemy.engine import Connection

from workers.authoring import InvoiceDoc, Money
from workflows.dunning import tables
from workflows.dunning.account import Account
from workflows.dunning.balance import reduced
from workflows.dunning.debtor import Debtor
from workflows.dunning.notice import Notice
from workflows.dunning.statement import Debt, Reckoning, reckoning_in


def debt_of(
    connection: Connection, account: Account, invoice: InvoiceDoc, *, debtor: Debtor, disputed: Money | None, notices: tuple[Notice, ...]
) -> Debt:  # fmt: skip
    """What is demanded; of a part that is disputed neither principal nor interest. `outstanding` and `due_date` are known."""
    assert invoice.outstanding is not None
    assert invoice.due_date is not None
    agreed = account.agreed(connection)
    ground = account.policy.ground(
        account.ladder, debtor=debtor, due_on=invoice.due_date, received_on=account.sent_on(connection, invoice.id), notices=notices,
        date_was_agreed=agreed.due_date,
    )  # fmt: skip
    owed = account.balances(connection, invoice.id, since=invoice.due_date)
    return Debt(
        principal=invoice.outstanding if disputed is None else invoice.outstanding - disputed, ground=ground,
        claims=tables.claims_of(connection, account.source, invoice.id),
        balances=owed if disputed is None else reduced(owed, disputed.amount),
        fee_agreed=account.policy.reminder_fee_agreed, agreed_percent=agreed.rate_on(account.ladder.country, account.today),
    )  # fmt: skip


def reckoning_of(connection: Connection, account: Account) -> Reckoning:
    """By which ladder, days and rates the account's statements are made today."""
    return reckoning_in(str(account.zone), account.policy, account.policy.rate_table, account.confirmed_rates(connection))
