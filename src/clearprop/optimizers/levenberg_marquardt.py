"""Levenberg-Marquardt: Gauss's and Newton's step, damped as far as it must be. Proved by
``tests/test_optimizers_whole.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from clearprop.errors import SettingError
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.optimizers.rule import Flat
from clearprop.optimizers.whole import TOLERANCE, Moved, Problem, WholeBatch, dot
from clearprop.settings import Attr

__all__ = ["MOST_PARAMETERS", "LevenbergMarquardt"]

MOST_PARAMETERS = 5_000
"""Of a network: RᵀR then takes 200 MB, and solving with it seconds."""
HOPELESS = 1e18
"""A damping of so many times the largest curvature leaves steps of rounding alone."""


class LevenbergMarquardt(WholeBatch):
    """Levenberg–Marquardt: w ← w + h with (RᵀR + μ I) h = −Rᵀr, for costs J = ½ ‖r‖².

    r are the residuals √(wᵢ/Σw) (aᵢ − yᵢ), and √λ W of the penalty; R = ∂r/∂w comes from one
    backward pass for each output over all rows. A step tries h until one lowers J. With
    ϱ = (J(w) − J(w + h)) / (½ hᵀ(μ h − g)), the gain against the one foretold, g = Rᵀr:
    if ϱ > 0: w ← w + h, μ ← μ max(1/3, 1 − (2 ϱ − 1)³), ν ← 2;  else μ ← ν μ, ν ← 2 ν.
    The first μ is ``damping`` times the largest diagonal entry of RᵀR. Singular matrices, saturated
    units and steps out of the finite numbers only raise μ. Where no μ lowers J, or every entry of
    g is below ``tolerance``, the run ends as ``"converged"``.

    It is what MATLAB calls trainlm, with Nielsen's damping in place of factors of ten. For smooth
    regressions of up to some thousand parameters no other rule comes near; it takes sums of squares
    only (cost "squared_error"), one network at a time (no members), in float64.

    Parameters
    ----------
    damping : float in (0, ∞)
        1e-3 by default; larger is more careful at first.
    tolerance : float in [0, ∞)
        1e-12 by default.

    Examples
    --------
    >>> LevenbergMarquardt(damping=0.1)
    LevenbergMarquardt(damping=0.1, tolerance=1e-12)
    """

    name = "lm"
    attrs = (
        Attr("damping", float, 1e-3, bounds="(0, inf)",
             help="the first μ, as a share of the largest curvature"),
        TOLERANCE,
    )  # fmt: skip
    slots = ("damping",)
    precisions = ("float64",)
    side_by_side = False
    when = "regression, to 5,000 weights: MATLAB's trainlm"
    source = (
        "Levenberg 1944; Marquardt 1963; Hagan & Menhaj 1994; damping: Madsen, Nielsen & "
        "Tingleff 2004, Algorithm 3.16"
    )

    def begin(self, parameters: Flat) -> dict[str, Flat]:
        """Return the slot before the first step: μ and ν, 0 until there is a curvature."""
        return {"damping": np.zeros(2)}

    def vectors(self, size: int) -> float:
        return 3.0 * min(size, MOST_PARAMETERS)  # RᵀR, damped, factored

    def check(self, graph: Graph) -> None:
        """Refuse costs that are no sums of squares, members, and too many parameters."""
        super().check(graph)
        for cost in graph.costs:
            if cost.op != "squared_error":
                raise SettingError(
                    f"lm fits sums of squares (regression, cost squared_error), and the cost is "
                    f"{cost.op}: use another optimizer (lbfgs takes any cost)"
                )
        if graph.members:
            raise SettingError(
                f"lm trains one network, and this one has {graph.members} members side by side: "
                "give members=1, or use lbfgs"
            )
        if graph.size > MOST_PARAMETERS:
            raise SettingError(
                f"lm solves with a matrix of parameters × parameters, and {graph.size} are more "
                f"than its {MOST_PARAMETERS}: use lbfgs, or a smaller network"
            )

    def step(self, parameters: Flat, slots: Mapping[str, Flat], problem: Problem) -> Moved:
        cost, g, A = problem.curvature(parameters)
        norm = float(np.sqrt(dot(g, g)))
        finite = np.isfinite(cost) and np.isfinite(g).all() and np.isfinite(A).all()
        if not finite:
            return Moved(parameters, slots, cost if not np.isfinite(cost) else np.inf, norm)
        if np.abs(g).max(initial=0.0) <= self.settings["tolerance"]:
            return Moved(parameters, slots, cost, norm, "the gradient is zero")
        largest = float(A.diagonal().max())
        mu, nu = slots["damping"].tolist()
        if mu == 0:
            mu, nu = self.settings["damping"] * largest, 2.0
        while mu <= HOPELESS * largest:
            h = _solved(A, mu, g)
            moved = parameters + h
            foretold = 0.5 * dot(h, mu * h - g)
            with np.errstate(all="ignore"):  # what overflows is no gain
                there = problem.cost(moved)
            if np.array_equal(moved, parameters):
                break
            if there < cost and foretold > 0:
                gain = (cost - there) / foretold
                mu *= max(1 / 3, 1 - (2 * min(gain, 10.0) - 1) ** 3)
                # Kept above the smallest numbers: μ = 0 says that there is none yet
                damping = np.array([max(mu, largest * 1e-300, 1e-300), 2.0])
                return Moved(moved, {"damping": damping}, cost, norm)
            mu, nu = mu * nu, 2 * nu
        return Moved(parameters, slots, cost, norm, "no step lowers the cost further")


def _solved(A: Array, mu: float, g: Array) -> Array:
    """Return h with (A + μ I) h = −g; NaN where that cannot be solved, and μ must grow."""
    damped = A.copy()
    damped.flat[:: len(A) + 1] += mu
    try:
        return np.asarray(np.linalg.solve(damped, -g), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.full_like(g, np.nan)
