"""Is what is printed what is executed? Every step evaluated from its tree and compared.

The written tree is evaluated by `clearprop.derivation.trees.evaluating.value`, entry by entry and
sample by sample, and compared with the engine's trace and with central differences of the cost.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from clearprop.derivation.notations.names import FULL, Names
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.steps.functions import functions_of
from clearprop.derivation.steps.general import instances
from clearprop.derivation.trees.beyond import is_lost
from clearprop.derivation.trees.evaluating import value
from clearprop.derivation.trees.tree import (
    MEMBER,
    SAMPLE,
    Call,
    Node,
    Quantity,
    Ratio,
    walk,
)
from clearprop.derivation.verifying.differences import (
    DIFFERENCES_LIMIT,
    FEW,
    LARGE,
    PLACES,
    Differences,
    off,
    some,
)
from clearprop.derivation.verifying.kinks import kinked
from clearprop.derivation.verifying.numbers import TraceNumbers, finite
from clearprop.expressions import Array
from clearprop.network import Network
from clearprop.operations import Activation

TRACE_LIMIT = 1e-10
POINTS = (-3.0, -1.1, -0.2, 0.3, 0.9, 2.5)
"""Where a function's definition is compared with its row; no kink of any row among them."""


@dataclass(frozen=True)
class Verification:
    """How far the printed steps are from what is executed.

    Parameters
    ----------
    errors_trace, errors_differences : dict of str to float
        By step: the largest |printed − true| / max(1, |true|); of differences of a very large cost,
        in units of what its rounding makes of them.
    unproved : tuple of str
        Parameters whose gradient no step derives.
    errors_symbolic : dict of str to float
        By parameter: how far its gradient is from SymPy's own differentiation of the printed
        cost; empty where that was not done.
    skipped : str
        Why SymPy was asked for and not used, as a message's key; empty where it was.
    beyond : tuple of str
        Steps that floating point cannot evaluate at these numbers; they are verified at smaller
        ones.
    kinks : tuple of str
        Steps at a kink of a function, where a difference is the mean of two slopes; they are
        verified at numbers beside these.
    """

    errors_trace: dict[str, float]
    errors_differences: dict[str, float]
    unproved: tuple[str, ...] = ()
    errors_symbolic: Mapping[str, float] = field(default_factory=dict)
    skipped: str = ""
    beyond: tuple[str, ...] = ()
    kinks: tuple[str, ...] = ()

    @property
    def max_error_symbolic(self) -> float | None:
        """The largest difference from SymPy's derivatives; None where they were not taken."""
        return max(self.errors_symbolic.values(), default=None)

    @property
    def max_error_trace(self) -> float:
        """The largest difference from the trace."""
        return max(self.errors_trace.values(), default=0.0)

    @property
    def max_error_differences(self) -> float:
        """The largest difference from central differences."""
        return max(self.errors_differences.values(), default=0.0)

    @property
    def passed(self) -> bool:
        """Whether every step is what is executed, and every parameter has its gradient."""
        return (
            self.max_error_trace <= TRACE_LIMIT
            and self.max_error_differences <= DIFFERENCES_LIMIT
            and (self.max_error_symbolic or 0.0) <= TRACE_LIMIT
            and not self.unproved
        )

    @property
    def worst(self) -> str:
        """The step that is farthest off, in units of its limit; empty if none is."""
        scaled = {k: v / TRACE_LIMIT for k, v in self.errors_trace.items()}
        for k, v in self.errors_differences.items():
            scaled[k] = max(scaled.get(k, 0.0), v / DIFFERENCES_LIMIT)
        for k, v in self.errors_symbolic.items():
            scaled[f"dJ/d{k}"] = max(scaled.get(f"dJ/d{k}", 0.0), v / TRACE_LIMIT)
        worst = max(scaled, key=lambda k: scaled[k], default="")
        return worst if worst and scaled[worst] > 1.0 else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain data; null is an error without bounds, where it failed.

        (JSON has no ∞. An error that SymPy was not asked for is null too.)
        """
        return {
            "verified": self.passed,
            "max_error_trace": finite(self.max_error_trace),
            "max_error_differences": finite(self.max_error_differences),
            "max_error_symbolic": finite(self.max_error_symbolic),
            "unproved": list(self.unproved),
            "beyond_floating_point": list(self.beyond),
            "at_a_kink": list(self.kinks),
        }


Elsewhere = Callable[[], Iterable[tuple[tuple[DerivedStep, ...], TraceNumbers]]]
"""What gives the steps beside other numbers, of one kind or several."""


class _Found(NamedTuple):
    """How far an equation is off the trace and off differences; what could not be told of it."""

    near: float
    far: float | None = None
    lost: bool = False
    bent: bool = False


def verify_steps(
    steps: tuple[DerivedStep, ...],
    names: Names,
    numbers: TraceNumbers,
    network: Network,
    smaller: Elsewhere,
    beside: Elsewhere,
) -> Verification:
    """Evaluate every equation of every step; see `Verification`.

    ``smaller`` gives the steps beside smaller numbers, for those that floating point cannot
    evaluate at these; ``beside`` beside others near them, for those at a kink.
    """
    entries = _entries(steps, names)
    found = _Verifier(names, numbers, network, entries, lenient=True).verify(steps)
    for ids, elsewhere in ((found.beyond, smaller), (found.kinks, beside)):
        for others, given in elsewhere() if ids else ():
            again = tuple(step for step in others if step.id in ids)
            other = _Verifier(names, given, network, entries).verify(again)
            found = replace(
                found,
                errors_trace=_larger(found.errors_trace, other.errors_trace),
                errors_differences=_larger(found.errors_differences, other.errors_differences),
            )
    return found


def _larger(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
    return {key: max(a.get(key, 0.0), b.get(key, 0.0)) for key in (*a, *b)}


def _entries(steps: tuple[DerivedStep, ...], names: Names) -> list[tuple[str, tuple[int, ...]]]:
    """The entries of parameters, from 0, that a derivation of one weight derives by."""
    lefts = [one.left for step in steps if step.kind == "weight" for one in step.equations]
    found: dict[tuple[str, tuple[int, ...]], None] = {}
    for left in lefts:
        if isinstance(left, Quantity) and left.sym.startswith("dJ/d"):
            places = names.ordered(left.sym, left.index)
            known = tuple(place - 1 for place in places if isinstance(place, int))
            if len(known) == names.rank(left.sym):
                found[left.sym.removeprefix("dJ/d"), known] = None
    return list(found)


class _Verifier:
    def __init__(
        self,
        names: Names,
        numbers: TraceNumbers,
        network: Network,
        entries: list[tuple[str, tuple[int, ...]]],
        lenient: bool = False,
    ) -> None:
        self.lenient = lenient  # of what floating point cannot tell
        self.names, self.numbers, self.network = names, numbers, network
        self.known: dict[Equation, _Found] = {}
        self.differences = Differences(numbers, network, entries)
        self.against = TraceNumbers(
            names,
            numbers.plan,
            replace(numbers.trace, arrays=self.differences.values),
            numbers.scalars["learning_rate"],
        )

    def verify(self, steps: tuple[DerivedStep, ...]) -> Verification:
        trace: dict[str, float] = {}
        differences: dict[str, float] = {}
        beyond: dict[str, None] = {}
        kinks: dict[str, None] = {}
        for step in steps:
            each = (one for equation in step.equations for one in instances(equation, self.names))
            for equation in each:
                near, far, lost, bent = self._known(step, equation)
                if lost:
                    beyond[step.id] = None
                if bent:
                    kinks[step.id] = None
                trace[step.id] = max(trace.get(step.id, 0.0), near)
                if far is not None:
                    differences[step.id] = max(differences.get(step.id, 0.0), far)
        covered = {parameter for step in steps for parameter in step.covers}
        whole = all(step.kind != "weight" for step in steps)
        missing = tuple(n for n in self.network.graph.parameters if whole and n not in covered)
        return Verification(trace, differences, missing, beyond=tuple(beyond), kinks=tuple(kinks))

    def _known(self, step: DerivedStep, equation: Equation) -> _Found:
        """The errors of an equation; an instance that stands on the page is evaluated once."""
        if isinstance(equation.left, Call):
            return self._equation(step, equation)
        if equation not in self.known:
            self.known[equation] = self._equation(step, equation)
        return self.known[equation]

    @cached_property
    def _kinked(self) -> bool:
        """Whether a difference may be the mean of two slopes; asked of what is off one."""
        return self.lenient and bool(kinked(self.numbers))

    def _equation(self, step: DerivedStep, equation: Equation) -> _Found:
        """How far an equation is off, everywhere it holds."""
        left = equation.left
        if isinstance(left, Call):
            return _Found(self._definition(step, equation, left))
        near, lost, bent = 0.0, False, False
        far: float | None = None
        for bound in self._places(equation):
            truth = self._truth(equation, bound, self.numbers)
            for member in equation.members:
                found = value(member, self.numbers, bound)
                drawn = any(isinstance(n, Ratio) for n in (left, *walk(member)))
                far_off = off(found, truth)
                limit = DIFFERENCES_LIMIT if drawn else TRACE_LIMIT
                if drawn and far_off > limit and self._kinked:
                    bent = True
                    continue
                if self._is_lost(member, bound, found, truth, far_off > limit, left):
                    lost = True
                    continue
                if drawn:
                    far = max(far or 0.0, far_off)  # one side is a difference itself
                else:
                    near = max(near, far_off)
                if isinstance(left, Quantity) and left.sym.startswith("dJ/d"):
                    by_cost = value(left, self.against, bound)
                    rounding = self.differences.rounding.get(left.sym.removesuffix(FULL), 0.0)
                    steep = self.lenient and left.sym.removesuffix(FULL) in self.differences.steep
                    far_off = off(found, by_cost, rounding / DIFFERENCES_LIMIT)
                    if (steep or far_off > DIFFERENCES_LIMIT) and self._kinked:
                        bent = True
                        continue
                    if steep or self._is_lost(member, bound, found, by_cost, False):
                        lost = True
                        continue
                    far = max(far or 0.0, far_off)
        return _Found(near, far, lost, bent)

    def _is_lost(
        self,
        member: Node,
        bound: Mapping[str, int],
        found: Array,
        truth: Array,
        off: bool,
        left: Node | None = None,
    ) -> bool:
        """Whether floating point cannot tell; asked of what is off, or ∞, or none."""
        finite = np.isfinite(found).all() and np.isfinite(truth).all()
        if not self.lenient or (finite and not off):
            return False
        drawn = left if isinstance(left, Ratio) else None
        return is_lost(member, self.numbers, bound, found, truth, drawn)

    def _truth(self, equation: Equation, bound: Mapping[str, int], numbers: TraceNumbers) -> Array:
        """What the left-hand side is, from the trace; of an update, from W and ∂J/∂W."""
        left = equation.left
        if equation.relation == "←" and isinstance(left, Quantity):
            bare = left.sym.removesuffix(FULL)
            gradient = replace(left, sym="dJ/d" + bare + left.sym[len(bare) :])
            rate = self._rate(bare)
            return np.asarray(value(left, numbers, bound) - rate * value(gradient, numbers, bound))
        return value(left, numbers, bound)

    def _rate(self, parameter: str) -> float:
        spec = self.network.graph.parameters[parameter].spec
        return self.numbers.scalars["learning_rate"] * spec.lr_factor

    def _places(self, equation: Equation) -> Iterator[dict[str, int]]:
        """Yield every value of the free letters, samples and members."""
        if equation.sample:
            yield {SAMPLE: equation.sample, MEMBER: 1}
            return
        axes = [[(letter, i) for i in range(1, size + 1)] for letter, size in equation.free]
        syms = [n for node in (equation.left, *equation.members) for n in walk(node)
                if isinstance(n, Quantity)]  # fmt: skip
        if any(self.numbers.axes(n.sym)[1] and not n.sampled for n in syms):
            axes.append([(SAMPLE, i) for i in range(1, self.numbers.m + 1)])
        if any(self.numbers.axes(n.sym)[0] for n in syms):
            members = self.network.graph.members
            axes.append([(MEMBER, i) for i in range(1, members + 1)])
        sizes = [len(axis) for axis in axes]
        most = FEW if self.network.graph.size > LARGE else PLACES  # an entry is a long sum there
        for place in some(list(itertools.islice(np.ndindex(*sizes), 200_000)), most):
            chosen = dict(axis[i] for axis, i in zip(axes, place, strict=True))
            yield {SAMPLE: 1, MEMBER: 1} | chosen

    def _definition(self, step: DerivedStep, equation: Equation, left: Call) -> float:
        """Compare a function's textbook forms with the stable form that is executed."""
        apply = functions_of(self.numbers.plan)[step.id.partition(":")[0]]
        row, attrs = apply.function, dict(apply.attrs)
        assert isinstance(row, Activation)
        points = np.asarray(POINTS)
        if left.index:
            size = equation.free[0][1]
            points = np.linspace(-2.0, 2.0, size)
        form: Any = "derivative" if left.prime else "value"
        truth = row.evaluate(form, (points,), attrs)
        worst = 0.0
        for member in equation.members:
            for place in range(len(points)):
                if left.index:
                    given: Array = points
                    bound = {equation.free[0][0]: place + 1}
                else:
                    given, bound = points[place], {}
                found = value(member, _At(self.numbers, given), {SAMPLE: 1, MEMBER: 1, **bound})
                worst = max(worst, off(found, truth[place]))
        return worst


class _At:
    """Numbers with a value for the x of a definition."""

    def __init__(self, numbers: TraceNumbers, x: Array) -> None:
        self.numbers, self.x = numbers, x

    def array(self, sym: str) -> Array:
        return np.asarray(self.x) if sym == "x" else self.numbers.array(sym)

    def axes(self, sym: str) -> tuple[bool, bool]:
        return (False, False) if sym == "x" else self.numbers.axes(sym)

    def ratio(self, top: Quantity, bottom: Quantity, bound: Mapping[str, int]) -> float:
        return self.numbers.ratio(top, bottom, bound)
