"""Dunning: one run per customer and currency asks for what is overdue, step by step, until nothing is open.

Every round looks at all invoices, and either waits for the next due day or sends one message. What keeps an invoice from being dunned
has a reason code in its ladder row, which `billhook panel dunning` and `explain` show.
"""

from workers.authoring import (
    BlockReleased,
    CustomerDeleted,
    CustomerUpdated,
    EffectCancelled,
    EffectExpired,
    EmailBounced,
    InvoiceCanceled,
    InvoiceChanged,
    InvoiceOverdue,
    InvoicePaid,
    InvoiceReopened,
    InvoiceSent,
    LookAgain,
    NotFound,
    PaymentChargeback,
    PaymentFailed,
    PaymentReminded,
    Rejected,
    RemindersDoc,
    Run,
    monsum,
    workflow,
)
from workflows.dunning.account import Account
from workflows.dunning.byhand import NoticeSent
from workflows.dunning.composing import compose
from workflows.dunning.keeping import keep_sent, keep_unsent
from workflows.dunning.letter import Letter, Standing, mail_notice, send_notice, standing
from workflows.dunning.others import take_notice
from workflows.dunning.outlook import NOT_TOLD, HandOff, Outlook, look
from workflows.dunning.plans import PlanAgreed
from workflows.dunning.policy import NAME, DunningPolicy
from workflows.dunning.timeline import lines_of

ROUNDS_MAX = 500
INSTEAD = "remind by hand (notice.sent) or take out (block.exclude)"
NEWS = (
    InvoiceOverdue, InvoicePaid, InvoiceReopened, InvoiceCanceled, InvoiceChanged, InvoiceSent, BlockReleased, CustomerUpdated,
    PaymentFailed, PaymentChargeback, PaymentReminded, EmailBounced, NoticeSent, PlanAgreed, LookAgain,
)  # fmt: skip


@workflow(
    NAME,
    on=InvoiceOverdue,
    key=lambda event: f"{event.customer_id}/{event.currency}",
    about="customer",
    start="one-per-key",
    policy=DunningPolicy,
)
def dunning(run: Run, event: InvoiceOverdue) -> None:
    """All overdue invoices of one customer in one currency; the daily duty starts another run after ROUNDS_MAX rounds."""
    if event.customer_id is None:
        run.skip("customer_unknown")
    if run.reissued:
        run.skip("next_level_follows")
    for round in range(ROUNDS_MAX):
        account = _account(run, event, round)
        outlook = run.step(f"look {round}", look, account)
        _tell(run, round, outlook)
        if outlook.due:
            _notify(run, round, account, outlook)
        elif not outlook.live:
            return
        else:
            awaited = NEWS if outlook.deleted else (*NEWS, CustomerDeleted)  # a Fact is news for ever
            news = run.wait_for(*awaited, until=outlook.wake_at, name=f"wait {round}")
            if isinstance(news, PaymentReminded):
                _reminded(run, round, account, outlook)


def _account(run: Run, event: InvoiceOverdue, round: int) -> Account:
    """The customer under today's policy. Ends the run where the zone names no ladder."""
    policy: DunningPolicy = run.policy(f"policy {round}")
    try:
        policy.ladder_in(str(run.zone))
    except ValueError:
        run.alert("no ladder", "no_ladder", about=run.source)
        run.skip("no_ladder")
    return Account(
        source=run.source, customer_id=str(event.customer_id), currency=event.currency, policy=policy, zone=run.zone, now=run.now(),
        observed_by=run.id if run.mode == "observe" else None,
    )  # fmt: skip


def _tell(run: Run, round: int, outlook: Outlook) -> None:
    """What people are to know or to do after a look; in observe nobody is asked."""
    if run.mode == "observe":
        return
    if outlook.stale:
        run.alert(f"stale {round}", "stale_bank_data", about=run.source, data=outlook.stale)
    if outlook.blind:
        run.alert(f"blind {round}", NOT_TOLD, about=run.source, invoice=outlook.blind, instead=INSTEAD)
    if outlook.rate_gap:
        run.alert(f"rate gap {round}", outlook.rate_gap, about=f"{run.source}/rates")
    for cut in outlook.cut:
        run.alert(f"{cut.reason} {cut.invoice_id} {round}", cut.reason, about=_subject(run, cut), invoice=cut.invoice_id)
    _ask(run, round, outlook.tasks)


def _reminded(run: Run, round: int, account: Account, outlook: Outlook) -> None:
    """The provider says that it reminded somebody: ask at once which of the open invoices it was."""
    read = {id: found for id in outlook.open if (found := _reminders(run, round, id)) is not None}
    for id in run.step(f"reminded {round}", take_notice, account.at(run.now()), read):
        if run.mode != "observe":
            run.alert(f"foreign {id} {round}", "foreign_dunning", about=f"{run.source}/invoice:{id}", invoice=id)


def _reminders(run: Run, round: int, invoice_id: str) -> RemindersDoc | None:
    try:
        return run.read(f"reminders {invoice_id} {round}", monsum.reminders, invoice_id)
    except NotFound:
        return None


def _ask(run: Run, round: int, tasks: tuple[HandOff, ...]) -> None:
    for task in tasks if run.mode != "observe" else ():
        run.task(f"{task.reason} {task.invoice_id} {round}", task.reason, invoice=task.invoice_id, **task.figures)


def _notify(run: Run, round: int, account: Account, outlook: Outlook) -> None:
    """Read what is due anew, and send one message about it."""
    read = [found for id in outlook.due if (found := _read(run, round, id)) is not None]
    account = account.at(run.now())
    composed = run.step(
        f"compose {round}", compose, account, read, [id for id in outlook.due if id not in {one.invoice.id for one in read}]
    )
    if run.mode != "observe":
        for alert in composed.alerts:
            more = {"instead": INSTEAD} if alert.reason == NOT_TOLD else {}
            named = f"{alert.reason} {alert.invoice_id} {round}"
            run.alert(named, alert.reason, about=_subject(run, alert), invoice=alert.invoice_id, **more)
        _ask(run, round, composed.tasks)
    if composed.letter is not None:
        _send(run, round, account, composed.letter)


def _subject(run: Run, alert: HandOff) -> str:
    """What an alert is about: rates, and a provider that does not tell what is owed, concern everybody and are told once."""
    if alert.reason == NOT_TOLD:
        return run.source
    return f"{run.source}/rates" if alert.reason.startswith("rate_") else f"{run.source}/invoice:{alert.invoice_id}"


def _read(run: Run, round: int, invoice_id: str) -> Standing | None:
    try:
        return run.read(f"read {invoice_id} {round}", standing, invoice_id)
    except NotFound:
        return None


def _send(run: Run, round: int, account: Account, letter: Letter) -> None:
    """Carry out one message and keep what came of it."""
    run.step(f"send {round} figures", lines_of, letter)
    closes = account.policy.hours.on(account.today, account.zone)[1]
    try:
        service = mail_notice if account.policy.needs_mail else send_notice
        outcome = run.effect(
            f"send {round}", service, letter, valid_until=closes, recipient=letter.recipient, subject=letter.subject,
            message=letter.message,
        )  # fmt: skip
        reason = "duplicate_intent" if outcome.state == "duplicate" else None
    except EffectCancelled as ended:
        reason = ended.reason
    except EffectExpired:
        reason = "expired"
    except Rejected:
        reason = "rejected"
    if reason is not None:
        run.step(f"not sent {round}", keep_unsent, account.at(run.now()), letter, reason, account.today)
        return
    run.step(f"sent {round}", keep_sent, account.at(run.now()), run.id, letter)
    _letters(run, round, letter)


def _letters(run: Run, round: int, letter: Letter) -> None:
    """A step that wants a letter beside the e-mail is a person's work: no service can post a dunning letter."""
    if run.mode != "observe" and any(line.letter for line in letter.lines):
        run.task(f"letter {round}", "send_a_letter", invoice=letter.id, customer=letter.customer_id)
