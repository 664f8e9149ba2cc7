"""`make bench`: every bench, one after the other, on this machine; each prints its own figures. ARGS="door latency" chooses."""

import subprocess
import sys

BENCHES = ("door", "latency", "runs", "peers", "kill", "faults", "backlog", "prove", "ladders", "gaps", "pages", "watching")


def main() -> int:
    """The exit code: the worst of the chosen benches'."""
    chosen = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in chosen if name not in BENCHES]
    if unknown:
        print(f"no bench called {', '.join(unknown)}; there are {', '.join(BENCHES)}")
        return 2
    worst = 0
    for name in chosen:
        print(f"\n== {name}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
