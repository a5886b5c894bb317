"""Beside the plain step: what other functions and optimizers cost, and where the time goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import clearprop as cp
from benchmarks.problem import NETS, Problem
from benchmarks.timing import timed
from clearprop import _native
from clearprop.engine import Data, NativeRunner, State, Window
from clearprop.engine.native import PHASES
from clearprop.network import Network
from clearprop.optimizers import SGD, Adam, Optimizer


def variants(rounds: int, quick: bool) -> dict[str, Any]:
    """Return what a step of the middle-sized net costs, as a multiple of the plain one."""
    width, m, batches = 256, 256, 8

    def chain(activation: str, l2: float = 0.0, dropout: float = 0.0, add: bool = False) -> Network:
        x = cp.Input(54)
        h = cp.Dense(width, activation)(x)
        for _ in range(1):
            more = cp.Dense(width, activation)(cp.Dropout(dropout)(h) if dropout else h)
            h = h + more if add else more
        return Network(inputs=x, outputs=cp.Dense(7)(h), cost="cross_entropy", l2=l2)

    cases: dict[str, tuple[Network, Optimizer, float | None]] = {
        "Adam, relu": (chain("relu"), Adam(1e-3), None),
        "SGD": (chain("relu"), SGD(1e-3), None),
        "dropout 0.2": (chain("relu", dropout=0.2), Adam(1e-3), None),
        "residual": (chain("relu", add=True), Adam(1e-3), None),
        "l2": (chain("relu", l2=1e-4), Adam(1e-3), None),
        "tanh": (chain("tanh"), Adam(1e-3), None),
        "gelu": (chain("gelu"), Adam(1e-3), None),
        "silu": (chain("silu"), Adam(1e-3), None),
        "clipping": (chain("relu"), Adam(1e-3), 1.0),
    }
    rng = np.random.default_rng(0)
    n = m * batches
    data = Data({"X": rng.normal(size=(n, 54)).astype(np.float32)}, {"y": rng.integers(0, 7, n)})
    window = Window(rng.permutation(n), np.arange(batches + 1) * m, np.full(batches, 1e-3))
    runs: dict[str, Callable[[], Any]] = {}
    for name, (net, optimizer, clip) in cases.items():
        runner = NativeRunner(net.graph, optimizer, data, clip=clip, threads=1)
        state = State.initial(net.initial(0).flat, optimizer, 0, "float32", runner.family)
        runs[name] = partial(runner.run, state, window)
    found = timed(runs, rounds, 0.02 if quick else 0.2)
    plain = found["Adam, relu"]["median"]
    for row in found.values():
        row["times plain"] = row["median"] / plain
    return found


def phases(nets: Sequence[str], quick: bool) -> dict[str, Any]:
    """Return the shares of a step's time by what the engine does, of some nets on one thread."""
    kinds = {
        "products forward": ("product",),
        "products backward": ("back_product",),
        "functions": ("map", "map_vjp"),
        "softmax and cost": ("softmax", "cost", "cost_vjp"),
        "rows gathered": ("rows",),
    }
    found: dict[str, Any] = {}
    for name in nets:
        sizes, batch = NETS[name]
        problem = Problem(sizes, batch, 2)
        optimizer, n = Adam(1e-3), 2 * batch
        data = Data({"X": problem.X}, {"y": problem.y})
        runner = NativeRunner(problem.network.graph, optimizer, data, threads=1)
        state = State.initial(problem.start, optimizer, 0, "float32", runner.family)
        steps = max(2, int((2e9 if quick else 2e10) / problem.flop))
        rows = np.tile(np.arange(n), steps // 2)
        window = Window(
            rows, np.arange(len(rows) // batch + 1) * batch, np.full(2 * (steps // 2), 1e-3)
        )
        runner.run(state, window)
        runner.ticks = np.zeros(_native.phases, np.uint64)
        runner.run(state, window)
        ticks: dict[str, float] = {}
        for phase, count in zip(PHASES, runner.ticks.astype(float).tolist(), strict=True):
            ticks[phase] = ticks.get(phase, 0.0) + count
        parts = {kind: sum(ticks[of] for of in names) for kind, names in kinds.items()}
        parts["products of the gradient"] = ticks["sums and update"] - ticks["update"]
        parts["update and copies"] = ticks["update"]
        whole = sum(parts.values())
        found[name] = {kind: part / whole for kind, part in parts.items()}
    return found
