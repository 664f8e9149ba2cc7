"""The door's bench: accepted deliveries per second, verified and fsynced, as a ratio to bare Starlette on the same server.

`python -m tests.bench.door [--rounds 3] [--seconds 2] [--connections 64] [--variants sqlite,sqlite+workers,…]`. Every message is of a
registered type, so its data is validated at the door, and with workers each becomes an event. Variants are interleaved round by
round, the order reversed every other round; each server is started anew; ratios are of the same round. Load tool, servers and
databases share this machine's cores. "CPU us" is the CPU time of the server for one request, and of worker and sweeper for one
routed delivery: steadier than rates where others use the machine too.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.bench.load import Result, prepare, run
from tests.bench.machine import described, if_there, postgres_if_there
from tests.bench.stage import HOST, HUNG, WORKERS, Servers, Stage
from tests.servers import redis_server

VARIANTS = ("sqlite", f"sqlite+{HUNG}", f"sqlite+{WORKERS}", "postgresql", f"postgresql+{WORKERS}")
AIM = {"sqlite": 0.6, "postgresql": 0.55, f"sqlite+{WORKERS}": 0.35, f"postgresql+{WORKERS}": 0.35}


def measure(variant: str, requests: tuple[Path, int, int], options: argparse.Namespace, servers: Servers, key: bytes) -> Result:
    """One run of one variant on a fresh server and database, after a warm-up of one second."""
    path, size, count = requests
    how = {"host": HOST, "connections": options.connections}
    with tempfile.TemporaryDirectory(prefix="bh-bench-") as place:
        stage = Stage(variant, Path(place), servers, key)
        try:
            warm = run(path, size, port=stage.port, seconds=1, offset=0, **how)
            stage.wait_for_roles()
            offset = (warm.requests + 2 * options.connections) % count
            routed, (server_s, roles_s) = stage.routed(), stage.cpu_s()
            result = run(path, size, port=stage.port, seconds=options.seconds, offset=offset, **how)
            routed, server_s, roles_s = stage.routed() - routed, stage.cpu_s()[0] - server_s, stage.cpu_s()[1] - roles_s
        finally:
            kept = stage.stop()
        if variant != "bare" and kept < warm.requests + result.requests and offset + result.requests < count:
            raise SystemExit(f"{variant}: {warm.requests + result.requests} answered, {kept} kept")
        cpu_us, routing_us = server_s / result.requests * 1e6, roles_s / routed * 1e6 if routed else 0.0
        return replace(result, cpu_us=cpu_us, routed=routed / result.seconds, routing_us=routing_us)


def report(results: dict[str, list[Result]]) -> None:
    """A table of medians and ranges, and the ratio to bare Starlette of the same round."""
    bare, middle = results["bare"], statistics.median
    print(
        f"{'variant':<20}{'req/s':>8}  {'range':<16}{'p50 ms':>7}{'p99 ms':>8}{'ratio':>7}  {'of each round':<20}{'aim':>5}"
        f"{'errors':>7}{'CPU us':>7}{'routed/s':>9}{'CPU us':>7}"
    )
    for variant, runs in results.items():
        rates, ratios = [one.rate for one in runs], [one.rate / other.rate for one, other in zip(runs, bare, strict=True)]
        routed = f"{middle(one.routed for one in runs):>9,.0f}{middle(one.routing_us for one in runs):>7.0f}" if WORKERS in variant else ""
        print(
            f"{variant:<20}{middle(rates):>8,.0f}  {f'{min(rates):,.0f}-{max(rates):,.0f}':<16}{middle(one.p50 for one in runs):>7.1f}"
            f"{middle(one.p99 for one in runs):>8.1f}{middle(ratios):>7.2f}  {' '.join(f'{ratio:.2f}' for ratio in ratios):<20}"
            f"{AIM.get(variant, ''):>5}{sum(one.errors for one in runs):>7}{middle(one.cpu_us for one in runs):>7.0f}{routed}"
        )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.door")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--variants", default=",".join(VARIANTS))
    options = parser.parse_args(arguments)
    print(described())
    print(
        f"load tool {'wrk' if shutil.which('wrk') else 'own'}, {options.connections} connections, 2 kB signed bodies, "
        f"{options.seconds} s after 1 s, {options.rounds} rounds, one receiver process"
    )
    key, results = os.urandom(32), defaultdict[str, list[Result]](list)
    with ExitStack() as stack:
        variants = ["bare", *options.variants.split(",")]
        postgres = redis = None
        if any(variant.startswith("postgresql") for variant in variants):
            postgres = postgres_if_there(stack)
        if any(WORKERS in variant for variant in variants):
            redis = if_there(stack, "workers", redis_server)
        variants = [v for v in variants if (postgres or not v.startswith("postgresql")) and (redis or WORKERS not in v)]
        servers = Servers(postgres, redis)
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bh-load-")))
        count = 30_000 * (options.seconds + 1)
        for number in range(options.rounds):
            size = prepare(place / "requests", host=HOST, source="bench", key=key, count=count)
            for variant in variants if number % 2 == 0 else reversed(variants):
                results[variant].append(measure(variant, (place / "requests", size, count), options, servers, key))
    report({variant: results[variant] for variant in variants})
    return 0


if __name__ == "__main__":
    sys.exit(main())
