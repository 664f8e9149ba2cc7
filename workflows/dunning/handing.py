"""What an invoice comes to on the day on which it is proposed to hand it over: as it stands today, not as the last notice said.

Used by outlook.py inside its step. What was paid or cancelled since the last notice is left out, interest runs to this day.
"""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.authoring import InvoiceDoc, Money
from workflows.dunning import tables
from workflows.dunning.account import Account
from workflows.dunning.claims import Claim
from workflows.dunning.debtor import debtor_of
from workflows.dunning.demand import debt_of, reckoning_of
from workflows.dunning.notice import Notice
from workflows.dunning.statement import statement


def figures_today(connection: Connection, account: Account, invoice: InvoiceDoc, notices: tuple[Notice, ...]) -> dict[str, str]:
    """principal, interest (where a rate is known), flat, fee, total and currency as text: what a last notice would ask for today.

    {} where no notice of ours was reckoned: nothing says what kind of debtor this is.
    """
    debtor = _debtor(tables.notice_rows(connection, account.source, invoice.id, observed_by=account.observed_by))
    if debtor is None or invoice.outstanding is None:
        return {}
    disputed = account.disputed_part(account.blocks(connection, invoice.id), invoice)
    debt = debt_of(connection, account, invoice, debtor=debtor_of(debtor), disputed=disputed, notices=notices)
    debt = replace(debt, claims=tuple(one for one in debt.claims if not _is_reckoned_anew(one, account.ladder.last_level)))
    said = statement(debt, account.ladder.last_level, sent_on=account.today, by=reckoning_of(connection, account))
    money = {"principal": said.principal, "interest": said.interest, "flat": said.flat_sum, "fee": said.fee, "total": said.total}
    return {name: _written(amount) for name, amount in money.items() if amount is not None} | {"currency": said.total.currency}


def _debtor(rows: Sequence[sa.RowMapping]) -> str | None:
    """The kind of debtor the last notice that was reckoned was written to."""
    return next((figures["debtor"] for row in reversed(rows) if (figures := row["figures"] or {}).get("debtor")), None)


def _is_reckoned_anew(claim: Claim, level: int) -> bool:
    """Whether today's interest takes the place of this claim: what the last notice stated, where nobody settled it."""
    return (claim.kind, claim.level, claim.state) == ("interest", level, "open")


def _written(amount: Money) -> str:
    return str(amount.rounded().amount)
