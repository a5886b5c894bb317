"""Beside the plain step: variants of it, prediction, products, and the first fit of a process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import clearprop as cp
from benchmarks import record
from benchmarks.problem import NETS, Problem
from clearprop import _native
from clearprop.engine import Data, NativeRunner, Precision, State, Window
from clearprop.engine.native import PHASES
from clearprop.model.compiled import Compiled
from clearprop.network import Network
from clearprop.optimizers import SGD, Adam, Optimizer

FIRST_FIT = """
import resource, sys, time
import numpy as np
X = np.random.default_rng(0).normal(size=({n}, {width})).astype(np.float32)
y = (X[:, 0] > 0).astype(int)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
start = time.perf_counter()
import clearprop as cp
from clearprop.engine import NativeRunner
base = peak()
model = cp.train(cp.Network([{width}, {hidden}, {hidden}, 2], cost="cross_entropy"), X, y,
                 epochs={epochs}, batch_size={batch}, seed=0)
print(time.perf_counter() - start, peak() - base, X.nbytes, 4 * model.parameters.flat.size)
"""


def product_of(A: np.ndarray[Any, Any], precision: Precision) -> Callable[[], Any]:
    """Return a product of our own, A · Wᵀ: a network of one layer, its packing inside."""
    n = len(A)
    net = Network([n, n], "identity", cost="squared_error", output="identity", bias="none")
    flat = np.full(n * n, 1 / n, np.float32)
    runner = NativeRunner(
        net.graph, None, Data({"X": A[:1]}, {}), precision=precision, threads=os.cpu_count()
    )
    return lambda: runner.forward(flat, {"X": A})


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


def phases(quick: bool) -> dict[str, Any]:
    """Return, for each net on one thread, the shares of a step's time by what the engine does."""
    kinds = {
        "products forward": ("product",),
        "products backward": ("back_product",),
        "functions": ("map", "map_vjp"),
        "softmax and cost": ("softmax", "cost", "cost_vjp"),
        "rows gathered": ("rows",),
    }
    found: dict[str, Any] = {}
    for name, (sizes, batch) in NETS.items():
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


def timed(
    runs: dict[str, Callable[[], Any]], rounds: int, seconds: float
) -> dict[str, dict[str, float]]:
    """Return microseconds a call, order rotating."""
    repeats = {}
    for name, once in runs.items():
        once()
        start = time.perf_counter()
        once()
        repeats[name] = max(1, int(seconds / (time.perf_counter() - start)))
    samples: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            start = time.perf_counter()
            for _ in range(repeats[name]):
                runs[name]()
            samples[name].append(1e6 * (time.perf_counter() - start) / repeats[name])
    return {name: dict(record.summary(of)) for name, of in samples.items()}


def prediction(rounds: int, quick: bool) -> dict[str, Any]:
    """Return microseconds of one row of 30-32-16-2, and of 4096 rows of 784-512-512-10."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(640, 30)).astype(np.float32)
    net = Network([30, 32, 16, 2], "relu", cost="cross_entropy")
    model = cp.train(net, X, (X[:, 0] > 0).astype(int), epochs=2, seed=0)
    row, rows, out = X[0], X[:1], np.empty(2, np.float32)
    compiled = model.compiled
    runs: dict[str, Callable[[], Any]] = {
        "model.compiled.predict(row, out=out)": lambda: compiled.predict(row, out=out),
        "Model.predict of a row": lambda: model.predict(rows),
    }
    try:
        import torch

        layers = [torch.nn.Linear(30, 32), torch.nn.ReLU(), torch.nn.Linear(32, 16),
                  torch.nn.ReLU(), torch.nn.Linear(16, 2), torch.nn.Softmax(dim=-1)]  # fmt: skip
        torch_model, given = torch.nn.Sequential(*layers).eval(), torch.from_numpy(rows)
        torch.set_num_threads(1)

        def predicted() -> None:
            with torch.inference_mode():
                torch_model(given)

        runs["PyTorch eager, inference mode"] = predicted
    except ImportError:
        pass
    one = timed(runs, rounds, 0.02 if quick else 0.2)
    wide = Network([784, 512, 512, 10], "relu", cost="cross_entropy")
    many = rng.normal(size=(4096, 784)).astype(np.float32)
    parameters = wide.initial(0)
    parameters = type(parameters)(wide.graph, parameters.flat.astype(np.float32))
    fast, to = Compiled(wide, parameters), np.empty((4096, 10), np.float32)
    batch = timed({"compiled, one thread": lambda: fast.predict(many, out=to)}, rounds, 0.1)
    for found in batch.values():
        found["GFLOP/s"] = 2e-3 * 4096 * (784 * 512 + 512 * 512 + 5120) / found["median"]
    return {"one row": one, "4096 rows of 784-512-512-10": batch}


def first_fits(rounds: int) -> dict[str, Any]:
    """Return seconds and memory of a new process that imports, builds and trains."""
    cases = {
        "small: 1,000 rows of 20, 20-32-32-2, 5 epochs": {
            "n": 1000, "width": 20, "hidden": 32, "epochs": 5, "batch": 32},
        "large: 100,000 rows of 50, 50-256-256-2, 1 epoch": {
            "n": 100_000, "width": 50, "hidden": 256, "epochs": 1, "batch": 256},
    }  # fmt: skip
    found = {}
    for name, case in cases.items():
        runs = []
        for _ in range(rounds):
            told = subprocess.check_output([sys.executable, "-c", FIRST_FIT.format(**case)])
            runs.append([float(one) for one in told.split()])
        seconds = record.summary([run[0] for run in runs])
        found[name] = {
            "seconds": seconds, "bytes over the import's": max(run[1] for run in runs),
            "bytes of data": runs[0][2], "bytes of parameters": runs[0][3],
        }  # fmt: skip
    return found


def everything(rounds: int, quick: bool) -> dict[str, Any]:
    """Return the records of all of these, and print them."""
    result: dict[str, Any] = {
        "phases": phases(quick),
        "variants of 54-256-256-7, batch 256, microseconds of 8 steps": variants(rounds, quick),
        "prediction, microseconds": prediction(rounds, quick),
        "a new process": first_fits(2 if quick else rounds),
    }
    for name, row in result["variants of 54-256-256-7, batch 256, microseconds of 8 steps"].items():
        print(f"  {name:16} {row['times plain']:6.2f}× the plain step")
    for name, row in result["prediction, microseconds"]["one row"].items():
        print(f"  {name:40} {row['median']:8.2f} µs")
    for name, row in result["a new process"].items():
        print(f"  {name}: {row['seconds']['median']:.2f} s")
    return result
