"""What every library is given to train: one network, its data, its first weights, its batches."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from clearprop.engine import Data, NativeRunner, State
from clearprop.engine.pieces import combine
from clearprop.network import Network
from clearprop.optimizers import SGD

RATE = 1e-3
EPSILON = 1e-8

NETS: dict[str, tuple[tuple[int, ...], int]] = {
    "tiny": ((30, 32, 16, 2), 32),
    "small": ((54, 64, 64, 7), 64),
    "medium": ((54, 256, 256, 7), 256),
    "large": ((784, 512, 512, 10), 128),
    "huge": ((1024, 2048, 2048, 1000), 512),
}
"""Sizes and batch: Adam, relu, softmax cross-entropy."""


class Peer(Protocol):
    """One library in one setting, ready to train."""

    name: str
    library: str
    precision: str

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
    def layers(self) -> list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
        """The first weights and biases, (outputs, inputs) and (outputs,), layer by layer."""
        found, at = [], 0
        for fan_in, fan_out in itertools.pairwise(self.sizes):
            W = self.start[at : at + fan_in * fan_out].reshape(fan_out, fan_in)
            at += W.size
            found.append((W.copy(), self.start[at : at + fan_out].copy()))
            at += fan_out
        return found

    @property
    def flop(self) -> float:
        """Needed arithmetic of a step: 2m (2 Σ s_l s_{l+1} + Σ_{l>1} s_l s_{l+1})."""
        products = [a * b for a, b in itertools.pairwise(self.sizes)]
        return 2.0 * self.batch * (2 * sum(products) + sum(products[1:]))

    @cached_property
    def gradient(self) -> np.ndarray[Any, Any]:
        """∂J/∂parameters of the first batch at the first weights, in float64."""
        rows = np.arange(self.batch)
        data = Data({"X": self.X}, {"y": self.y})
        runner = NativeRunner(self.network.graph, SGD(1.0), data, precision="float64")
        state = State.initial(self.start, SGD(1.0), 0, "float64", runner.family)
        return combine(runner.gradient(state, rows, float(len(rows)))).gradient


def flat(layers: list[tuple[Any, Any]]) -> np.ndarray[Any, Any]:
    """Return weights (outputs, inputs) and biases as one vector in ClearProp's order."""
    parts = [np.asarray(part).reshape(-1) for layer in layers for part in layer]
    return np.concatenate(parts)


def disagreement(problem: Problem, peer: Peer) -> dict[str, float]:
    """Take one Adam step and compare it with the exact one, α g / (|g| + ε).

    A float's gradient has rounding noise; where the exact one is no larger than that, the sign of
    the step is anyone's. So those entries are held to the step's size, all others to 1e-5.
    """
    rows = np.arange(problem.batch)
    g = problem.gradient
    exact = problem.start - RATE * g / (np.abs(g) + EPSILON)
    peer.step(rows)
    apart = np.abs(peer.parameters() - exact)
    clear = np.abs(g) > 1e-6 * np.abs(g).max() + 100 * EPSILON
    moved = (peer.parameters() - problem.start) * (exact - problem.start) > 0
    return {
        "largest": float(apart[clear].max()),
        "largest of all": float(apart.max()),
        "same direction": float(moved[np.abs(g) > 1e-3 * np.abs(g).max()].mean()),
    }
