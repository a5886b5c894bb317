"""The kinks that a batch meets: f′ may be anything between its two sides there.

Every subgradient is right, one choice for each sample and unit; asked is whether a gradient is one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.checking.edits import with_term
from clearprop.checking.patterns import cost_terms, slopes
from clearprop.checking.replay import Base, Replay
from clearprop.checking.rounding import Sensitivity
from clearprop.expressions import Add, Array, Expr, Sym, evaluate, substitute
from clearprop.operations import Function

#: With more kinks than this in one batch only choices alike for a whole layer are tried.
MOST_KINKS = 200

#: So many kinks are named in a note.
NAMED = 4


@dataclass(frozen=True)
class Kink:
    """A slope that jumps at some entries of this batch: what may be added to f′ there."""

    symbol: Sym
    entries: tuple[Any, ...]  # as np.nonzero gives them
    low: Array
    high: Array
    shape: tuple[int, ...]
    layer: str
    function: str

    def array(self, extra: Array) -> Array:
        """Return the addition to f′ as an array: ``extra`` at the kinks, 0 elsewhere."""
        full = np.zeros(self.shape)
        full[self.entries] = extra
        return full


class Kinks:
    """All kinks of a batch, and the gradients that other choices of subgradient give."""

    def __init__(self, base: Base, moves: Sensitivity, eps: float) -> None:
        self.base = base
        self.found: list[Kink] = []
        plan = base.plan
        for number, (step_id, index, node, x, kink) in enumerate(_kinked(base, moves, eps)):
            if kink is None:
                continue
            symbol = Sym(f"kink {number}", x.type)
            step = plan.step(step_id)
            expr = substitute(step.terms[index].expr, {node: Add((node, symbol))})
            plan = plan.with_step(with_term(step, index, expr))
            self.found.append(Kink(symbol, *kink))
        self.plan = plan
        self.count = sum(len(kink.low) for kink in self.found)

    def __str__(self) -> str:
        """Which function, unit and sample, as people count them: from 1."""
        places = [
            f"{kink.function} at unit {unit + 1} of layer {kink.layer} for sample {sample + 1}"
            + (f" of member {member[0] + 1}" if member else "")
            for kink in self.found
            for *member, sample, unit in zip(*kink.entries, strict=True)
        ]
        left = len(places) - NAMED
        return "; ".join(places[:NAMED]) + (f"; and {left} more" if left > 0 else "")

    def gradient(self, choice: Array) -> dict[str, Array]:
        """Return every gradient for additions to f′ in the order of the kinks."""
        given, start = {}, 0
        for kink in self.found:
            stop = start + len(kink.low)
            given[kink.symbol.name] = kink.array(choice[start:stop])
            start = stop
        replay = Replay(self.base, self.base.changed(self.plan), given)
        return {name: replay.gradient(name) for name in self.base.plan.graph.parameters}

    def nearest(
        self, given: Mapping[str, Array], scales: Mapping[str, float]
    ) -> Iterator[dict[str, Array]]:
        """Yield subgradients that could be the given gradient, the likeliest first."""
        low = np.concatenate([kink.low for kink in self.found])
        high = np.concatenate([kink.high for kink in self.found])
        middle = (low + high) / 2
        for choice in (low, high, middle):
            yield self.gradient(choice)
        if len(self.found) > 1:
            each = [(kink.low, (kink.low + kink.high) / 2, kink.high) for kink in self.found[:5]]
            rest = [kink.low for kink in self.found[5:]]
            for chosen in itertools.product(*each):
                yield self.gradient(np.concatenate([*chosen, *rest]))
        if self.count <= MOST_KINKS:
            yield from self._fitted(given, scales, low, high)

    def _fitted(
        self, given: Mapping[str, Array], scales: Mapping[str, float], low: Array, high: Array
    ) -> Iterator[dict[str, Array]]:
        """Least squares within the bounds; kinks behind kinks make it multi-affine, so repeat."""
        from scipy.optimize import lsq_linear

        def flat(arrays: Mapping[str, Array]) -> Array:
            return np.concatenate([np.ravel(arrays[n]) / scales[n] for n in scales])

        choice, wanted = (low + high) / 2, flat(given)
        for _ in range(6):
            now = flat(self.gradient(choice))
            columns = []
            for place in range(len(choice)):
                other = choice.copy()
                other[place] = (
                    low[place] if choice[place] > (low + high)[place] / 2 else high[place]
                )
                change = other[place] - choice[place]
                columns.append((flat(self.gradient(other)) - now) / (change or 1.0))
            solution = lsq_linear(
                np.stack(columns, axis=1),
                wanted - now,
                bounds=(low - choice, high - choice + 1e-300),
            )
            choice = np.clip(choice + solution.x, low, high)
            yield self.gradient(choice)


_KinkData = tuple[tuple[Any, ...], Array, Array, tuple[int, ...], str, str]


def _kinked(
    base: Base, moves: Sensitivity, eps: float
) -> Iterator[tuple[str, int, Expr, Expr, _KinkData | None]]:
    for slope in slopes(base.plan):
        row, attrs = slope.node.function, dict(slope.node.attrs)
        if not isinstance(row, Function) or not isinstance(slope.z, Sym):
            continue
        z, tolerance = base.values[slope.z.name], _near(base, moves, slope.z.name, eps)
        here = row.derivative(z, attrs)
        for at in row.kinks(attrs):
            sides = [row.derivative(np.asarray(at + h), attrs) for h in (-1e-9, 1e-9)]
            data = _jump(z - at, tolerance, here, sides, slope.place.layer, row.name)
            yield slope.step.id, slope.index, slope.node, slope.node, data
    for term in cost_terms(base.plan):
        row_kinks = term.cost.row.kinks(term.cost.attrs)
        a, y = base.values[term.out.name], base.values[term.y.name]
        tolerance = _near(base, moves, term.out.name, eps)
        for at in row_kinks:
            here = evaluate(term.slope, base.values)
            scale = 1e-6 * (1 + np.abs(y))
            sides = [
                evaluate(term.slope, {term.out.name: y + at + sign * scale, term.y.name: y})
                for sign in (-1, 1)
            ]
            near = np.abs(a - y - at) <= tolerance
            if near.any():
                spots = np.nonzero(near)
                left, right = (np.broadcast_to(side, a.shape)[spots] for side in sides)
                now = np.broadcast_to(here, a.shape)[spots]
                data = (spots, np.minimum(left, right) - now, np.maximum(left, right) - now,
                        a.shape, term.place.layer, term.cost.op)  # fmt: skip
                yield term.step.id, term.index, term.slope, term.slope, data


def _near(base: Base, moves: Sensitivity, name: str, eps: float) -> float:
    known = name in moves.moves
    return moves.rounding(name, eps) if known else eps * float(np.abs(base.values[name]).max())


def _jump(
    distance: Array, tolerance: float, here: Array, sides: list[Array], layer: str, function: str
) -> _KinkData | None:
    near = np.nonzero(np.abs(distance) <= tolerance)
    if not distance.ndim or not len(near[0]):
        return None
    now = here[near]
    low = np.minimum(*sides) - now
    high = np.maximum(*sides) - now
    return near, low, high, distance.shape, layer, function
