"""How anything here is timed: several candidates in one run, order rotating, medians and spread."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import record

__all__ = ["seconds_of", "timed"]

HOPELESS = 1.5
"""So many times as long as the fastest of its rivals, and a candidate is timed no further."""


def seconds_of(once: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    once()
    return time.perf_counter() - start


def timed(
    runs: Mapping[str, Callable[[], Any]],
    rounds: int,
    seconds: float,
    rivals: Mapping[str, str] | None = None,
) -> dict[str, dict[str, float]]:
    """Return microseconds a call of each: every round times each for about so many seconds.

    A call before all others warms caches and compilers; the next one tells how often to repeat.
    Of candidates with the same word in ``rivals`` only the fastest counts: those whose one call
    takes longer than a round's time, and that the first round leaves without hope, stay with that
    one sample.
    """
    repeats, once_took = {}, {}
    for name, once in runs.items():
        once()
        once_took[name] = seconds_of(once)
        repeats[name] = max(1, int(seconds / once_took[name]))
    samples: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for number in range(rounds):
        if number == 1 and rivals:
            least = {of: min(1e6 * once_took[of], samples[of][0]) for of in names}
            slow = [of for of in rivals if once_took[of] > seconds]
            names = [of for of in names if of not in slow or _has_hope(of, least, rivals)]
        turn = number * 3 % len(names)
        for name in names[turn:] + names[:turn]:
            gc.collect()
            once, count = runs[name], repeats[name]
            start = time.perf_counter()
            for _ in range(count):
                once()
            samples[name].append(1e6 * (time.perf_counter() - start) / count)
    return {name: dict(record.summary(of)) for name, of in samples.items()}


def _has_hope(name: str, least: Mapping[str, float], rivals: Mapping[str, str]) -> bool:
    best = min(least[other] for other, word in rivals.items() if word == rivals[name])
    return least[name] <= HOPELESS * best
