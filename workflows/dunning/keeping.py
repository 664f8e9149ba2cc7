"""After a message: its notices and claims, or why it did not go out. The last step of a round."""

from datetime import date
from typing import Any

from sqlalchemy.engine import Connection

from workers.authoring import PastEffect, effects_about, local_day
from workflows.dunning import tables
from workflows.dunning.account import Account
from workflows.dunning.eligibility import BLOCKED
from workflows.dunning.letter import NOTICE, Letter, Line, address_hash

STOPS = ("operator_rejected", "duplicate_intent", "rejected")


def keep_sent(connection: Connection, account: Account, run_id: str, letter: Letter) -> list[str]:
    """Keep a notice for each invoice of a message that went out, and what it claims; the names of their levels."""
    effect = _effect_of(connection, letter)
    for line in letter.lines:
        _notice(connection, account, run_id, letter, line, effect)
        if account.observed_by is None:
            tables.put_claims(connection, account.source, line.invoice_id, line.statement.new_claims, at=account.now)
        tables.put_ladder(
            connection, account.source, line.invoice_id, reason=None, next_name=None, next_on=None, hold_until=None, at=account.now
        )
        tables.forget(connection, account.source, line.invoice_id, "asked")
    return [line.version for line in letter.lines]


def keep_unsent(connection: Connection, account: Account, letter: Letter, reason: str, planned_on: date) -> str:
    """Note why a message did not go out: it is tried again on the next working day, or not before an operator says `look.again`.

    What went out of date on an earlier day, while nobody answered, is planned anew today.
    """
    again = account.today if reason == "expired" and planned_on < account.today else account.next_working_day
    stopped = {"state": tables.STOPPED} if reason in STOPS else {}
    said: dict[str, Any] = {"reason": BLOCKED.get(reason, reason)[:64], "hold_until": again, **stopped}
    for line in letter.lines:
        tables.put_ladder(connection, account.source, line.invoice_id, at=account.now, noted=bool(stopped), **said)
    return reason


def _notice(connection: Connection, account: Account, run_id: str, letter: Letter, line: Line, effect: PastEffect | None) -> None:
    said = line.statement
    figures = {
        name: None if (money := getattr(said, name)) is None else str(money.rounded().amount)
        for name in ("principal", "interest", "per_day", "flat_sum", "fee", "total")
    }
    figures["debtor"] = line.debtor
    figures["disputed"] = None if line.disputed is None else str(line.disputed.rounded().amount)
    figures["default_from"] = None if said.default is None else said.default.from_on.isoformat()
    figures["basis"] = None if said.default is None else said.default.basis
    tables.add_notice(
        connection, account.source, line.invoice_id, customer_id=account.customer_id, level=said.level, copy=line.copy_, name=said.name,
        sent_on=_sent_on(account, effect), deadline_on=said.deadline_on, way="email", run_id=run_id,
        state=tables.DONE if account.observed_by is None else tables.OBSERVED, effect_id=effect.id if effect else None,
        called_at=effect.called_at if effect else None, settled_at=effect.settled_at if effect else None,
        address_hash=address_hash(letter.recipient), figures=figures,
    )  # fmt: skip


def _sent_on(account: Account, effect: PastEffect | None) -> date:
    """The local day of the call, or the one a person named who resolved it."""
    return account.today if effect is None or effect.settled_at is None else local_day(effect.settled_at, account.zone)


def _effect_of(connection: Connection, letter: Letter) -> PastEffect | None:
    done = [one for one in effects_about(connection, letter.source, letter.id, (NOTICE,)) if one.state == "done"]
    return done[-1] if done else None
