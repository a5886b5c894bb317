"""How far a gradient may be from the right one: rounding, through cancellation and saturation.

It is measured, not guessed: the plan is run again with every quantity shaken by a known relative
amount, and how much each gradient moves says what one unit in the last place can do to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from clearprop.backprop import Step, gradient_name
from clearprop.checking.edits import with_term
from clearprop.checking.patterns import slopes
from clearprop.checking.replay import Base, Replay
from clearprop.expressions import Array, Sym, substitute

#: Relative size of the shaking: far above rounding, far below what makes a function curve.
SHAKE = 1e-9

#: Roundings that may add up in one direction, as a multiple of what one shaking shows.
ROUNDINGS = 64.0

#: Beside rounding, a gradient may differ by this much of its tensor's largest entry.
RTOL = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-4, np.dtype(np.float16): 2e-2}


class _Shaken(Replay):
    """A replay in which every computed quantity is off by a relative amount of about `SHAKE`."""

    def __init__(
        self,
        base: Base,
        steps: Iterable[Step],
        given: Mapping[str, Array],
        rng: np.random.Generator,
    ) -> None:
        super().__init__(base, steps, given)
        self._rng = rng

    def __getitem__(self, name: str) -> Array:
        new = name not in self._found and name in self._dirty
        value = super().__getitem__(name)
        if new:
            value = self._found[name] = value * (1 + SHAKE * self._rng.standard_normal(value.shape))
        return value


@dataclass(frozen=True)
class Sensitivity:
    """How much each symbol moves when all it is made of is off by 1 (relative, linearised)."""

    moves: Mapping[str, Array]

    def rounding(self, name: str, eps: float) -> float:
        """Return the largest error that rounding can leave in a gradient or a value."""
        return ROUNDINGS * eps * float(np.max(self.moves[name], initial=0.0))


@lru_cache(maxsize=2)
def sensitivity(base: Base) -> Sensitivity:
    """Measure by three shakings of the right plan, with fixed random numbers."""
    plan = base.plan
    moves: dict[str, Array] = {}
    extra: dict[str, tuple[int, ...]] = {}
    for number, slope in enumerate(slopes(plan)):
        if slope.step.terms[slope.index].expr is not slope.expr:
            continue
        # a derivative may be computed with an error of the size of f, such as 1 − a² near a = 1
        noise = Sym(f"noise {number}", slope.node.type)
        extra[noise.name] = base.values[slope.step.target.name].shape
        step = plan.step(slope.step.id)
        expr = substitute(step.terms[slope.index].expr, {slope.node: slope.node + noise})
        plan = plan.with_step(with_term(step, slope.index, expr))
    given = {name: base.values[name] for name in base.plan.graph.parameters}
    given |= {i.value: base.values[i.value] for i in base.plan.graph.inputs if not i.levels}
    names = [step.target.name for step in base.plan.steps if step.kind != "update"]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        shaken = {k: v * (1 + SHAKE * rng.standard_normal(v.shape)) for k, v in given.items()}
        shaken |= {k: SHAKE * rng.standard_normal(shape) for k, shape in extra.items()}
        with np.errstate(all="ignore"):
            replay = _Shaken(base, base.changed(plan), shaken, rng)
            for name in names:
                move = np.abs(replay[name] - base.values[name]) / SHAKE
                moves[name] = np.fmax(moves.get(name, 0.0), move)
    return Sensitivity(moves)


def precision(arrays: Mapping[str, Array]) -> np.dtype[np.floating]:
    """Return the coarsest float type among the arrays; float64 for whole numbers."""
    kinds = [np.asarray(a).dtype for a in arrays.values()]
    floats = [kind for kind in kinds if kind in RTOL]
    return min(floats, key=lambda kind: kind.itemsize, default=np.dtype(np.float64))


def shares(
    base: Base, dtype: np.dtype[np.floating], rtol: float | None, atol: float
) -> dict[str, float]:
    """Return how far each gradient may be off whatever rounding does, absolutely."""
    share = RTOL[dtype] if rtol is None else rtol
    return {
        name: atol + share * float(np.max(np.abs(base.values[gradient_name(name)]), initial=0.0))
        for name in base.plan.graph.parameters
    }


def tolerances(
    base: Base, moves: Sensitivity, dtype: np.dtype[np.floating], rtol: float | None, atol: float
) -> dict[str, float]:
    """Return how far each parameter's gradient may be off, with rounding, absolutely."""
    eps = float(np.finfo(dtype).eps)
    return {
        name: share + moves.rounding(gradient_name(name), eps)
        for name, share in shares(base, dtype, rtol, atol).items()
    }
