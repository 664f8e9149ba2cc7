"""Spoilt samples: what anybody outside may send, and whether every reader takes it or refuses it by name.

`python -m tests.bench.mutations 100000 [SEED]`. Prints a line for each kind of failure with its smallest input, and ends with 1 where there
is one. A failure is whatever a reader raises that is not in tests/bench/readers.py's NAMED.
"""

import random
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.bench.mutators import spoilt
from tests.bench.readers import NAMED, Sample, readings, samples

ROOT = Path(__file__).parents[2]
SLOW_S = 1.0


@dataclass(frozen=True)
class Failure:
    """What was raised, by whom, where in our own code, and of which body."""

    error: str
    reader: str
    place: str
    sample: str
    how: str
    body: bytes

    @property
    def kind(self) -> tuple[str, str]:
        return self.error.partition(":")[0], self.place


@dataclass
class Result:
    """How it went. `failures`: the smallest of each kind; `raised`: how often each named error came."""

    failures: dict[tuple[str, str], Failure]
    times: Counter[tuple[str, str]]
    raised: Counter[str]
    bodies: int = 0
    readings: int = 0


def run(count: int, seed: int, known: list[Sample] | None = None) -> Result:
    """So many spoilt samples, each sample as often as any other, read by everybody who may be given one."""
    chance, known = random.Random(seed), known or samples()
    result = Result({}, Counter(), Counter())
    for number in range(count):
        sample = known[number % len(known)]
        how, body = spoilt(chance, sample.body or b" ")
        result.bodies += 1
        for reader, read in readings(chance, sample, body):
            result.readings += 1
            begun = time.process_time()
            try:
                read()
                result.raised["taken"] += 1
            except NAMED as named:
                result.raised[type(named).__name__] += 1
            except Exception as error:
                _note(result, Failure(f"{type(error).__name__}: {error}"[:200], reader, _place(error), sample.name, how, body))
            if time.process_time() - begun > SLOW_S:
                _note(result, Failure(f"Slow: {time.process_time() - begun:.1f} s", reader, reader, sample.name, how, body))
    return result


def _place(error: Exception) -> str:
    """The last line of our own that was reached."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(str(ROOT)) and "/.venv/" not in frame.filename
    ]
    last = [frame for frame in ours if "/tests/" not in frame.filename] or ours
    return f"{Path(last[-1].filename).relative_to(ROOT)}:{last[-1].lineno}"


def _note(result: Result, failure: Failure) -> None:
    result.times[failure.kind] += 1
    smallest = result.failures.get(failure.kind)
    if smallest is None or len(failure.body) < len(smallest.body):
        result.failures[failure.kind] = failure


def main(count: int, seed: int) -> int:
    """Print the figures; 1 where anything was not refused by name."""
    begun, result = time.monotonic(), run(count, seed)
    took_s = time.monotonic() - begun
    print(f"{result.bodies} spoilt bodies of {len(samples())} samples, {result.readings} readings, seed {seed}, {took_s:.0f} s")
    print("  " + ", ".join(f"{name} {times}" for name, times in result.raised.most_common()))
    for kind, failure in sorted(result.failures.items()):
        print(f"FAILED {result.times[kind]} times: {failure.error} at {failure.place}, {failure.reader}, {failure.sample} {failure.how}")
        print(f"  {failure.body[:600]!r}{' …' if len(failure.body) > 600 else ''}")
    print(f"{sum(result.times.values())} not refused by name")
    return 1 if result.failures else 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 20261121))
