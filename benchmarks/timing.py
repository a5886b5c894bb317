"""How anything here is timed: several candidates in one run, order rotating, medians and spread."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import record

__all__ = ["seconds_of", "timed"]


def seconds_of(once: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    once()
    return time.perf_counter() - start


def timed(
    runs: Mapping[str, Callable[[], Any]], rounds: int, seconds: float
) -> dict[str, dict[str, float]]:
    """Return microseconds a call of each: every round times each for about so many seconds.

    A call before all others warms caches and compilers; the next one tells how often to repeat.
    """
    repeats = {}
    for name, once in runs.items():
        once()
        repeats[name] = max(1, int(seconds / seconds_of(once)))
    samples: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for number in range(rounds):
        turn = number * 3 % len(names)
        for name in names[turn:] + names[:turn]:
            gc.collect()
            once, count = runs[name], repeats[name]
            start = time.perf_counter()
            for _ in range(count):
                once()
            samples[name].append(1e6 * (time.perf_counter() - start) / count)
    return {name: dict(record.summary(of)) for name, of in samples.items()}
