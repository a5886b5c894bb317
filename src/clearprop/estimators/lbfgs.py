"""L-BFGS: SciPy's, on the native gradient of all rows, in float64.

The batch goes through the engine in pieces cut at blocks of rows, so memory is bounded and the sum
has the bits of the whole. Proved by ``tests/test_estimators_same.py``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from sklearn.exceptions import ConvergenceWarning

from clearprop.engine import ROW_BLOCK, State, combine
from clearprop.estimators.machine import Machine
from clearprop.estimators.rows import Rows
from clearprop.expressions import Array

PIECE_ROWS = 64 * ROW_BLOCK
"""Rows of a piece: what the engine holds the values of at one time."""


class Objective:
    """J(W) = Σ w C / Σ w + λ/2 Σ W² of all rows, and its gradient.

    Parameters
    ----------
    machine : Machine
        In float64, without a rule.
    rows : Rows
    alpha : float
        λ is alpha / Σ w, w the caller's weights.
    constant : float
        What J has beside: SciPy's test of progress is relative to J.
    """

    def __init__(self, machine: Machine, rows: Rows, alpha: float, constant: float = 0.0) -> None:
        self.machine, self.rows = machine, rows
        self._graph = machine.network.graph
        self._penalised = machine.chain.weights()
        if rows.dense:
            machine.runner.use(rows.data(self._graph))
        self._total = len(rows) if rows.weights is None else float(np.sum(rows.weights))
        self._l2 = float(np.ldexp(alpha / self._total, -rows.exponent))
        self._constant = constant

    def __call__(self, flat: Array) -> tuple[float, Array]:
        """Return J and ∂J/∂W at a flat vector."""
        runner, state = self.machine.runner, State(flat)
        nodes = []
        for first in range(0, len(self.rows), PIECE_ROWS):
            piece = np.arange(first, min(first + PIECE_ROWS, len(self.rows)))
            if not self.rows.dense:
                runner.use(self.rows.data(self._graph, piece))
            places = piece if self.rows.dense else piece - first
            nodes += runner.gradient(state, places, self._total, place=first)
        whole = combine(nodes)
        # ∂J/∂W = Σ w ∂C/∂W / Σ w + λ W
        gradient = whole.gradient + self._l2 * np.where(self._penalised, flat, 0.0)
        cost = whole.cost + self.machine.chain.penalty(flat, self._l2) + self._constant
        return cost, gradient


def lbfgs(
    objective: Callable[[Array], tuple[float, Array]],
    start: NDArray[Any],
    *,
    max_iter: int,
    max_fun: int,
    tol: float,
    each: Callable[[Array, float], bool],
) -> OptimizeResult:
    """Go down from ``start``; warn as scikit-learn does where it did not converge.

    Parameters
    ----------
    objective : callable (flat) -> (J, ∂J/∂W)
        An `Objective`, or what asks one.
    start : (size,) array
    max_iter, max_fun : int
        Iterations and evaluations at most.
    tol : float
        Of the gradient's largest entry.
    each : callable (flat, J) -> bool
        Called after every iteration; True ends the run.
    """

    def after(intermediate_result: OptimizeResult) -> None:  # by this name SciPy gives J too
        # … and the vector that it goes on with: a copy stays what it is.
        if each(intermediate_result.x.copy(), float(intermediate_result.fun)):
            raise StopIteration

    found = minimize(
        objective,
        np.array(start, dtype=np.float64),
        method="L-BFGS-B",
        jac=True,
        callback=after,
        options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
    )
    found.nit = min(found.nit, max_iter)
    if found.status not in (0, STOPPED):
        warnings.warn(_unfinished(found, max_iter), ConvergenceWarning, stacklevel=3)
    return found


VECTORS = 25
"""Of the parameters' size, that SciPy keeps: ten pairs of steps and gradients, and five."""

STOPPED = 99
"""SciPy's status of a run that its callback ended."""


def _unfinished(found: OptimizeResult, max_iter: int) -> str:
    lines = [
        f"lbfgs failed to converge after {found.nit} iteration(s) (status={found.status}):",
        f"{found.message}",
    ]
    if found.nit == max_iter:
        lines += [f"\nIncrease the number of iterations (max_iter={max_iter})."]
    lines += ["\nScaling the columns (sklearn.preprocessing.StandardScaler) may help."]
    return "\n".join(lines)
