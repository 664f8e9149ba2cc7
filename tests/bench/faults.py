"""Faults on real processes under load, and how long billhook takes to be whole again after each.

`python -m tests.bench.faults [--rounds 5] [--per-second 20] [--store postgresql] [--only kill-worker,redis-hung]`. Starts `billhook up`
with the demo in an empty folder, posts notifications all the time, lets one thing go wrong, and measures from its end until every run
begun before then is done or waits for a person, and how long the door took to answer meanwhile. Afterwards the accounts must balance:
nothing lost, nothing twice. Exits 1 where they do not, or where a killed worker's run took longer than its lease and five seconds.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.bench.demo import Demo, started_up
from tests.bench.kill import TWICE, Load, accounts, wait_until_idle
from tests.bench.machine import described, new_postgres
from tests.bench.mishaps import (
    LEASE_S,
    SKEW_S,
    Mishap,
    clock_off,
    disk_full,
    kill,
    locked,
    postgres_stopped,
    provider_drips,
    provider_hung,
    redis_flushed,
    redis_hung,
    redis_killed,
    zombie,
)
from tests.servers import own_postgres

TAKEN_OVER_S, GIVEN_UP_S = LEASE_S + 5, 180
UNROUTED = "SELECT id, tries, outcome, reason FROM delivery WHERE routed_at IS NULL AND id <= ?"
UNFINISHED = (
    "SELECT r.id, r.status, r.owner, r.lease_until, r.wake_at, r.takeovers, r.failures, r.reason, x.state, x.reason, x.wake_at FROM run r"
    " JOIN event e ON e.id = r.trigger_id LEFT JOIN effect x ON x.run_id = r.id"
    " WHERE r.status IN ('ready', 'running', 'waiting') AND e.delivery_id <= ?"
    " AND NOT EXISTS (SELECT 1 FROM parked p WHERE p.run_id = r.id AND p.closed_at IS NULL)"
)
ANYWHERE: Mapping[str, Mishap] = {
    "kill-receiver": kill("receiver"),
    "kill-worker": kill("worker"),
    "kill-sweeper": kill("sweeper"),
    "zombie-worker": zombie,
    "redis-killed": redis_killed,
    "redis-flushed": redis_flushed,
    "redis-hung": redis_hung,
    "provider-hung": provider_hung,
    "provider-drips": provider_drips,
}
ON_SQLITE: Mapping[str, Mishap] = {"sqlite-locked": locked, "disk-full": disk_full}


def recovered_s(demo: Demo) -> float:
    """Seconds until what is in the database now is done or waits for a person."""
    started = time.monotonic()
    (last,) = demo.query("SELECT coalesce(max(id), 0) FROM delivery")[0]
    told = False
    while left := demo.query(UNROUTED, last) + demo.query(UNFINISHED, last):
        waited = time.monotonic() - started
        if waited > TAKEN_OVER_S and not told:
            print(f"  after {waited:.0f} s, {len(left)} left: {left[:5]}\n{warnings(demo)}", flush=True)
            told = True
        if waited > GIVEN_UP_S:
            raise SystemExit(f"not recovered within {GIVEN_UP_S} s: {accounts(demo)}")
        time.sleep(0.05)
    return time.monotonic() - started


def warnings(demo: Demo, last: int = 12) -> str:
    """What the processes last complained about."""
    lines = [line for log in demo.place.glob("*.log") for line in log.read_text(errors="replace").splitlines()]
    return "\n".join([line for line in lines if "[info" not in line][-last:])


def p99_ms(taken: list[tuple[float, float]], start: float, end: float) -> float:
    """The slowest of a hundred answers between two instants; nan where there were none."""
    found = sorted(ms for at, ms in taken if start <= at < end)
    return found[int(len(found) * 0.99)] if found else float("nan")


def measure(demo: Demo, mishaps: Mapping[str, Mishap], rounds: int, rate: float, chance: random.Random) -> bool:
    """Every fault `rounds` times in random order, then the accounts; whether they balance."""
    load, took, slow = Load(demo, rate), {name: list[float]() for name in mishaps}, {name: list[float]() for name in mishaps}
    quiet = time.monotonic()
    time.sleep(10)
    calm = p99_ms(load.taken, quiet, time.monotonic())
    for name in chance.sample([*mishaps] * rounds, len(mishaps) * rounds):
        time.sleep(chance.uniform(1.0, 3.0))
        begun = time.monotonic()
        mishaps[name](demo)
        slow[name].append(p99_ms(load.taken, begun, time.monotonic()))
        took[name].append(recovered_s(demo))
        print(f"{name}: {took[name][-1]:.1f} s", flush=True)
    load.end()
    _, found = wait_until_idle(demo, LEASE_S + 120)
    print(f"\n{'fault':<16}{'recovery: median s':>20}{'worst s':>10}{'accept p99 meanwhile: median ms':>34}   (calm: {calm:.0f} ms)")
    for name, seconds in took.items():
        print(f"{name:<16}{statistics.median(seconds):>20.1f}{max(seconds):>10.1f}{statistics.median(slow[name]):>34.0f}")
    return balances(demo, load, found) and max(took.get("kill-worker", [0.0])) <= TAKEN_OVER_S


def balances(demo: Demo, load: Load, found: Mapping[str, object]) -> bool:
    """Whether everything accepted is stored and ended, once; printed."""
    sent = Counter(row["invoice_id"] for row in httpx.get(f"{demo.sandbox}/_sandbox/sent").json()["sent"])
    states = Counter(dict(demo.query("SELECT state, count(*) FROM effect GROUP BY state")))
    ended = sum(states[state] for state in ("done", "rejected", "cancelled", "expired", "unknown"))
    stored = demo.query("SELECT count(*) FROM delivery WHERE origin = 'push'")[0][0]
    lost, doubled = (load.accepted - stored, load.accepted - ended), sum(count > 1 for count in sent.values())
    print(f"accepted {load.accepted} (asked again {load.retries} times), stored {stored}, effects {dict(states)}, lost {lost}")
    print(f"slots done twice {demo.query(TWICE)[0][0]}, invoices sent twice {doubled}, parked {found['parked']}")
    return lost == (0, 0) and not found["twice"] and not doubled


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--per-second", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--only", help="these faults, by name, with commas between them")
    chosen = parser.parse_args()
    print(described())
    with ExitStack() as stack:
        place, environ, mishaps = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="billhook-faults-"))), {}, dict(ANYWHERE)
        if chosen.store == "postgresql":
            server = stack.enter_context(own_postgres(durable=True))
            environ["BILLHOOK_DATABASE"] = stack.enter_context(new_postgres(server.url))
            mishaps["postgres-stopped"] = postgres_stopped(server)
            mishaps |= {f"clock-{sign:+d}s": clock_off(sign, place) for sign in (SKEW_S, -SKEW_S)}
        else:
            mishaps |= ON_SQLITE
        only = chosen.only.split(",") if chosen.only else list(mishaps)
        if unknown := set(only) - set(mishaps):
            parser.error(f"no fault called {', '.join(sorted(unknown))} on {chosen.store}; there are {', '.join(mishaps)}")
        demo = stack.enter_context(started_up(place, environ))
        fine = measure(demo, {name: mishaps[name] for name in only}, chosen.rounds, chosen.per_second, random.Random(chosen.seed))
        return int(not fine)


if __name__ == "__main__":
    sys.exit(main())
