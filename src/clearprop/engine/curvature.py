"""Gauss's and Newton's matrix of a sum of squares: RᵀR of the residuals' Jacobian R.

Proved by ``tests/test_optimizers_whole.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from clearprop.engine.contract import Flat
from clearprop.engine.gradients import Gradients
from clearprop.engine.jacobian import outputs_of
from clearprop.expressions import Array
from clearprop.graph import Graph

__all__ = ["Curvature"]

ENTRIES = 1 << 22
"""Of R that are held at a time: 32 MB."""


class Curvature:
    """RᵀR for one network and data, with r = √(wᵢ / Σw) (aᵢ − yᵢ) over rows and outputs.

    Parameters
    ----------
    graph : Graph
        Whose costs are squared errors.
    gradients : Gradients
        Of an engine, which knows the data.
    """

    def __init__(self, graph: Graph, gradients: Gradients) -> None:
        self._graph, self._gradients = graph, gradients

    def of(
        self,
        parameters: Flat,
        rows: NDArray[np.int64],
        total: float,
        ask: Callable[[], None],
    ) -> Array:
        """Return RᵀR, (size, size), without the penalty; ``ask`` is called now and then."""
        size, weights = self._graph.size, self._gradients.data.weights
        matrix = np.zeros((size, size))
        count = max(1, ENTRIES // (size * outputs_of(self._graph)))
        for start in range(0, len(rows), count):
            ask()
            piece = rows[start : start + count]
            R = self._gradients.jacobian(parameters, piece)
            w = 1.0 if weights is None else weights[piece]
            with np.errstate(all="ignore"):  # seen in the matrix
                R = (R * np.sqrt(w / total)[..., None]).reshape(-1, size)
                matrix += R.T @ R
        return matrix
