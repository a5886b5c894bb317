"""How a run's time grows: with threads, with rows, with parameters."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

import clearprop as cp
from benchmarks import peers
from benchmarks.problem import NETS, Peer, Problem
from benchmarks.step import of_steps
from benchmarks.timing import timed

__all__ = ["measure"]


def measure(rounds: int, quick: bool, peak: dict[str, Any]) -> dict[str, Any]:
    """Return microseconds a step by threads and by width, and nanoseconds a row by rows."""
    return {
        "threads": _threads(rounds, quick),
        "rows": _rows(rounds, quick),
        "parameters": _parameters(rounds, quick, peak),
    }


def _threads(rounds: int, quick: bool) -> list[dict[str, Any]]:
    counts = sorted({1, 2, 4, 8, os.cpu_count() or 1})
    counts = [count for count in counts if count <= (os.cpu_count() or 1)]
    found = []
    for name in ("small", "medium", "large") if quick else NETS:
        problem = Problem(*NETS[name], 6)
        everyone: list[Peer] = [
            peers.ClearProp(problem, "float32", count) for count in (*counts, None)
        ]
        rows = of_steps(problem, everyone, rounds, 0.02 if quick else 0.15)
        steps = [rows[one.name]["median"] for one in everyone]
        found.append(
            {"net": name, "sizes": problem.sizes, "batch": problem.batch, "threads": counts,
             "microseconds": steps[:-1], "its own choice": steps[-1]}
        )  # fmt: skip
    return found


def _rows(rounds: int, quick: bool) -> list[dict[str, Any]]:
    """A whole `cp.train` of one epoch: checks, validation split, model and all."""
    width = 50
    net = cp.Network([width, 64, 64, 2], "relu", cost="cross_entropy")
    found = []
    for count in (1_000, 10_000, 100_000) if quick else (1_000, 10_000, 100_000, 1_000_000):
        rng = np.random.default_rng(0)
        X = rng.standard_normal(size=(count, width), dtype=np.float32)
        y = (X[:, 0] > 0).astype(np.int64)

        def epoch(X: Any = X, y: Any = y) -> None:
            cp.train(net, X, y, epochs=1, batch_size=256, validation=0.1)

        row = timed({"epoch": epoch}, rounds, 0.05)["epoch"]
        found.append({"rows": count} | row)
    return found


def _parameters(rounds: int, quick: bool, peak: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for width in (16, 64, 256, 1024) if quick else (16, 32, 64, 128, 256, 512, 1024, 2048, 4096):
        problem = Problem((width, width, width, 10), 256, 20 if width < 512 else 2)
        one: Peer = peers.ClearProp(problem, "float32", None)
        row = of_steps(problem, [one], rounds, 0.02 if quick else 0.1)[one.name]
        row["share of peak"] = problem.flop / row["median"] / 1e3 / peak["float32"]
        found.append({"width": width, "parameters": len(problem.start)} | row)
    return found
