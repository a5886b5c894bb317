"""Runs rewritten plans on top of one trace: only what a rewriting touches is computed again.

A diagnosis asks hundreds of rewritings what gradient they give. Each shares nearly all of its
numbers with the right plan, so a `Replay` is a mapping that computes a symbol when it is first
asked for, and only if a changed step leads to it. Order comes from who reads whom, not from the
plan's order: a rewriting may read a gradient in a δ. Proved by ``tests/test_checking.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from clearprop.backprop import SAMPLE_WEIGHT, Plan, Step, gradient_name
from clearprop.errors import ShapeError
from clearprop.expressions import Array, Sym, Type, evaluate, spread

ROWS = Sym("m")
"""The number of samples m, for rewritings that count."""

WEIGHT_SUM = Sym("Σw")
"""Σ w before it is divided out of the weights; m where no weights are given."""

FREE = Sym("c")
"""The scalar that a rewriting leaves open and a diagnosis fits."""

BELOW = Sym("c′")
"""The same of a rewriting on top of which another one stands that leaves a scalar open too."""

FIRST = Sym("first sample", Type((), sample=True))
LAST = Sym("last sample", Type((), sample=True))
"""1 at the batch's first (last) sample, 0 at the others."""


def ones(size: int) -> Sym:
    """Return the symbol of a vector of ``size`` ones."""
    return Sym(f"ones {size}", Type((size,)))


def last_of_level(index: str) -> Sym:
    """Return the symbol that is 1 where a sample is the last of the batch with its level."""
    return Sym(f"last {index}", Type((), sample=True))


class Loop(Exception):  # noqa: N818  # no error: this rewriting cannot be run here
    """A rewritten plan in which a quantity needs itself."""


class Base:
    """One run of the right plan: what rewritten plans are run on top of.

    Parameters
    ----------
    plan : Plan
    values : mapping of str to array
        Every symbol of the plan, as a `Trace` holds them.
    weight_sum : float
        Σ w as the user gave it; m without weights.
    """

    def __init__(self, plan: Plan, values: Mapping[str, Array], weight_sum: float) -> None:
        self.plan = plan
        m = len(values[SAMPLE_WEIGHT.name])
        self.rows = m
        self.values = dict(values)
        marks = np.zeros((2, m))
        marks[0, :1] = 1.0
        marks[1, -1:] = 1.0
        self.values |= {
            ROWS.name: np.asarray(float(m)),
            WEIGHT_SUM.name: np.asarray(float(weight_sum)),
            FIRST.name: marks[0],
            LAST.name: marks[1],
        }
        for given in plan.graph.inputs:
            if given.levels:
                index = values[given.value].astype(np.int64)
                last = {int(level): row for row, level in enumerate(index)}
                mark = np.zeros(m)
                mark[list(last.values())] = 1.0
                self.values[last_of_level(given.value).name] = mark
        self.size = sum(array.size for array in self.values.values())
        self._steps = {step.id: step for step in plan.steps}
        self._readers: dict[str, list[Step]] = {}
        for step in plan.steps:
            for sym in step.reads:
                self._readers.setdefault(sym.name, []).append(step)
        self._behind: dict[str, dict[str, Step]] = {}
        self.kept: dict[Any, Replay] = {}  # rewritings that were run, for the next question

    def behind(self, name: str) -> dict[str, Step]:
        """Return every step of the right plan that a symbol leads to, by what it computes."""
        if name not in self._behind:
            reached: dict[str, Step] = {}
            front = [name]
            while front:
                for step in self._readers.get(front.pop(), ()):
                    if step.target.name not in reached:
                        reached[step.target.name] = step
                        front.append(step.target.name)
            self._behind[name] = reached
        return self._behind[name]

    def on(self, values: Mapping[str, Array]) -> Base:
        """Return the base with some symbols given other values, and all that follows from them."""
        replay = Replay(self, (), values)
        found = {step.target.name: replay[step.target.name] for step in self.plan.steps}
        kept = self.values | {name: np.asarray(array) for name, array in values.items()}
        return Base(self.plan, kept | found, float(self.values[WEIGHT_SUM.name]))

    def changed(self, plan: Plan) -> list[Step]:
        """Return the steps of ``plan`` that differ from the right plan's."""
        own = self._steps
        return [step for step in plan.steps if own.get(step.id) is not step]


class Replay(Mapping[str, Array]):
    """The quantities of a rewritten plan, each computed when it is asked for.

    Parameters
    ----------
    base : Base
    steps : iterable of Step
        The steps that stand in place of the right plan's, by their ids.
    given : mapping of str to array
        Values of symbols that the rewriting brings (a free scalar) or overrides (a mask).
    on : Replay, optional
        A rewriting on top of which this one stands: what it has computed is shared.
    """

    def __init__(
        self,
        base: Base,
        steps: Iterable[Step],
        given: Mapping[str, Array] | None = None,
        on: Replay | None = None,
    ) -> None:
        self.base, self.on = base, on
        self._found: dict[str, Array] = {k: np.asarray(v) for k, v in (given or {}).items()}
        new = {step.target.name: step for step in steps}
        self._dirty: dict[str, Step] = {}
        for name in (*self._found, *new):  # new steps are reached anyway: the right plan's readers
            self._dirty |= base.behind(name)
        self.new = new
        if on is not None:
            self._spread(on.new)
            self.new = on.new | new
            self._dirty |= {name: self.new[name] for name in self._dirty.keys() & on.new.keys()}
        self._dirty |= new
        self._open: set[str] = set()

    def _spread(self, below: Mapping[str, Step]) -> None:
        """A step rewritten below may read what the right plan's does not."""
        left = [step for name, step in below.items() if name not in self._dirty]
        while reached := [
            step for step in left if any(self.touches(sym.name) for sym in step.reads)
        ]:
            for step in reached:
                self._dirty |= {step.target.name: step} | self.base.behind(step.target.name)
                left.remove(step)

    def touches(self, name: str) -> bool:
        """Whether the rewriting can change the symbol at all."""
        if name in self._dirty or name in self._found:
            return True
        return self.on is not None and self.on.touches(name)

    @property
    def reach(self) -> int:
        """How many symbols have to be computed again."""
        return len(self._dirty)

    def __getitem__(self, name: str) -> Array:
        if name in self._found:
            return self._found[name]
        step = self._dirty.get(name)
        if step is None:
            if self.on is not None:
                return self.on[name]
            if name not in self.base.values and name.startswith("ones "):
                return np.ones(int(name.removeprefix("ones ")))
            return self.base.values[name]
        if name in self._open:
            raise Loop(name)
        self._open.add(name)
        value = self._run(step)
        self._open.discard(name)
        self._found[name] = value
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.base.values)

    def __len__(self) -> int:
        return len(self.base.values)

    def _run(self, step: Step) -> Array:
        to, members = step.target.type, self.base.plan.graph.members
        axes = ((members,) if to.member else ()) + ((self.base.rows,) if to.sample else ())
        whole = axes + to.shape
        total: Array | None = None
        for term in step.terms:
            try:  # a second mistake may read what the first has given another shape
                array = spread(evaluate(term.expr, self), term.expr.type, to)
                full = array if array.shape == whole else np.broadcast_to(array, whole)
            except (ValueError, IndexError):
                raise ShapeError(f"{step.id}: {term.expr.type} does not fit {to}") from None
            total = full if total is None else total + full
        return np.zeros(whole) if total is None else np.array(total)

    def gradient(self, parameter: str) -> Array:
        """Return ∂J/∂parameter as the rewritten plan has it."""
        return self[gradient_name(parameter)]
