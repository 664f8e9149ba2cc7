"""What must hold once everything has come to rest, whatever was lost on the way.

Each rule is a query that gives sentences; an empty list means that all hold. The numbers are those of the invariants in the design.
Nothing here uses the engine's own queries. What the provider did is counted from the sandbox's log, not from our tables.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import UtcDateTime
from workers.sandbox.core import Call

QVICKLY_READS = ("getPaymentinfo", "getDuePayments", "getCustomersByName", ".list", ".count", ".searchByOrgNumber", ".xml", ".csv")
AUTODNS_READS = (".search",)
READS = (".get", ".getreminders", ".checkvatid", ".createsecurelink", *QVICKLY_READS, *AUTODNS_READS)
Acts = Counter[tuple[str, str]]

# (what is wrong, the query of the rows for which it is): the number is that of the invariant in the design.
RULES: tuple[tuple[str, str], ...] = (
    (
        "2: one delivery is kept twice",
        """SELECT min(id) AS subject FROM delivery
        GROUP BY source, native_type, body_hash, CASE WHEN origin = 'push' THEN '' ELSE native_id END HAVING count(*) > 1""",
    ),
    (
        "3: a delivery was never routed",
        "SELECT id AS subject FROM delivery WHERE routed_at IS NULL AND (route_after IS NULL OR route_after <= :now)",
    ),
    (
        "3: a trigger that came during a run got none of its own",
        """SELECT run.id AS subject FROM run
        WHERE run.ended_at IS NOT NULL AND run.status <> 'superseded' AND run.successor_trigger_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM run AS later WHERE later.workflow = run.workflow AND later.key = run.key
                        AND later.trigger_id = run.successor_trigger_id AND later.id <> run.id)""",
    ),
    (
        "5: one key has two live runs",
        "SELECT min(id) AS subject FROM run WHERE ended_at IS NULL GROUP BY source, workflow, key HAVING count(*) > 1",
    ),
    (
        "7: one slot was called or done twice in a generation",
        """SELECT min(slot.id) AS subject FROM slot JOIN effect ON effect.id = slot.effect_id
        WHERE effect.state IN ('done', 'unknown', 'calling')
        GROUP BY slot.source, slot.object_id, slot.purpose, slot.version, slot.generation HAVING count(*) > 1""",
    ),
    (
        "7: an effect holds no slot",
        """SELECT id AS subject FROM effect WHERE state NOT IN ('cancelled', 'rejected', 'expired')
        AND NOT EXISTS (SELECT 1 FROM slot WHERE slot.effect_id = effect.id AND slot.live)""",
    ),
    (
        "8: an effect's state is not the last of its log",
        """SELECT effect.id AS subject FROM effect
        WHERE state <> (SELECT after FROM effect_log WHERE effect_id = effect.id ORDER BY seq DESC LIMIT 1)""",
    ),
    (
        "8: an effect was called more often than its log says",
        """SELECT id AS subject FROM effect
        WHERE calls > (SELECT count(*) FROM effect_log WHERE effect_id = effect.id AND after = 'calling')""",
    ),
    (
        "9: an effect was called again without a reason",
        """SELECT log.effect_id AS subject FROM effect_log AS log WHERE log.after = 'calling' AND log.reason <> 'same_key'
        AND EXISTS (SELECT 1 FROM effect_log AS first
                    WHERE first.effect_id = log.effect_id AND first.after = 'calling' AND first.seq < log.seq)
        AND coalesce((SELECT reason FROM effect_log AS back WHERE back.effect_id = log.effect_id AND back.after = 'intended'
             AND back.seq < log.seq ORDER BY back.seq DESC LIMIT 1), '') NOT IN ('not_asked', 'look_says_no')""",
    ),
    (
        "10: a run that ended still has a lease or a timer",
        """SELECT id AS subject FROM run
        WHERE ended_at IS NOT NULL AND (lease_until IS NOT NULL OR owner IS NOT NULL OR wake_at IS NOT NULL)""",
    ),
    (
        "10: a run that ended left an effect open",
        """SELECT run.id AS subject FROM run JOIN effect ON effect.run_id = run.id WHERE run.ended_at IS NOT NULL
        AND run.status <> 'superseded' AND effect.state IN ('proposed', 'approved', 'intended', 'calling')""",
    ),
    ("11: a run is ready or running and nobody works on it", "SELECT id AS subject FROM run WHERE status IN ('ready', 'running')"),
    ("11: a waiting run is due", "SELECT id AS subject FROM run WHERE status = 'waiting' AND wake_at <= :now"),
    (
        "11: a parked run is before nobody",
        """SELECT id AS subject FROM run WHERE status = 'parked'
        AND NOT EXISTS (SELECT 1 FROM parked WHERE parked.run_id = run.id AND parked.closed_at IS NULL)""",
    ),
    (
        "11: an unknown effect is before nobody",
        """SELECT effect.id AS subject FROM effect JOIN run ON run.id = effect.run_id
        WHERE effect.state = 'unknown' AND (run.status <> 'waiting' OR run.wake_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM parked WHERE parked.effect_id = effect.id AND parked.closed_at IS NULL)""",
    ),
    (
        "a bug was parked",
        "SELECT reason AS subject FROM parked WHERE closed_at IS NULL AND kind IN ('failed', 'diverged', 'invalid')",
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario: what the provider did, and the effects and runs that stand for it."""

    acts: Acts
    effects: Counter[tuple[str, str, str, str]]
    runs: frozenset[tuple[str, str, str]]

    def differs(self, plain: "Outcome") -> list[str]:
        """In what it is not the same as `plain`, the outcome without a loss."""
        return [
            *_differ("acts", self.acts, plain.acts),
            *_differ("effects", self.effects, plain.effects),
            *_differ("runs", Counter(self.runs), Counter(plain.runs)),
        ]


def _differ(what: str, mine: Counter[Any], theirs: Counter[Any]) -> list[str]:
    return [f"other {what}: {dict(mine - theirs)} instead of {dict(theirs - mine)}"] if mine != theirs else []


_NOW = sa.bindparam("now", type_=UtcDateTime())
_ASKED = (
    f"SELECT {number} AS rule, CAST(subject AS VARCHAR) AS subject FROM ({query}) AS r{number}" for number, (_, query) in enumerate(RULES)
)
_ALL = sa.text(" UNION ALL ".join(_ASKED)).bindparams(_NOW)


def violations(connection: Connection, *, now: datetime) -> list[str]:
    """Every rule that does not hold, with the row it does not hold for."""
    return sorted({f"{RULES[row.rule][0]}: {row.subject}" for row in connection.execute(_ALL, {"now": now})})


def acts_of(calls: Iterable[Call]) -> Acts:
    """How often the provider did what to which object."""
    return Counter((call.service, _object(call)) for call in calls if call.acted and not call.service.endswith(READS))


def _object(call: Call) -> str:
    said = call.data
    payment = said.get("number") or (said.get("PaymentData") or {}).get("number")
    names = ("INVOICE_ID", "CUSTOMER_ID", "WEBHOOK_ID", "ENDPOINT", "ID")
    return str(payment or next((said[name] for name in names if said.get(name)), ""))


def too_many(acts: Acts, allowed: Mapping[tuple[str, str], int]) -> list[str]:
    """What the provider did more often than it may: once, unless `allowed` says more."""
    return [
        f"1: {service} of {id} was done {times} times" for (service, id), times in acts.items() if times > allowed.get((service, id), 1)
    ]


_EFFECTS = sa.text("SELECT workflow, purpose, object_id, state FROM effect WHERE state NOT IN ('cancelled', 'rejected', 'expired')")
_RUNS = sa.text("SELECT workflow, key, status FROM run WHERE key <> 'schedule'")


def outcome(connection: Connection, acts: Acts) -> Outcome:
    """What the database holds of it. Runs of a schedule are left out: how many there are depends on the clock."""
    effects = Counter((row.workflow, row.purpose, row.object_id, row.state) for row in connection.execute(_EFFECTS))
    return Outcome(acts, effects, frozenset((row.workflow, row.key, row.status) for row in connection.execute(_RUNS)))
