"""Central differences of the cost by the parameters, which the printed gradients are held against.

Where one step of a central difference is too long, they are extrapolated to none
(`clearprop.derivation.verifying.extrapolating`).
Proved by ``tests/test_derivation_differences.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.backprop import target_name
from clearprop.derivation.verifying.extrapolating import slope
from clearprop.derivation.verifying.numbers import DIFFERENCE, ROUNDING, TraceNumbers
from clearprop.expressions import Array
from clearprop.network import Network

DIFFERENCES_LIMIT = 1e-6
PLACES = 240
"""Of a step with more entries than this, so many are checked, spread over all."""
LARGE = 5_000
"""From so many parameters on, `FEW` entries of each step are checked and differenced by."""
FEW = 12
WORK = 20_000
"""So many steps of the forward pass are gone through for differences, most a network of 784 inputs
needs: of a deep one, fewer entries are differenced, and by the trace all are checked."""


class Differences:
    """The cost's central differences by every parameter; by some entries of large ones.

    Parameters
    ----------
    numbers : TraceNumbers
    network : Network
    asked : list of (name, place)
        Entries to be derived by, from 0; where there are none, all.

    Attributes
    ----------
    values : dict of str to array
        The trace's, with the differences in place of the gradients.
    rounding : dict of str to float
        By gradient: how much of a difference is the rounding of J: 2⁻⁵³ of it, some ten times over,
        divided by the step.
    steep : set of str
        Gradients that no difference comes near.
    """

    def __init__(
        self, numbers: TraceNumbers, network: Network, asked: list[tuple[str, tuple[int, ...]]]
    ) -> None:
        self.network, self.asked = network, asked
        self.values = dict(numbers.trace.arrays)
        self.rounding: dict[str, float] = {}
        self.steep: set[str] = set()
        graph = network.graph
        self.parameters = {name: np.array(self.values[name]) for name in graph.parameters}
        inputs = {given.key: self.values[given.value] for given in graph.inputs}
        targets = {cost.value: self.values[target_name(graph, cost)] for cost in graph.costs}
        self.X: Any = inputs if len(inputs) > 1 else next(iter(inputs.values()))
        self.Y: Any = targets if len(targets) > 1 else next(iter(targets.values()))
        for name in graph.parameters:
            self.values[f"dJ/d{name}"] = np.array(self.values[f"dJ/d{name}"])
        for name, place in some(self._entries(), max(FEW, WORK // (2 * len(graph.nodes)))):
            self._difference(name, place)

    def _difference(self, name: str, place: tuple[int, ...]) -> None:
        sym, array = f"dJ/d{name}", self.parameters[name]
        kept = float(array[place])

        def cost(by: float) -> float:
            array[place] = kept + by
            found = self.network.cost(self.parameters, self.X, self.Y)
            array[place] = kept
            return found

        h = DIFFERENCE * max(1.0, abs(kept))
        costs = cost(h), cost(-h)
        found = (costs[0] - costs[1]) / (2 * h)
        rounded = ROUNDING * float(np.max(np.abs(costs))) / h
        scale = rounded / DIFFERENCES_LIMIT
        if off(found, self.values[sym][place], scale) > DIFFERENCES_LIMIT / 2:
            found, error = slope(cost, h)  # too steep for one step, or a mistake in the gradient
            if not error <= DIFFERENCES_LIMIT * max(1.0, abs(found)):
                self.steep.add(sym)
        self.values[sym][place] = found
        self.rounding[sym] = max(rounded, self.rounding.get(sym, 0.0))

    def _entries(self) -> list[tuple[str, tuple[int, ...]]]:
        """The entries to be derived by: those asked for, in every member's own array."""
        most = FEW if self.network.graph.size > LARGE else PLACES
        found = [
            (name, (*member, *place))
            for name, place in self.asked
            for member in np.ndindex(self._members(name, place))
        ]
        return found or [
            (name, place)
            for name, array in self.parameters.items()
            for place in some(list(np.ndindex(array.shape)), most)
        ]

    def _members(self, name: str, place: tuple[int, ...]) -> tuple[int, ...]:
        shape = self.parameters[name].shape
        return shape[: len(shape) - len(place)]


def off(found: Array | float, truth: Array | float, scale: float = 1.0) -> float:
    """Return |found − true| / max(1, scale, |true|); ∞ if a shape differs or a number is lost."""
    a, b = np.asarray(found, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if a.shape != b.shape and a.ndim and b.ndim:
        return float("inf")
    with np.errstate(invalid="ignore"):  # ∞ − ∞, where a textbook form overflows as it is written
        error = np.abs(a - b) / np.maximum(max(1.0, scale), np.abs(b))
    error = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, error)
    return float(np.max(np.nan_to_num(error, nan=np.inf), initial=0.0))


def some(places: list[Any], most: int = PLACES) -> list[Any]:
    """Return all places, or so many of them spread evenly, first and last included."""
    if len(places) <= most:
        return places
    return [places[i] for i in np.linspace(0, len(places) - 1, most).astype(int)]
