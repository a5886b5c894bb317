"""Numbers for a derivation: a trace's arrays as a notation orients and scales them.

`TraceNumbers` is what the reference computed, in the text's conventions: transposed weights, the
constant's column, δ with or without 1/m. `Bumped` moves one unit of one value and runs on from
there: central differences of anything by anything, with no derivation in them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from functools import cached_property

import numpy as np

from clearprop.backprop import SAMPLE_WEIGHT, Asked, Choice, Plan, Some, Trace
from clearprop.derivation.notations.names import FULL, Names, base_of, split
from clearprop.derivation.trees.tree import MEMBER, SAMPLE, Quantity
from clearprop.derivation.verifying.extrapolating import slope
from clearprop.expressions import Array, evaluate

DIFFERENCE = 6e-6  # the cube root of float64's rounding: where error of the step and rounding meet
ROUNDING = 1e-15
"""Of a number, such as the cost: how far it may be rounded."""


class TraceNumbers:
    """The numbers of one trace, in a notation.

    Parameters
    ----------
    names : Names
    plan : Plan
        The plan that was run.
    found : Asked, Some or Trace
        What was computed, or is when it is asked for.
    learning_rate : float
    """

    def __init__(
        self, names: Names, plan: Plan, found: Asked | Some | Trace, learning_rate: float
    ) -> None:
        self.names, self.plan, self.found = names, plan, found
        self.m = len(found[SAMPLE_WEIGHT.name])
        self.scalars = {
            "m": float(self.m),
            "K": float(plan.graph.members),
            "l2": plan.graph.l2,
            "learning_rate": learning_rate,
        }
        self.types = {n: (v.type.member, v.type.sample) for n, v in plan.graph.values.items()}
        self.types |= {n: (p.spec.type.member, False) for n, p in plan.graph.parameters.items()}
        for step in plan.steps:
            self.types[step.target.name] = (step.target.type.member, step.target.type.sample)
            for sym in step.reads:
                self.types.setdefault(sym.name, (sym.type.member, sym.type.sample))
        self._known: dict[str, Array] = {}
        self._axes: dict[str, tuple[bool, bool]] = {}

    @cached_property
    def trace(self) -> Trace:
        """Every quantity of the pass."""
        found = self.found.whole if isinstance(self.found, Some) else self.found
        return found.trace if isinstance(found, Asked) else found

    def some(self, choose: Choice) -> TraceNumbers:
        """Return the numbers of the chosen entries only, where they are computed when asked for."""
        if not isinstance(self.found, Asked):
            return self
        other = copy(self)  # of what a graph's size asks to be found, nothing is found again
        other.found, other._known = Some(self.found, choose), {}
        for whole in ("trace", "_bumped"):
            vars(other).pop(whole, None)
        return other

    @cached_property
    def _bumped(self) -> Bumped:
        return Bumped(self.plan, self.trace)

    def axes(self, sym: str) -> tuple[bool, bool]:
        """Return whether a symbol has the axes (member, sample)."""
        if sym not in self._axes:
            self._axes[sym] = self._find_axes(sym)
        return self._axes[sym]

    def _find_axes(self, sym: str) -> tuple[bool, bool]:
        if sym.startswith(("x", "part:")):
            return (False, True)
        if sym.endswith(FULL):
            return (self.types[base_of(sym)][0], False)
        return self.types.get(sym, (False, False))

    def array(self, sym: str) -> Array:
        """Return a symbol's array as the notation writes it."""
        if sym not in self._known:
            self._known[sym] = self._find(sym)
        return self._known[sym]

    def has(self, sym: str) -> bool:
        """Return whether the trace holds the symbol."""
        try:
            self.array(sym)
        except KeyError:
            return False
        return True

    def _find(self, sym: str) -> Array:
        if sym in self.scalars:
            return np.asarray(self.scalars[sym])
        if sym.startswith("x"):
            given = self.plan.graph.inputs
            return self.found[given[0].value if sym == "x" else "a" + sym[1:]]
        if sym.startswith("part:"):
            k = int(sym.removeprefix("part:"))
            return part(self.plan, k, self.found, slice(0, self.m))
        if sym.endswith(FULL):
            return self._with_column(sym.removesuffix(FULL))
        found = np.asarray(self.found[sym])
        if split(sym)[0] in ("Delta", "delta") and self.names.notation.mean_at == "gradient":
            found = self._unweighted(sym, found)
        return self.names.oriented(sym, found)

    def _unweighted(self, sym: str, found: Array) -> Array:
        """δ of a text that writes the mean at the gradient: ours without wᵢ / Σ w."""
        w = self.found[SAMPLE_WEIGHT.name]
        shape = (1,) * (1 if self.axes(sym)[0] else 0) + (len(w),)
        return found / w.reshape(shape + (1,) * (found.ndim - len(shape)))

    def _with_column(self, sym: str) -> Array:
        weight = base_of(sym)
        bias = self.names.biases[weight]
        matrix = self.found[sym]
        if sym == weight:
            column = self.found[bias]
            if self.names.shared(bias):
                column = np.asarray(column)[..., None]
        elif self.names.shared(bias):  # each unit's own share: the layer's δ, summed over samples
            column = np.zeros(matrix.shape[:-1])
            for term in self.plan.step(f"dJ/d{bias}").terms:
                delta = self.found["delta" + term.via[1:]]
                over = 1 if self.axes("delta" + term.via[1:])[0] else 0
                each = delta.sum(axis=over)
                own = self.axes(bias)[0]
                column = column + (each if own or each.ndim == 1 else each.sum(axis=0))
        else:
            column = self.found[f"dJ/d{bias}"]
        column = np.broadcast_to(column, matrix.shape[:-1])
        return np.concatenate([matrix, column[..., None]], axis=-1)

    def ratio(self, top: Quantity, bottom: Quantity, bound: Mapping[str, int]) -> float:
        """Return ∂top/∂bottom by a central difference of the forward pass."""
        return self._bumped.ratio(
            self._place(top, bound), self._place(bottom, bound), bound.get(SAMPLE, 1)
        )

    def rounding(self, top: Quantity, bottom: Quantity, bound: Mapping[str, int]) -> float:
        """Return how much of `ratio` the rounding of ``top`` may be."""
        return self._bumped.rounding(
            self._place(top, bound), self._place(bottom, bound), bound.get(SAMPLE, 1)
        )

    def _place(self, node: Quantity, bound: Mapping[str, int]) -> tuple[str, tuple[int, ...]]:
        index = tuple(
            (place if isinstance(place, int) else bound[place.name] + place.offset) - 1
            for place in self.names.ordered(node.sym, node.index)
        )
        return node.sym, index

    def bound(self, row: int) -> dict[str, int]:
        """Return the place whose numbers are shown: sample ``row`` (from 1), member 1."""
        return {SAMPLE: row, MEMBER: 1}


class OfRow:
    """The numbers of one sample; of a large batch, no other sample's are computed for it.

    Parameters
    ----------
    numbers : TraceNumbers
        Of the batch: what sums over samples is from there.
    row : int
        The sample, from 1.
    """

    def __init__(self, numbers: TraceNumbers, row: int) -> None:
        self.numbers, self.row = numbers, row

    @cached_property
    def own(self) -> TraceNumbers:
        """Of this sample alone, as the batch has it: its share of J is 1/m."""
        found = self.numbers.found
        if self.numbers.m == 1 or not isinstance(found, Asked):
            return self.numbers
        rate = self.numbers.scalars["learning_rate"]
        return TraceNumbers(self.numbers.names, self.numbers.plan, found.of_row(self.row - 1), rate)

    def some(self, choose: Choice) -> OfRow:
        """Return the same, of what no sample has of its own (such as gradients) chosen entries."""
        found = OfRow(self.numbers.some(choose), self.row)
        found.own = self.own
        return found

    @property
    def bound(self) -> dict[str, int]:
        """The place whose numbers are shown: where the sample stands here, member 1."""
        return {SAMPLE: self.row if self.own.m > 1 else 1, MEMBER: 1}

    def axes(self, sym: str) -> tuple[bool, bool]:
        """Return whether a symbol has the axes (member, sample)."""
        return self.numbers.axes(sym)

    def array(self, sym: str) -> Array:
        """Return a symbol's array as the notation writes it; along samples, of this one."""
        return (self.own if self.axes(sym)[1] else self.numbers).array(sym)

    def has(self, sym: str) -> bool:
        """Return whether the trace holds the symbol."""
        return (self.own if self.axes(sym)[1] else self.numbers).has(sym)

    def ratio(self, top: Quantity, bottom: Quantity, bound: Mapping[str, int]) -> float:
        """Return ∂top/∂bottom by a central difference of the forward pass."""
        return self.numbers.ratio(top, bottom, {**bound, SAMPLE: self.row})


def finite(number: float | None) -> float | None:
    """Return a number as JSON has it: None for what is ∞ or no number.

    >>> finite(0.5), finite(float("inf"))
    (0.5, None)
    """
    return number if number is not None and math.isfinite(number) else None


class Bumped:
    """Central differences: one entry of one quantity moved, the forward pass run on from there."""

    def __init__(self, plan: Plan, trace: Trace) -> None:
        self.plan, self.trace = plan, trace
        self.steps = [s for s in plan.steps if s.kind in ("forward", "cost", "penalty")]

    def ratio(
        self,
        top: tuple[str, tuple[int, ...]],
        bottom: tuple[str, tuple[int, ...]],
        sample: int = 1,
    ) -> float:
        """Return ∂top/∂bottom for one sample; ``E1`` is the part of the cost of output 1."""
        h = self._step(bottom, sample)
        return slope(lambda by: self._moved(bottom, by, top, sample), h)[0]

    def rounding(
        self,
        top: tuple[str, tuple[int, ...]],
        bottom: tuple[str, tuple[int, ...]],
        sample: int = 1,
    ) -> float:
        """Return how much of a difference the rounding of ``top`` may be."""
        of = abs(self._read(top, dict(self.trace.arrays), sample))
        return ROUNDING * of / self._step(bottom, sample)

    def _step(self, bottom: tuple[str, tuple[int, ...]], sample: int) -> float:
        return DIFFERENCE * max(1.0, abs(self._read(bottom, dict(self.trace.arrays), sample)))

    def _moved(
        self,
        bottom: tuple[str, tuple[int, ...]],
        by: float,
        top: tuple[str, tuple[int, ...]],
        sample: int,
    ) -> float:
        values = dict(self.trace.arrays)
        name, index = bottom
        moved = np.array(values[name], dtype=np.float64)
        place = index if name in self.plan.graph.parameters else (sample - 1, *index)
        moved[place] += by
        values[name] = moved
        passed = name in self.plan.graph.parameters or self.plan.graph.values[name].node is None
        for step in self.steps:
            if step.id == name:
                passed = True
            elif passed:
                values[step.id] = evaluate(step.expr, values)
        return self._read(top, values, sample)

    def _read(
        self, of: tuple[str, tuple[int, ...]], values: dict[str, Array], sample: int
    ) -> float:
        name, index = of
        if name in ("J", "penalty") or name in self.plan.graph.parameters:
            return float(np.asarray(values[name])[index])
        if name.startswith("part:"):  # the share of output k
            return float(part(self.plan, int(name[5:]), values, slice(sample - 1, sample))[0])
        return float(values[name][(sample - 1, *index)])


def part(plan: Plan, k: int, values: Mapping[str, Array], rows: slice) -> Array:
    """Return what output k (from 1) adds to the cost of each of some samples, (rows,)."""
    cost = plan.graph.costs[0]
    at = (rows, slice(k - 1, k))  # a cost is a sum over outputs: the term of this one
    return np.asarray(cost.row.value(values[cost.value][at], values["y"][at], cost.attrs))
