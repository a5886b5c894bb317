"""J of a run's rows as a function of the parameters: what whole-batch rules ask.

Proved by ``tests/test_optimizers_whole.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from clearprop.engine.contract import Flat
from clearprop.engine.curvature import Curvature
from clearprop.engine.gradients import Gradients
from clearprop.expressions import Array
from clearprop.graph import Graph

__all__ = ["RowsProblem", "penalised"]


class RowsProblem:
    """J over some rows, penalty included; a `clearprop.optimizers.Problem`.

    The last answer is remembered: a rule that asks again where it has been, as the next step does,
    costs nothing.

    Parameters
    ----------
    graph : Graph
    gradients : Gradients
    rows : (n,) int64
    total : float
        Σ w of the rows.
    penalty : float
        What λ is multiplied by.
    ask : callable
        Called before each evaluation; ends a step by raising.
    """

    def __init__(
        self,
        graph: Graph,
        gradients: Gradients,
        rows: NDArray[np.int64],
        total: float,
        penalty: float,
        ask: Callable[[], None],
    ) -> None:
        self._graph, self._gradients, self._rows = graph, gradients, rows
        self._total, self._ask = total, ask
        self.penalty = penalty
        self._pull = penalised(graph) * penalty
        self._curvature: Curvature | None = None
        self._known: tuple[Flat, float, Array] | None = None

    def asks_of(self, rows: NDArray[np.int64], penalty: float) -> bool:
        """Whether this is the problem of these rows and this penalty."""
        return penalty == self.penalty and np.array_equal(rows, self._rows)

    def cost(self, parameters: Flat) -> float:
        """Return J."""
        return self.gradient(parameters)[0]

    def gradient(self, parameters: Flat) -> tuple[float, Array]:
        """Return J and ∂J/∂w, (size,) float64."""
        if self._known is None or not np.array_equal(self._known[0], parameters):
            self._ask()
            cost, g = self._gradients.gradient(parameters, self._rows, self._total, 0, 0)
            w = np.asarray(parameters, dtype=np.float64)
            # J = Σ w C / Σ w + λ/2 Σ W²;  ∂J/∂W = … + λ W
            cost += 0.5 * float((self._pull * w * w).sum())
            self._known = (parameters.copy(), cost, g + self._pull * w)
        _, cost, g = self._known
        return cost, g.copy()

    def curvature(self, parameters: Flat) -> tuple[float, Array, Array]:
        """Return J, ∂J/∂w and RᵀR, (size, size), for costs that are sums of squares."""
        cost, g = self.gradient(parameters)
        if self._curvature is None:
            self._curvature = Curvature(self._graph, self._gradients)
        matrix = self._curvature.of(parameters, self._rows, self._total, self._ask)
        matrix.flat[:: len(matrix) + 1] += self._pull  # the residuals √λ W
        return cost, g, matrix


def penalised(graph: Graph) -> Array:
    """Return λ for each parameter that has the penalty, over K for a member's own; else 0."""
    found = np.zeros(graph.size)
    for name, section in graph.sections():
        spec = graph.parameters[name].spec
        if spec.penalised:
            found[section] = graph.l2 / (graph.members if spec.type.member else 1)
    return found
