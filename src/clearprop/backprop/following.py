"""The paths from one weight to the cost: how many there are, their sum, the largest products.

A path goes from the weight's unit along the wires to the cost; its product is the chain rule's.
A chain of diamonds has 2ᵏ paths, so they are never enumerated: counts and the largest products
are found unit by unit, from the cost back. What a wire multiplies by is read off the plan's own
terms. Proved by ``tests/test_paths.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop.backprop.planning import SAMPLE_WEIGHT, Plan, Step, Term, gradient_name
from clearprop.backprop.running import Trace
from clearprop.errors import GraphError
from clearprop.expressions import (
    Apply,
    Array,
    Expr,
    Num,
    Sum,
    Sym,
    Type,
    evaluate,
    rewrite,
    symbols,
)
from clearprop.words import did_you_mean

Unit = tuple[str, int]
"""A unit of a value's adjoint: (symbol, place from 0)."""


@dataclass(frozen=True)
class Path:
    """One path: the units it goes through, from the weight to the cost, and its product."""

    units: tuple[Unit, ...]
    product: float


@dataclass(frozen=True)
class Paths:
    """All paths of one weight for one sample.

    Parameters
    ----------
    count : int
        How many there are, exact, however large.
    total : float
        The sum of their products: what the sample contributes to the weight's gradient.
    largest : tuple of Path
        Those with the largest |product|, largest first.
    """

    count: int
    total: float
    largest: tuple[Path, ...]


def paths(
    plan: Plan,
    weight: str,
    trace: Trace,
    index: tuple[int, ...] = (),
    *,
    sample: int = 0,
    member: int = 0,
    k: int = 10,
) -> Paths:
    """Follow one weight to the cost of one sample.

    Parameters
    ----------
    plan : Plan
    weight : str
        The parameter's name, such as ``"W1"``.
    trace : Trace
        Of a run with targets.
    index : tuple of int
        The entry of the parameter (of the member's own, if each member has its own), from 0.
    sample : int
        Which sample, from 0.
    member : int
        Whose paths are followed, from 0, if the network has members.
    k : int, at least 1
        How many of the largest products to return.

    Returns
    -------
    Paths

    Raises
    ------
    GraphError
        If there is no such parameter, entry, sample or member, or the trace has no gradients.

    Examples
    --------
    >>> from clearprop.network import Network
    >>> net = Network([2, 3, 2], "sigmoid", output="sigmoid")
    >>> p, X, Y = net.initial(seed=0), np.ones((1, 2)), np.zeros((1, 2))
    >>> found = paths(net.plan, "W1", net.trace(p, X, Y), (0, 0))
    >>> found.count, bool(np.isclose(found.total, net.gradient(p, X, Y)["W1"][0, 0]))
    (2, True)
    """
    if weight not in plan.graph.parameters:
        hint = did_you_mean(weight, plan.graph.parameters)
        raise GraphError(f"the network has no parameter {weight!r}; {hint}")
    shape = plan.graph.parameters[weight].spec.type.shape
    if len(index) != len(shape) or any(not 0 <= i < n for i, n in zip(index, shape, strict=True)):
        raise GraphError(f"{weight} has the shape {shape}; there is no entry {index}")
    if gradient_name(weight) not in trace:
        raise GraphError("the trace has no gradients; run the plan with targets")
    m, members = len(trace[SAMPLE_WEIGHT.name]), max(plan.graph.members, 1)
    for what, place, size in (("sample", sample, m), ("member", member, members)):
        if not 0 <= place < size:
            raise GraphError(f"there is no {what} {place}; there are {size}, counted from 0")
    if k < 1:
        raise GraphError(f"k must be 1 or more, got {k}")
    return _Follower(plan, trace, sample, member, k).follow(plan.step(gradient_name(weight)), index)


class _Follower:
    """Walks the plan's backward steps once, from the cost back."""

    def __init__(self, plan: Plan, trace: Trace, sample: int, member: int, k: int) -> None:
        self.plan, self.k = plan, k
        syms = {sym.name: sym.type for step in plan.steps for sym in (step.target, *step.reads)}
        self.values = {
            name: _only(trace[name], of, sample, member)
            for name, of in syms.items()
            if name in trace
        }
        self.generic = {name: _generic(name, array) for name, array in self.values.items()}
        for given in plan.graph.inputs:
            if given.levels:  # which row an index names is no accident
                self.generic[given.value] = self.values[given.value]
        self.counts: dict[str, list[int]] = {}
        self.totals: dict[str, Array] = {}  # of the member followed: a shared Δ sums all members
        self.best: dict[str, list[list[Path]]] = {}
        for step in plan.steps:
            if step.kind in ("arrive", "adjoint"):
                self._visit(step)

    def _visit(self, step: Step) -> None:
        width = step.target.shape[0]
        self.counts[step.target.name] = [0] * width
        self.totals[step.target.name] = np.zeros(width)
        self.best[step.target.name] = [[] for _ in range(width)]
        for term in step.terms:
            if term.via == "cost":
                slope = np.broadcast_to(evaluate(term.expr, self.values).reshape(-1), width)
                self.totals[step.target.name] += slope
                for unit in range(width):
                    self.counts[step.target.name][unit] += 1
                    here = Path(((step.target.name, unit), ("J", 0)), float(slope[unit]))
                    self._keep(step.target.name, unit, [here])
            else:
                self._through(step.target.name, term)
        for unit in range(width):
            self.best[step.target.name][unit] = self._top(self.best[step.target.name][unit])

    def _through(self, name: str, term: Term) -> None:
        behind = self._adjoint_of(term.expr)
        exact = self._jacobian(term.expr, behind, self.values)
        wired = self._jacobian(_opaque(term.expr), behind, self.generic) != 0
        self.totals[name] += exact @ self.totals[behind.name]
        for unit, source in zip(*np.nonzero(wired), strict=True):
            self.counts[name][unit] += self.counts[behind.name][source]
            factor = float(exact[unit, source])
            self._keep(
                name,
                int(unit),
                [Path(((name, int(unit)), *p.units), factor * p.product)
                 for p in self.best[behind.name][source]],
            )  # fmt: skip

    def follow(self, step: Step, index: tuple[int, ...]) -> Paths:
        count, total, found = 0, 0.0, list[Path]()
        for term in step.terms:
            if not isinstance(term.expr, Sum):  # the penalty leads to no cost of a sample
                continue
            body = term.expr.body
            behind = self._adjoint_of(body)
            wired = self._columns(_opaque(body), behind, self.generic)
            exact = self._columns(body, behind, self.values)
            for unit in range(behind.shape[0]):
                if not wired[unit][index]:
                    continue
                factor = float(exact[unit][index])
                count += self.counts[behind.name][unit]
                total += factor * float(self.totals[behind.name][unit])
                found += [Path(p.units, factor * p.product) for p in self.best[behind.name][unit]]
        return Paths(count, total, tuple(self._top(found)))

    def _adjoint_of(self, expr: Expr) -> Sym:
        """The one Δ or δ in a term: what it is linear in."""
        found = [sym for sym in symbols(expr) if sym.name in self.best]
        if len(found) != 1:
            raise GraphError(f"a term reads {len(found)} adjoints; paths needs exactly one")
        return found[0]

    def _jacobian(self, expr: Expr, behind: Sym, values: dict[str, Array]) -> Array:
        """∂(term)/∂(adjoint), one column a unit, by putting unit vectors in its place."""
        columns = self._columns(expr, behind, values)
        return np.stack([column.reshape(-1) for column in columns], axis=1)

    def _columns(self, expr: Expr, behind: Sym, values: dict[str, Array]) -> list[Array]:
        """The term with each unit vector in the adjoint's place, of the textbook shape."""
        shape = values[behind.name].shape
        units = np.eye(behind.shape[0]).reshape(-1, *shape)
        found = [evaluate(expr, {**values, behind.name: one}) for one in units]
        return [array.reshape(array.shape[array.ndim - len(expr.shape) :]) for array in found]

    def _keep(self, name: str, unit: int, new: list[Path]) -> None:
        self.best[name][unit].extend(new)
        if len(self.best[name][unit]) > 16 * self.k:
            self.best[name][unit] = self._top(self.best[name][unit])

    def _top(self, found: list[Path]) -> list[Path]:
        return sorted(found, key=lambda path: -abs(path.product))[: self.k]


def _only(array: Array, of: Type, sample: int, member: int) -> Array:
    """One sample and one member of a quantity; both axes are kept, with length 1."""
    if of.sample:
        array = np.take(array, [sample], axis=1 if of.member else 0)
    return np.take(array, [member], axis=0) if of.member else array


def _generic(name: str, array: Array) -> Array:
    """Numbers without accidental zeros or cancellations: where they give 0, there is no wire."""
    generator = np.random.default_rng(list(name.encode()))
    return generator.uniform(0.5, 1.5, array.shape)


def _opaque(expr: Expr) -> Expr:
    """The tree with every function's derivative replaced by 1: a wire is a wire, whatever f′ is."""

    def change(node: Expr) -> Expr:
        if isinstance(node, Apply) and node.form == "derivative":
            return Num(1.0)
        return node

    return rewrite(expr, change)
