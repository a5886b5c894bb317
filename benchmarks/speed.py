"""One training step beside its peers: same network, data, optimizer, batch and shuffling.

    python -m benchmarks.speed [--quick] [--nets tiny,small,…] [--rounds 5] [--json FILE]

Adam, softmax cross-entropy, relu. Everyone starts from the same weights; one step on the same rows
must agree to 1e-5 in every parameter before anything is timed. An epoch is timed as a whole, the
shuffling inside; everyone in its best number of threads; order rotating; medians and spread.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks import record
from clearprop import _native
from clearprop.engine import Data, NativeRunner, State, Window
from clearprop.network import Network, Parameters
from clearprop.optimizers import Adam

RATE = 1e-3
NETS: dict[str, tuple[tuple[int, ...], int]] = {
    "tiny": ((30, 32, 16, 2), 32),
    "small": ((54, 64, 64, 7), 64),
    "medium": ((54, 256, 256, 7), 256),
    "large": ((784, 512, 512, 10), 128),
    "huge": ((1024, 2048, 2048, 1000), 512),
}
AGREEMENT = 1e-5  # largest difference of a parameter after one step, relative to the step's size


class Peer(Protocol):
    """One library in one setting, ready to train."""

    name: str

    def step(self, rows: np.ndarray[Any, Any]) -> None:
        """Train on these rows once."""

    def epoch(self) -> None:
        """Shuffle all rows and train on them once, batch after batch."""

    def parameters(self) -> np.ndarray[Any, Any]:
        """Return all parameters as one flat vector in ClearProp's order."""


class Problem:
    """A network, its data and its first weights, the same for everyone."""

    def __init__(self, sizes: tuple[int, ...], batch: int, batches: int) -> None:
        self.sizes, self.batch = sizes, batch
        self.network = Network(list(sizes), "relu", cost="cross_entropy")
        rng = np.random.default_rng(0)
        n = batch * batches
        self.X = rng.normal(size=(n, sizes[0])).astype(np.float32)
        teacher = rng.normal(size=(sizes[0], sizes[-1]))
        self.y = (self.X @ teacher + rng.normal(size=(n, sizes[-1]))).argmax(axis=1)
        self.start = self.network.initial(0).flat.astype(np.float32)

    @property
    def flop(self) -> float:
        """Needed arithmetic of a step: 2m (2 Σ s_l s_{l+1} + Σ_{l>1} s_l s_{l+1})."""
        products = [a * b for a, b in itertools.pairwise(self.sizes)]
        return 2.0 * self.batch * (2 * sum(products) + sum(products[1:]))


class ClearProp:
    """The native engine, slices of one epoch."""

    def __init__(self, problem: Problem, threads: int) -> None:
        self.name = f"ClearProp float32, {threads} thread{'s' if threads > 1 else ''}"
        self.problem, optimizer = problem, Adam(RATE)
        data = Data({"X": problem.X}, {"y": problem.y})
        self.runner = NativeRunner(problem.network.graph, optimizer, data, threads=threads)
        self.state = State.initial(problem.start, optimizer, 0, "float32", self.runner.family)
        n, m = len(problem.y), problem.batch
        self.borders, self.rates, self.done = np.arange(n // m + 1) * m, np.full(n // m, RATE), 0

    def step(self, rows: np.ndarray[Any, Any]) -> None:
        self.runner.run(self.state, Window(rows, np.array([0, len(rows)]), np.array([RATE])))

    def epoch(self) -> None:
        n = len(self.problem.y)
        rows = _native.permutation(0, self.done, n, 0, n)
        self.done += 1
        self.runner.run(self.state, Window(rows, self.borders, self.rates))

    def parameters(self) -> np.ndarray[Any, Any]:
        return self.state.parameters.copy()


class PyTorch:
    """PyTorch eager with its fused Adam, the whole epoch's rows gathered batch by batch."""

    def __init__(self, problem: Problem, threads: int) -> None:
        import torch  # a peer that may not be installed

        self.torch, self.problem, self.threads = torch, problem, threads
        self.name = f"PyTorch {torch.__version__.split('+')[0]} eager, {threads} thread" + (
            "s" if threads > 1 else ""
        )
        layers: list[Any] = []
        sizes = problem.sizes
        for fan_in, fan_out in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*layers[:-1])
        start = Parameters(problem.network.graph, problem.start)
        with torch.no_grad():
            for own, array in zip(self.model.parameters(), start.values(), strict=True):
                own.copy_(torch.from_numpy(np.array(array)))
        self.loss = torch.nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE, fused=True)
        self.X, self.y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
        self.generator = torch.Generator().manual_seed(0)

    def step(self, rows: np.ndarray[Any, Any]) -> None:
        self._train(self.torch.from_numpy(rows))

    def _train(self, rows: Any) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(self.model(self.X[rows]), self.y[rows]).backward()
        self.optimizer.step()

    def epoch(self) -> None:
        self.torch.set_num_threads(self.threads)
        order = self.torch.randperm(len(self.y), generator=self.generator)
        for rows in order.split(self.problem.batch):
            self._train(rows)

    def parameters(self) -> np.ndarray[Any, Any]:
        flat = [own.detach().numpy().reshape(-1) for own in self.model.parameters()]
        return np.concatenate(flat)


PEERS: tuple[tuple[str, Callable[[Problem, int], Peer]], ...] = (
    ("ClearProp", ClearProp),
    ("PyTorch", PyTorch),
)


def check_agreement(problem: Problem, peers: list[Peer]) -> None:
    """Take one step everywhere from the same weights on the same rows, and compare."""
    rows = np.arange(problem.batch)
    for peer in peers:
        peer.step(rows)
    first = peers[0].parameters()
    for peer in peers[1:]:
        apart = float(np.abs(peer.parameters() - first).max())
        # Adam's first step is α g / (|g| + ε): where g is rounding noise its sign is anyone's, so
        # entries with a gradient of nothing (dead units) are held to the step's size only.
        if apart > AGREEMENT:
            share = float((np.abs(peer.parameters() - first) > AGREEMENT).mean())
            if share > 1e-3 or apart > 2.1 * RATE:
                raise SystemExit(f"{peer.name} and {peers[0].name} disagree after a step: {apart}")


def measure(name: str, rounds: int, quick: bool) -> dict[str, Any]:
    """Return the record of one network: microseconds a step for every peer."""
    sizes, batch = NETS[name]
    problem = Problem(sizes, batch, 20 if batch * sum(sizes) < 1e6 else 4)
    threads = sorted({1, min(2, os.cpu_count() or 1)})
    peers: list[Peer] = []
    for library, make in PEERS:
        try:
            peers += [make(problem, count) for count in threads]
        except ImportError:
            print(f"{library} is not installed: skipped")
    check_agreement(problem, peers)
    samples: dict[str, list[float]] = {peer.name: [] for peer in peers}
    steps = len(problem.y) // batch
    repeats = {peer.name: _repeats(peer, 0.05 if quick else 0.4) for peer in peers}
    for number in range(rounds):
        for peer in peers[number % len(peers) :] + peers[: number % len(peers)]:
            start = time.perf_counter()
            for _ in range(repeats[peer.name]):
                peer.epoch()
            took = time.perf_counter() - start
            samples[peer.name].append(1e6 * took / (steps * repeats[peer.name]))
    rows = {peer: record.summary(found) for peer, found in samples.items()}
    best = {
        library: min(rows[p]["median"] for p in rows if p.startswith(library))
        for library, _ in PEERS
        if any(p.startswith(library) for p in rows)
    }
    found = {"sizes": sizes, "batch": batch, "flop": problem.flop, "microseconds": rows,
             "best": best}  # fmt: skip
    if "PyTorch" in best:
        found["times faster than PyTorch eager"] = best["PyTorch"] / best["ClearProp"]
    return found


def _repeats(peer: Peer, seconds: float) -> int:
    peer.epoch()
    start = time.perf_counter()
    peer.epoch()
    return max(1, int(seconds / (time.perf_counter() - start)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short rounds, for a look")
    parser.add_argument("--nets", default=",".join(NETS), help="names, with commas between")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=record.RESULTS / "speed.json")
    options = parser.parse_args()
    results = {}
    for name in options.nets.split(","):
        results[name] = found = measure(name, options.rounds, options.quick)
        print(f"\n{'-'.join(map(str, found['sizes']))}, batch {found['batch']}")
        for peer, row in found["microseconds"].items():
            gflops = found["flop"] / row["median"] / 1e3
            print(
                f"  {peer:32} {row['median']:12.1f} µs  "
                f"[{row['least']:.1f} … {row['greatest']:.1f}]  {gflops:7.1f} GFLOP/s"
            )
        if "times faster than PyTorch eager" in found:
            print(f"  ClearProp is {found['times faster than PyTorch eager']:.1f}× PyTorch eager")
    record.write(options.json, {"run": record.provenance(), "nets": results})


if __name__ == "__main__":
    main()
