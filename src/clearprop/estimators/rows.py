"""The training rows of an estimator, as the engine's data and windows of batches.

Dense rows are handed over as they are. Sparse ones are made dense some batches at a time, so that
memory is bounded by `CHUNK_BYTES`, not by the table. Proved by ``tests/test_estimators_same.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from clearprop.backprop import target_name
from clearprop.engine import Data, Window
from clearprop.expressions import Array
from clearprop.graph import Graph

CHUNK_BYTES = 1 << 25
"""Most bytes of sparse rows that are dense at one time: 32 MB."""

FARTHEST = 1e3
"""Ranges from 0 at which float32 still has a 16,000th of a column's range."""

GREATEST = 1e18
"""Of a value: its square, and sums of squares, are numbers of float32."""


@dataclass(frozen=True)
class Rows:
    """Rows to train on.

    Parameters
    ----------
    X : (n, inputs) array, or sparse matrix in rows
    targets : (n, outputs) floats or (n,) classes
    weights : (n,) array or None
    batch : int
        Rows of a step.
    exponent : int
        Of the power of two that the caller's weights are these times.
    """

    X: Any
    targets: NDArray[Any]
    weights: NDArray[Any] | None
    batch: int
    exponent: int = 0

    def __len__(self) -> int:
        return int(self.X.shape[0])

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-len(self) // self.batch)

    @cached_property
    def borders(self) -> NDArray[np.int64]:
        """Where each batch of an epoch starts, and the end."""
        return np.append(np.arange(0, len(self), self.batch), len(self))

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Rows of each batch."""
        return np.diff(self.borders)

    def batch_weights(self, order: NDArray[np.int64]) -> Array:
        """Return Σ w of each batch."""
        if self.weights is None:
            return self.counts.astype(np.float64)
        return np.add.reduceat(np.asarray(self.weights, np.float64)[order], self.borders[:-1])

    def penalties(self, sums: Array) -> Array:
        """Return 1 / Σ w of batches, w the caller's weights, from Σ w of these; 0 of no weight."""
        scales: Array = np.divide(1.0, sums, out=np.zeros_like(sums), where=sums > 0)
        return np.ldexp(scales, -self.exponent) if self.exponent else scales

    def data(self, graph: Graph, rows: NDArray[np.int64] | slice = slice(None)) -> Data:
        """Return some rows, all by default, dense, as the engine takes them."""
        X = self.X[rows]
        (cost,) = graph.costs
        return Data(
            {graph.inputs[0].key: X.toarray() if sparse.issparse(X) else X},
            {target_name(graph, cost): self.targets[rows]},
            None if self.weights is None else self.weights[rows],
        )

    @property
    def dense(self) -> bool:
        """Whether all rows are handed to the engine at once."""
        return not sparse.issparse(self.X)

    def windows(
        self, graph: Graph, order: NDArray[np.int64], rates: Array, penalties: Array
    ) -> Iterator[tuple[Data | None, Window]]:
        """Yield the windows of an epoch, each with the data it points into if that is new.

        Of dense rows, ``order`` may be that of several epochs behind each other.
        """
        borders = self.borders
        if self.dense:
            starts = np.arange(0, len(order), len(self))[:, None] + borders[:-1]
            yield None, Window(order, np.append(starts, len(order)), rates, penalties)
            return
        row_bytes = self.X.shape[1] * self.X.dtype.itemsize
        steps = max(1, CHUNK_BYTES // max(1, row_bytes * self.batch))
        for first in range(0, self.steps, steps):
            own = slice(first, first + steps)
            part = borders[first : first + steps + 1]
            rows = order[part[0] : part[-1]]
            window = Window(np.arange(len(rows)), part - part[0], rates[own], penalties[own])
            yield self.data(graph, rows), window


def taken(X: Any) -> Any:
    """Return X as rows are taken from it: dense, or if that is more than a chunk, sparse rows."""
    if not sparse.issparse(X):
        return X
    small = X.shape[0] * X.shape[1] * X.dtype.itemsize <= CHUNK_BYTES
    return X.toarray() if small else X.tocsr()


def suits_float32(X: Any) -> bool:
    """Whether float32 tells the values of each column apart.

    It does not where a column lies far from 0 for its range, as times in seconds do.
    """
    if X.dtype == bool:
        return True
    low, high = (
        np.asarray(end.toarray() if sparse.issparse(end) else end).ravel().astype(np.float64)
        for end in (X.min(axis=0), X.max(axis=0))
    )
    far = np.maximum(np.abs(low), np.abs(high))
    near = far <= FARTHEST * (high - low)
    return bool((near | (high == low)).all() and (far < GREATEST).all())
