"""One top-up on its way: its order in the table, how an effect of it came out, and how it ends.

Used by topup.py and workflow.py. Whatever an order comes to is written in a step of its own, so a replay and a crash see the same.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from sqlalchemy.engine import Connection

from workers.authoring import EffectCancelled, EffectExpired, Outcome, Rejected, Run
from workflows.credits import tables
from workflows.credits.effects import TopUp
from workflows.credits.policy import CreditsPolicy

REST = timedelta(hours=24)
AGAIN = {"balance_moved": timedelta(0), "pause": timedelta(hours=1), "dispute": REST, "insolvency": REST}


@dataclass(frozen=True, slots=True)
class Came:
    """How an effect came out: its outcome, or the reason code why there is none."""

    outcome: Outcome | None
    reason: str = ""
    declined: bool = False


@dataclass(kw_only=True)
class Errand:
    """The run, its policy, and the top-up it makes. `short`: of a transfer less came in than was planned."""

    run: Run
    policy: CreditsPolicy
    topup: TopUp
    short: bool = False

    def act(self, step: str, effect: Any, obj: Any, *, valid_until: datetime | None = None, **said: Any) -> Came:
        """Carry out an effect of this order."""
        try:
            outcome = self.run.effect(step, effect, obj, valid_until=valid_until, **said)
        except EffectExpired:
            return Came(None, "approval_expired")
        except EffectCancelled as ended:
            return Came(None, ended.reason)
        except Rejected as said_no:
            return Came(None, "; ".join(said_no.reasons)[:200] or "rejected", declined=True)
        return Came(outcome) if outcome.state != "duplicate" else Came(None, "duplicate_intent")

    def keep(self, step: str, **said: Any) -> None:
        """Write how far the order is."""
        self.run.step(step, _keep, self.topup.source, self.topup.uid, said)

    def drop(self, reason: str) -> NoReturn:
        """Nothing was charged and nothing will be: the order is over, the next look may plan another one."""
        next_at = self.run.now() + AGAIN.get(reason, REST)
        self.run.step("order ended", _end, self.topup, tables.CANCELLED, reason, self.run.now(), next_at, None)
        self.run.skip(reason)

    def fail(self, reason: str, **ids: Any) -> NoReturn:
        """The order failed: no further top-up of this customer until a person looked."""
        self.run.alert("top-up failed", f"topup_{reason}"[:128], customer=self.topup.id, order=self.topup.uid, **ids)
        self.run.step("order ended", _end, self.topup, tables.FAILED, reason, self.run.now(), None, reason)
        self.run.skip(reason)


def _keep(connection: Connection, source: str, uid: str, said: dict[str, Any]) -> str:
    tables.set_order(connection, source, uid, **said)
    return str(said.get("state", ""))


def _end(
    connection: Connection, topup: TopUp, state: str, reason: str, now: datetime, next_at: datetime | None, suspended: str | None
) -> str:
    tables.give_back(connection, topup.source, topup.uid)
    tables.set_order(connection, topup.source, topup.uid, state=state, reason=reason[:64], ended_at=now)
    tables.put_customer(connection, topup.source, topup.id, next_at=next_at, suspended=suspended[:64] if suspended else None)
    return state
