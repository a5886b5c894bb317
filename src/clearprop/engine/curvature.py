"""Gauss's and Newton's matrix of a sum of squares: RᵀR of the residuals' Jacobian R.

The plan itself gives R: its backward pass with the unit vector of one output in place of ∂J/∂a, for
each output in turn, before the sum over rows. No derivative is stated here. Proved by
``tests/test_optimizers_whole.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clearprop.backprop import (
    SAMPLE_WEIGHT,
    Plan,
    Term,
    adjoint_name,
    plan,
    run,
    sample_gradients,
)
from clearprop.engine.contract import Data, Flat
from clearprop.engine.gradients import rows_of
from clearprop.expressions import Array, Hadamard, Num, OneHot
from clearprop.graph import Graph
from clearprop.network import Parameters

__all__ = ["Curvature"]

ENTRIES = 1 << 22
"""Of R that are held at a time: 32 MB."""


class Curvature:
    """RᵀR for one network and data, with r = √(wᵢ / Σw) (aᵢ − yᵢ) over rows and outputs.

    Parameters
    ----------
    graph : Graph
        Whose costs are squared errors.
    data : Data
    """

    def __init__(self, graph: Graph, data: Data) -> None:
        self._graph, self._data = graph, data
        self._plan = plan(replace(graph, l2=0.0))
        self._seeded = list(_seeded(self._plan))

    def of(
        self,
        parameters: Flat,
        rows: NDArray[np.int64],
        total: float,
        ask: Callable[[], None],
    ) -> Array:
        """Return RᵀR, (size, size), without the penalty; ``ask`` is called now and then."""
        graph = self._graph
        named = Parameters(graph, np.asarray(parameters, dtype=np.float64))
        matrix = np.zeros((graph.size, graph.size))
        count = max(1, ENTRIES // graph.size)
        for start in range(0, len(rows), count):
            piece = rows[start : start + count]
            inputs, targets = rows_of(graph, self._data, piece)
            w = np.ones(len(piece)) if self._data.weights is None else self._data.weights[piece]
            root = np.sqrt(w / total)[:, None]
            for seeded in self._seeded:
                ask()
                with np.errstate(all="ignore"):  # seen in the matrix
                    trace = run(seeded, named, inputs, targets)
                    found = sample_gradients(self._plan, trace)
                # without weights each sample's part holds 1/m
                parts = [found[name].reshape(len(piece), -1) for name in graph.parameters]
                R = np.concatenate(parts, axis=1) * (len(piece) * root)
                matrix += R.T @ R
        return matrix


def _seeded(steps: Plan) -> Iterator[Plan]:
    """Yield, for each output of each cost, a plan whose adjoints are the derivatives of it."""
    graph = steps.graph
    kinds = ("forward", "arrive", "adjoint")
    short = replace(steps, steps=tuple(step for step in steps.steps if step.kind in kinds))
    for chosen in graph.costs:
        width = graph.values[chosen.value].type.shape[0]
        for unit in range(width):
            made = short
            for cost in graph.costs:
                mine = cost is chosen
                seed = OneHot(Num(float(unit)), width) if mine else Num(0.0)
                term = Term("cost", Hadamard(SAMPLE_WEIGHT, seed))
                step = made.step(adjoint_name(cost.value))
                terms = tuple(term if one.via == "cost" else one for one in step.terms)
                made = made.with_step(replace(step, terms=terms))
            yield made
