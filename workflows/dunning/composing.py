"""From fresh reads to one message, or to the reason why there is none: the second step of a round.

Decides each invoice again on what the provider says now, reckons its statement, collects every reason for asking a person, and writes
the text. Runs inside a step: its result is journaled, so a replay sends the same words and figures.
"""

from dataclasses import replace
from typing import Any

from email_validator import EmailNotValidError, validate_email
from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import Connection

from workers.authoring import CustomerDoc, InvoiceDoc, Linked, Money, linked_customer
from workflows.dunning import tables
from workflows.dunning.account import Account
from workflows.dunning.credit import credit_of
from workflows.dunning.debtor import debtor_of
from workflows.dunning.demand import debt_of, reckoning_of
from workflows.dunning.eligibility import why_approve, why_not_dunned, words_of
from workflows.dunning.letter import Letter, Line, Standing, address_hash, tags_read
from workflows.dunning.others import stop_foreign
from workflows.dunning.outlook import NOT_TOLD, HandOff, planned
from workflows.dunning.statement import Statement, message_total, statement
from workflows.dunning.wording import Written, language_of, load_wording, of_customer, written_date, written_money

TOLD = ("foreign_dunning", NOT_TOLD)


class Composed(BaseModel):
    """A message, or None where nothing is sent. `alerts`: reasons people are told; `reason`: why which invoice is not in it."""

    model_config = ConfigDict(frozen=True)

    letter: Letter | None = None
    alerts: tuple[HandOff, ...] = ()
    tasks: tuple[HandOff, ...] = ()
    reason: str = ""


def compose(connection: Connection, account: Account, read: list[Standing], gone: list[str]) -> Composed:
    """One message about those of the invoices read that are to be dunned now; `gone` are not there any more."""
    owed = {one.invoice.id: one.invoice.outstanding.amount for one in read if one.invoice.outstanding is not None}
    tables.see(connection, account.source, owed, on=account.today, same_on=account.today)
    account = account.reading(connection, list(owed))
    kept: list[tuple[Standing, Line]] = []
    refused = dict.fromkeys(gone, "not_found")
    for one in read:
        found = _line(connection, account, one)
        if isinstance(found, Line):
            kept.append((one, found))
        else:
            refused[one.invoice.id] = found
    if account.policy.grouping == "per_invoice":
        kept = kept[:1]
    linked = linked_customer(connection, account.source, account.customer_id, account.policy.link, account.now) if kept else None
    problem = _address_problem(connection, account, kept, linked) if kept else None
    tasks: tuple[HandOff, ...] = ()
    if problem is not None:
        refused |= {line.invoice_id: problem for _, line in kept}
        tasks, kept = _asked_once(connection, account, kept[0][1].invoice_id, problem), []
    for invoice_id, reason in refused.items():
        _hold(connection, account, invoice_id, reason)
    rates = {line.statement.no_rate.why: line.invoice_id for _, line in kept if line.statement.no_rate is not None}
    links = [(kept[0][1].invoice_id, linked.problem)] if kept and linked is not None and linked.problem is not None else []
    told = [*((id, why) for why, id in sorted(rates.items())), *links, *(one for one in refused.items() if one[1] in TOLD)]
    alerts = tuple(HandOff(invoice_id=invoice_id, reason=reason) for invoice_id, reason in told)
    said = "; ".join(f"{invoice_id}: {reason}" for invoice_id, reason in refused.items())
    letter = _letter(connection, account, kept, linked) if kept else None
    return Composed(letter=letter, alerts=alerts, tasks=tasks, reason=said[:400])


def _asked_once(connection: Connection, account: Account, invoice_id: str, problem: str) -> tuple[HandOff, ...]:
    """A task about an address that cannot be used, where the same one was not asked for before."""
    row = tables.ladder_of(connection, account.source, invoice_id)
    detail = dict(row["detail"] or {}) if row is not None else {}
    if detail.get("asked") == problem:
        return ()
    tables.put_ladder(connection, account.source, invoice_id, detail={**detail, "asked": problem}, at=account.now)
    return (HandOff(invoice_id=invoice_id, reason=problem),)


def _line(connection: Connection, account: Account, read: Standing) -> Line | str:
    """One invoice as it goes into the message, or why it does not."""
    invoice = read.invoice
    row = tables.ladder_of(connection, account.source, invoice.id)
    detail = dict(row["detail"] or {}) if row is not None else {}
    known = tuple(detail.get("accepted", ()))
    if stop_foreign(connection, account, invoice.id, read.reminders):
        return "foreign_dunning"
    facts = account.facts(connection, invoice)
    facts = replace(facts, words=facts.words | words_of(tags_read(read.customer), {}))
    reason = why_not_dunned(invoice, facts, account.policy)
    if reason is not None:
        return reason
    notices = account.notices(connection, invoice)
    step = planned(connection, account, invoice, detail, notices)
    if step.kind != "notice" or step.send_on > account.today:
        return "due_date_changed"
    rows = tables.notice_rows(connection, account.source, invoice.id, observed_by=account.observed_by)
    copies = sum(one["level"] == step.level and one["state"] == tables.UNDELIVERED for one in rows)
    disputed = account.disputed_part(account.blocks(connection, invoice.id), invoice)
    debt = debt_of(connection, account, invoice, debtor=debtor_of(read.customer.type), disputed=disputed, notices=notices)
    said = statement(debt, step.level, sent_on=account.today, by=reckoning_of(connection, account))
    assert invoice.due_date is not None
    return Line(
        invoice_id=invoice.id, number=invoice.number or invoice.id, due_on=invoice.due_date, statement=said, copy_=copies, known=known,
        letter=account.ladder.steps[step.level].letter, disputed=disputed, debtor=debt.ground.debtor, payment_type=invoice.payment_type,
    )  # fmt: skip


def _letter(connection: Connection, account: Account, kept: list[tuple[Standing, Line]], linked: Linked | None) -> Letter:
    """The message. The PDF that goes with it is that of the invoice at the highest level, the oldest of several."""
    customer = kept[0][0].customer
    first = max(kept, key=lambda one: (one[1].statement.level, -one[1].due_on.toordinal()))[1]
    statements = [line.statement for _, line in kept]
    total = message_total(statements)
    language = language_of(customer, account.ladder.country)
    text = load_wording(account.policy.templates).compose(
        language, [_written(read.invoice, line, language) for read, line in kept],
        of_customer(customer, signature=account.policy.signature), total=written_money(total, language),
    )  # fmt: skip
    together = sum((one.principal for one in statements[1:]), start=statements[0].principal)
    reasons = {why for read, line in kept for why in _approvals(connection, account, read, line.statement, together)}
    return Letter(
        source=account.source, id=first.invoice_id, customer_id=account.customer_id, total=total, lines=tuple(line for _, line in kept),
        recipient=_address(customer, linked), linked=(linked.source, linked.id) if linked and linked.recipient else None,
        subject=text.subject, message=text.message, approve=tuple(sorted(reasons)), exclude=account.policy.exclude,
    )  # fmt: skip


def _approvals(connection: Connection, account: Account, read: Standing, said: Statement, together: Money) -> tuple[str, ...]:
    return why_approve(
        said.level, outstanding=said.principal, together=together, debtor=debtor_of(read.customer.type), fee=said.fee,
        first_to_customer=not tables.was_reminded(connection, account.source, account.customer_id), ladder=account.ladder,
        credit=credit_of(connection, account, read.customer, read.invoice.id), policy=account.policy,
    )  # fmt: skip


def _written(invoice: InvoiceDoc, line: Line, language: str) -> Written:
    said = line.statement
    money = {
        name: written_money(getattr(said, name), language) for name in ("principal", "interest", "per_day", "flat_sum", "fee", "total")
    }
    dates = {"invoice_date": invoice.invoice_date, "due_date": line.due_on, "deadline": said.deadline_on}
    written = {name: written_date(day, language) for name, day in dates.items()}
    return Written(name=said.name, level=said.level, facts={"number": line.number, **money, **written})


def _address_problem(
    connection: Connection, account: Account, kept: list[tuple[Standing, Line]], linked: Linked | None
) -> str | None:  # fmt: skip
    """Why nothing can be mailed to the customer's own address, or the linked one, or None. No other field is used in its place."""
    address = _address(kept[0][0].customer, linked)
    if not address:
        return "no_email"
    try:
        validate_email(address, check_deliverability=False, test_environment=True, allow_smtputf8=not account.policy.needs_mail)
    except EmailNotValidError:
        return "invalid_email"
    hashed = address_hash(address)
    for _, line in kept:
        rows = tables.notice_rows(connection, account.source, line.invoice_id)
        if any(row["state"] == tables.UNDELIVERED and row["address_hash"] == hashed for row in rows):
            return "address_bounced"
    return None


def _address(customer: CustomerDoc, linked: Linked | None) -> str:
    """Where the message goes: to the linked customer's address where there is one, else to the customer's own; "" where there is none."""
    return ((linked.recipient if linked is not None else None) or customer.email or "").strip()


def _hold(connection: Connection, account: Account, invoice_id: str, reason: str) -> None:
    """No further try for this invoice before the next day on which the sender works."""
    until = account.next_working_day
    said: dict[str, Any] = {} if reason == "foreign_dunning" else {"reason": reason[:64]}
    tables.put_ladder(
        connection, account.source, invoice_id, customer_id=account.customer_id, currency=account.currency, hold_until=until,
        at=account.now, **said,
    )  # fmt: skip
