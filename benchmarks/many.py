"""Many networks at once: `train_many` beside the same runs one by one, and in other processes."""

from __future__ import annotations

import os
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np

import clearprop as cp
from benchmarks.timing import timed

__all__ = ["measure"]

CASES: dict[str, tuple[tuple[int, ...], int, int, int, int]] = {
    "tiny": ((30, 32, 16, 2), 32, 1_000, 60, 16),
    "small": ((54, 64, 64, 7), 64, 5_000, 20, 16),
    "medium": ((54, 256, 256, 7), 256, 10_000, 4, 8),
    "large": ((784, 512, 512, 10), 128, 4_000, 2, 8),
}
"""Sizes, batch, rows, epochs, runs."""


def _train(net: cp.Network, X: Any, y: Any, told: dict[str, Any]) -> cp.Model:
    return cp.train(net, X, y, **told)


def measure(rounds: int, quick: bool) -> dict[str, Any]:
    """Return seconds for all runs of each case, by how they were done."""
    found = {}
    cores = os.cpu_count() or 1
    with joblib.Parallel(n_jobs=cores) as parallel:
        for name, (sizes, batch, count, epochs, runs) in CASES.items():
            if quick:
                epochs, runs = max(1, epochs // 4), runs // 2
            rng = np.random.default_rng(0)
            X = rng.normal(size=(count, sizes[0])).astype(np.float32)
            y = rng.integers(0, sizes[-1], count)
            net = cp.Network(list(sizes), "relu", cost="cross_entropy")
            told = [
                {"seed": seed, "epochs": epochs, "batch_size": batch, "validation": 0.2,
                 "learning_rate": 1e-3 * (1 + seed), "early_stopping": False}
                for seed in range(runs)
            ]  # fmt: skip

            def one_by_one(net: Any = net, X: Any = X, y: Any = y, told: Any = told) -> None:
                for run in told:
                    cp.train(net, X, y, **run)

            def processes(net: Any = net, X: Any = X, y: Any = y, told: Any = told) -> None:
                parallel(joblib.delayed(_train)(net, X, y, run) for run in told)

            def at_once(net: Any = net, X: Any = X, y: Any = y, told: Any = told) -> None:
                cp.train_many(told, X, y, network=net)

            rows = timed(
                {
                    "cp.train_many": at_once,
                    "cp.train one by one": one_by_one,
                    f"cp.train in {cores} processes of joblib, warm": processes,
                },
                rounds,
                0.0,
            )
            for row in rows.values():
                for key in ("median", "least", "greatest"):
                    row[key] /= 1e6
            found[name] = {
                "sizes": sizes, "batch": batch, "rows": count, "epochs": epochs, "runs": runs,
                "seconds": rows,
            }  # fmt: skip
    return found
