"""Every optimizer on one small regression: how close it comes, in how many epochs and seconds.

Friedman's first function without noise (Friedman 1991, eq. 61), 500 rows to train and 2,000 fresh
ones to judge by; a 5-20-1 network of tanh, targets in units of their standard deviation. Of a rule
with a rate the best of a grid counts, judged by the cost of its training rows; seeds give initial
values and the order of rows.

``python -m benchmarks.optimizers`` writes benchmarks/results/optimizers.json;
``tools/optimizer_page.py`` writes docs/optimizers.md from it.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import numpy as np

from benchmarks.record import RESULTS, load, provenance, write
from clearprop import Network, Training
from clearprop.errors import DivergenceError
from clearprop.optimizers import OPTIMIZERS

RECORD = RESULTS / "optimizers.json"
SEEDS = 5
EPOCHS = 400
ROWS, FRESH = 500, 2000
GRID = (1.0, 3.0, 10.0, 30.0)
"""Multiples of a rule's own rate."""


def friedman(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs in units of their standard deviation, and the function of them."""
    u = rng.uniform(size=(n, 5))
    y = 10 * np.sin(np.pi * u[:, 0] * u[:, 1]) + 20 * (u[:, 2] - 0.5) ** 2
    return (u - 0.5) * np.sqrt(12), y + 10 * u[:, 3] + 5 * u[:, 4]


def one(name: str, rate: float | None, seed: int, data: list[np.ndarray]) -> dict[str, Any]:
    """A run: its training cost and its error on fresh rows, after a tenth of it and at its end."""
    X, y, fresh, truth = data
    rule = OPTIMIZERS[name]
    training = Training(
        Network([5, 20, 1], "tanh"), X, y, optimizer=name, learning_rate=rate, seed=seed,
        epochs=EPOCHS, schedule="cosine" if rule.scheduled else "constant",
    )  # fmt: skip

    def error() -> float:
        out = training.network.forward(training.best, fresh)
        return float(np.sqrt(((out - truth) ** 2).mean()))

    began = time.perf_counter()
    training.advance(epochs=EPOCHS // 10)
    early, paused = error(), time.perf_counter()
    resumed = time.perf_counter()
    training.run()
    seconds = time.perf_counter() - resumed + paused - began
    cost = training.network.cost(training.best, X, y)
    return {"cost": cost, "early": early, "end": error(), "seconds": seconds,
            "epochs": training.epoch, "precision": training._runner.precision}  # fmt: skip


def measured(name: str, data: list[np.ndarray]) -> dict[str, Any]:
    """The best rate of a rule and its medians over the seeds."""
    rule = OPTIMIZERS[name]()
    has_rate = any(attr.name == "learning_rate" for attr in rule.attrs)
    tried: dict[float | None, list[dict[str, Any]]] = {}
    for rate in [rule.learning_rate * times for times in GRID] if has_rate else [None]:
        try:
            tried[rate] = [one(name, rate, seed, data) for seed in range(SEEDS)]
        except DivergenceError as error:  # such a rate is none to count
            print(f"{name} {rate}: {error}")
    best = min(tried, key=lambda rate: statistics.median(run["cost"] for run in tried[rate]))
    runs = tried[best]
    found: dict[str, Any] = {
        what: statistics.median(run[what] for run in runs)
        for what in ("early", "end", "seconds", "epochs")
    }
    print(f"{name:14} rate {best}: {found}", flush=True)
    return {
        "rate": best,
        "worst": max(run["end"] for run in runs),
        "precision": runs[0]["precision"],
        **found,
    }


def main() -> None:
    """Measure all rules and write the record."""
    rng = np.random.default_rng(0)
    (X, y), (fresh, truth) = friedman(rng, ROWS), friedman(rng, FRESH)
    middle, spread = y.mean(), y.std()
    data = [X, ((y - middle) / spread)[:, None], fresh, ((truth - middle) / spread)[:, None]]
    busy = (load() or 0.0) / (os.cpu_count() or 1)
    run = provenance() | {"seeds": SEEDS, "epochs": EPOCHS, "rows": ROWS, "load": busy}
    write(RECORD, {"run": run, "rules": {name: measured(name, data) for name in OPTIMIZERS}})


if __name__ == "__main__":
    main()
