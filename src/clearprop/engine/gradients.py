"""Cost and gradient of any rows, by either engine: what steps made in Python ask for.

Proved by ``tests/test_optimizers_whole.py`` and ``tests/test_optimizers_more.py``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clearprop.backprop import Position, gradient_name, plan, run, target_name
from clearprop.backprop.given import as_target
from clearprop.engine.contract import Data, Flat, State
from clearprop.engine.jacobian import PlannedJacobian
from clearprop.engine.native import NativeRunner
from clearprop.engine.pieces import ROW_BLOCK, combine
from clearprop.engine.scaled import Scaled
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.network import Parameters

__all__ = ["Gradients", "NativeGradients", "ReferenceGradients"]

Rows = NDArray[np.int64]
PIECE = 64 * ROW_BLOCK
"""Rows of one pass: bounds the memory it needs, and changes no bits."""


class Gradients(Protocol):
    """The data term of J and its gradient, for some rows of the data."""

    data: Data

    def gradient(
        self, parameters: Flat, rows: Rows, total: float, seed: int, step: int, dropout: float = 1.0
    ) -> tuple[float, Array]:
        """Return Σ w C / total and its gradient, (size,) float64.

        ``total`` is Σ w of these rows; ``seed`` and ``step`` choose dropout's masks, whose rates
        are multiplied by ``dropout``.
        """

    def jacobian(self, parameters: Flat, rows: Rows) -> Array:
        """Return ∂a/∂w of each output that a cost reads, (outputs, rows, size) float64.

        Of costs that are no cross-entropy behind a softmax; without dropout, the rows' weights and
        the penalty.
        """


class NativeGradients:
    """By the native engine: the same bits for any number of threads."""

    def __init__(self, runner: NativeRunner) -> None:
        self._runner, self.data = runner, runner.data

    def gradient(
        self, parameters: Flat, rows: Rows, total: float, seed: int, step: int, dropout: float = 1.0
    ) -> tuple[float, Array]:
        state = State(parameters, step=step, seed=seed)
        nodes = []
        for place in range(0, len(rows), PIECE):
            piece = rows[place : place + PIECE]
            nodes += self._runner.gradient(state, piece, total, place=place, dropout=dropout)
        found = combine(nodes)
        return float(found.cost), found.gradient.astype(np.float64)

    def jacobian(self, parameters: Flat, rows: Rows) -> Array:
        return self._runner.jacobian(parameters, rows).astype(np.float64, copy=False)


class ReferenceGradients:
    """By the plan in float64 NumPy: for rows of the table that have no kernel."""

    def __init__(self, graph: Graph, data: Data) -> None:
        self._graph, self.data = graph, data
        # The penalty is added once, not a piece a time.
        self._plans = Scaled(plan(replace(graph, l2=0.0)))

    def gradient(
        self, parameters: Flat, rows: Rows, total: float, seed: int, step: int, dropout: float = 1.0
    ) -> tuple[float, Array]:
        steps = self._plans.at(dropout=dropout)
        named = Parameters(self._graph, np.asarray(parameters, dtype=np.float64))
        cost, gradient = 0.0, Parameters(self._graph, np.zeros(self._graph.size))
        with np.errstate(all="ignore"):  # NaN and infinity are seen in the cost
            for place in range(0, len(rows), PIECE):
                piece = rows[place : place + PIECE]
                weights = self.data.weights
                w = None if weights is None else np.asarray(weights[piece], dtype=np.float64)
                share = (len(piece) if w is None else float(w.sum())) / total
                if share == 0:
                    continue
                inputs, targets = rows_of(self._graph, self.data, piece)
                at = Position(seed, 0, step, place)
                trace = run(steps, named, inputs, targets, weights=w, at=at)
                cost += share * trace.cost
                for name, array in gradient.items():
                    array += share * trace[gradient_name(name)]
        return cost, gradient.flat

    def jacobian(self, parameters: Flat, rows: Rows) -> Array:
        named = Parameters(self._graph, np.asarray(parameters, dtype=np.float64))
        return self._jacobian.of(named, *rows_of(self._graph, self.data, rows))

    @cached_property
    def _jacobian(self) -> PlannedJacobian:
        return PlannedJacobian(self._graph)


def rows_of(graph: Graph, data: Data, rows: Rows) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the inputs by key and the targets by symbol of some rows, as a plan reads them."""
    inputs = {key: array[rows] for key, array in data.inputs.items()}
    targets = {}
    for cost in graph.costs:
        name = target_name(graph, cost)
        width = graph.values[cost.value].type.shape[0]
        targets[name] = as_target(np.asarray(data.targets[name][rows]), width, cost.row.target)
    return inputs, targets
