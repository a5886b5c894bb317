"""L-BFGS: Newton's direction from the last steps alone. Proved by
``tests/test_optimizers_whole.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from clearprop.expressions import Array
from clearprop.optimizers.line_search import search
from clearprop.optimizers.rule import Flat
from clearprop.optimizers.whole import TOLERANCE, Moved, Problem, WholeBatch, dot
from clearprop.settings import Attr

__all__ = ["LBFGS"]

CURVED = 1e-10
"""A pair counts if sᵀy is above this share of ‖s‖ ‖y‖: what is less is rounding."""


class LBFGS(WholeBatch):
    """L-BFGS: w ← w − α H g, H from the last steps s = Δw and changes y = Δg.

    H is the inverse of the curvature that the last ``memory`` pairs tell of, begun from
    (sᵀy / yᵀy) I of the newest, and is applied by two loops over them, never formed; α satisfies
    the strong Wolfe conditions. One step is one direction and its search: a few evaluations of all
    rows. Where no length lowers the cost, the pairs are forgotten and −g is tried; if that fails
    too, or every entry of g is below ``tolerance``, the run ends as ``"converged"``.

    It takes float64 unless told float32. Smooth activations suit it, relu's kinks do not.

    Parameters
    ----------
    memory : int
        Pairs that are kept, 10 by default; each is two vectors of the parameters' size.
    tolerance : float in [0, ∞)
        1e-12 by default.

    Examples
    --------
    >>> LBFGS(memory=5)
    LBFGS(memory=5, tolerance=1e-12)
    """

    name = "lbfgs"
    attrs = (
        Attr("memory", int, 10, bounds="[1, 1000]", unit="pairs", help="last steps remembered"),
        TOLERANCE,
    )
    slots = ("steps", "changes", "pairs")
    when = "some thousand rows, smooth: far fewer passes"
    source = "Liu & Nocedal 1989; Nocedal & Wright 2006, Algorithms 7.4 and 7.5"

    def begin(self, parameters: Flat) -> dict[str, Flat]:
        """Return the slots before the first step: rows for the pairs, and how many there are."""
        many = (self.settings["memory"], parameters.size)
        return {"steps": np.zeros(many), "changes": np.zeros(many), "pairs": np.zeros(1)}

    def vectors(self, size: int) -> float:
        return 2.0 * (2 * int(self.settings["memory"]) + 4)  # a step makes new slots; float64

    def step(self, parameters: Flat, slots: Mapping[str, Flat], problem: Problem) -> Moved:
        cost, g = problem.gradient(parameters)
        norm = float(np.sqrt(dot(g, g)))
        if not np.isfinite(cost):
            return Moved(parameters, slots, cost, norm)
        if np.abs(g).max(initial=0.0) <= self.settings["tolerance"]:
            return Moved(parameters, slots, cost, norm, "the gradient is zero")
        pairs = int(slots["pairs"][0])
        steps, changes = slots["steps"][:pairs], slots["changes"][:pairs]
        while True:
            way = _direction(g, steps, changes)
            found = self._along(parameters, cost, g, way, problem, first=not len(steps))
            if found is not None:
                moved, change = found
                return Moved(*self._with(slots, steps, changes, parameters, moved, change), cost,
                             norm)  # fmt: skip
            if not len(steps):
                return Moved(parameters, slots, cost, norm, "no step lowers the cost further")
            steps, changes = steps[:0], changes[:0]  # forget, and try −g

    def _along(
        self, w: Flat, cost: float, g: Array, way: Array, problem: Problem, first: bool
    ) -> tuple[Flat, Array] | None:
        """Return the next point and the gradient's change, or None if none is lower."""
        slope = dot(g, way)
        if not slope < 0:
            return None

        def at(length: float) -> Flat:
            return np.asarray(w + length * way, dtype=w.dtype)

        def probe(length: float) -> tuple[float, float]:
            there, gradient = problem.gradient(at(length))
            return there, dot(gradient, way)

        # With no curvature known, a first step of length 1 at most
        begin = min(1.0, 1.0 / float(np.abs(g).sum())) if first else 1.0
        with np.errstate(all="ignore"):  # what overflows counts as too far
            length = search(probe, cost, slope, begin)
        moved = at(length)
        if length == 0 or np.array_equal(moved, w):
            return None
        there, after = problem.gradient(moved)
        return (moved, after - g) if there < cost else None

    def _with(
        self, slots: Mapping[str, Flat], steps: Array, changes: Array, w: Flat, moved: Flat,
        change: Array,
    ) -> tuple[Flat, dict[str, Flat]]:  # fmt: skip
        """Return the new point and the slots with its pair, if that tells of a curvature."""
        step = np.asarray(moved, dtype=np.float64) - w
        if dot(step, change) > CURVED * np.sqrt(dot(step, step) * dot(change, change)):
            keep = self.settings["memory"] - 1
            steps = np.concatenate([steps[-keep:] if keep else steps[:0], step[None]])
            changes = np.concatenate([changes[-keep:] if keep else changes[:0], change[None]])
        made = {"pairs": np.array([float(len(steps))])}
        for name, rows in (("steps", steps), ("changes", changes)):
            made[name] = np.zeros_like(slots[name])
            made[name][: len(rows)] = rows
        return moved, made


def _direction(g: Array, steps: Array, changes: Array) -> Array:
    """−H g by the two loops: Nocedal & Wright 2006, Algorithm 7.4."""
    q, shares = g.copy(), []
    rho = [1.0 / dot(s, y) for s, y in zip(steps, changes, strict=True)]
    for i in reversed(range(len(steps))):
        share = rho[i] * dot(steps[i], q)
        shares.append(share)
        q -= share * changes[i]
    if len(steps):  # γ = sᵀy / yᵀy, eq. 7.20
        q *= 1.0 / (rho[-1] * dot(changes[-1], changes[-1]))
    for i, share in enumerate(reversed(shares)):
        q += (share - rho[i] * dot(changes[i], q)) * steps[i]
    return -q
