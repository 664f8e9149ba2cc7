"""A 60-day ladder for many invoices, simulated: seconds, peak memory, notices. `python -m tests.bench.ladders 10000`; 100 without a number.

Half of the customers owe two invoices, a third of all invoices is paid on the way. It is what `billhook simulate` does with such a file:
the real router, engine and workflows on a moved clock, in memory.
"""

import resource
import sys
from collections import Counter
from datetime import date, datetime, timedelta
from time import perf_counter, process_time

from receiver.log import configure
from tests.bench.machine import described
from workers.loading import load_folders
from workers.simulate.play import play
from workers.simulate.scenario import Customer, Happening, Invoice, Scenario

START, DAYS = datetime.fromisoformat("2026-03-16T08:00:00"), 60
FEW = 100


def story(count: int) -> Scenario:
    """`count` invoices that are overdue from the first day, sent, and dunned as the policy says."""
    customers = [f"{n * 2 // 3}" for n in range(count)]
    policy = {
        "mode": "auto",
        "approve_first_notice": False,
        "daily_cap": count * 2,
        "spike_floor": count * 2,
        "rates": {"DE": {"2026-01-01": "1.27"}},
    }
    return Scenario.model_construct(
        zone="Europe/Berlin", kind="monsum", source="shop", start=START, until=START + timedelta(days=DAYS), auto_approve=True,
        policy={"dunning": policy},
        customer=tuple(Customer(id=id, type="business", email=f"k{id}@example.org") for id in dict.fromkeys(customers)),
        invoice=tuple(
            Invoice(
                id=f"R{n}", customer=id, total="1190.00", date=date(2026, 3, 1), due=date(2026, 3, 15), sent=date(2026, 3, 1),
                payment_type="1",
            )
            for n, id in enumerate(customers)
        ),
        happens=tuple(
            Happening(at=START + timedelta(days=n % (DAYS - 1), hours=3), what="payment", invoice=f"R{n}") for n in range(0, count, 3)
        ),
    )  # fmt: skip


def main() -> int:
    """Print the figures of one simulation."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else FEW
    configure("error")
    load_folders()
    said, began, worked = story(count), perf_counter(), process_time()
    rows = play(said)
    seconds, cpu = perf_counter() - began, process_time() - worked
    sent = Counter(row.name for row in rows if row.workflow == "dunning" and row.kind == "effect" and row.state == "done")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count:,} invoices, {len(said.customer):,} customers, {DAYS} days")
    print(f"{seconds:.1f} s, {cpu:.1f} s of them processor time; peak memory {peak:,.0f} MiB")
    print("notices: " + (", ".join(f"{name} {sent[name]:,}" for name in sorted(sent)) or "none") + f"; {sum(sent.values()):,} in all")
    print(described())
    return 0


if __name__ == "__main__":
    sys.exit(main())
