"""The paths from one weight to the cost: how many there are, their sum, the largest products.

A path goes from the weight's unit along the wires to the cost; its product is the chain rule's.
A chain of diamonds has 2ᵏ paths, so they are never enumerated: counts and the largest products
are found unit by unit, from the cost back. What a wire multiplies by is read off the plan's own
terms. Proved by ``tests/test_paths.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clearprop.backprop.planning import SAMPLE_WEIGHT, Plan, Step, Term, gradient_name
from clearprop.backprop.running import Trace
from clearprop.errors import GraphError
from clearprop.expressions import (
    Apply,
    Array,
    Expr,
    Num,
    Outer,
    Slice,
    Sum,
    Sym,
    Type,
    evaluate,
    rewrite,
    symbols,
)
from clearprop.operations import Function
from clearprop.words import did_you_mean

OWN = 0.71
"""A factor that no other one cancels."""
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
    return _Follower(plan, trace, sample, member, k).follow(gradient_name(weight), index)


class _Follower:
    """Walks the backward steps that a gradient is made of once, from the cost back."""

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

    def _walk(self, end: Step) -> None:
        needed: set[str] = set()
        stack = [end]
        while stack:
            for sym in stack.pop().reads:
                step = self.plan.writer(sym)
                if step and step.kind in ("arrive", "adjoint") and step.id not in needed:
                    needed.add(step.id)
                    stack.append(step)
        for step in self.plan.steps:
            if step.id in needed:
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
                    self.best[step.target.name][unit].append(here)
            else:
                self._through(step.target.name, term)
        for unit in range(width):
            self.best[step.target.name][unit] = self._top(self.best[step.target.name][unit])

    def _through(self, name: str, term: Term) -> None:
        behind = self._adjoint_of(term.expr)
        exact = self._jacobian(term.expr, behind, self.values)
        wired = self._jacobian(_opaque(term.expr), behind, self.generic) != 0
        self.totals[name] += exact @ self.totals[behind.name]
        ways = _Ways(self.best[behind.name], self.k)
        for unit, wires in enumerate(wired):
            self.counts[name][unit] += self._count(behind, wires)
            self.best[name][unit] += [
                Path(((name, unit), *units), product)
                for units, product in ways.largest(exact[unit], wires)
            ]

    def _count(self, behind: Sym, wires: NDArray[np.bool_]) -> int:
        return sum(itertools.compress(self.counts[behind.name], wires))

    def follow(self, gradient: str, index: tuple[int, ...]) -> Paths:
        """Find the paths of one entry of a gradient."""
        end = self.plan.step(gradient)
        self._walk(end)
        count, total, found = 0, 0.0, list[Path]()
        for term in end.terms:
            if not isinstance(term.expr, Sum):  # the penalty leads to no cost of a sample
                continue
            body = term.expr.body
            behind = self._adjoint_of(body)
            wired = self._entries(_opaque(body), behind, self.generic, index) != 0
            exact = self._entries(body, behind, self.values, index)
            count += self._count(behind, wired)
            total += float(exact[wired] @ self.totals[behind.name][wired])
            ways = _Ways(self.best[behind.name], self.k)
            found += [Path(units, product) for units, product in ways.largest(exact, wired)]
        return Paths(count, total, tuple(self._top(found)))

    def _adjoint_of(self, expr: Expr) -> Sym:
        """The one Δ or δ in a term: what it is linear in."""
        found = [sym for sym in symbols(expr) if sym.name in self.best]
        if len(found) != 1:
            raise GraphError(f"a term reads {len(found)} adjoints; paths needs exactly one")
        return found[0]

    def _jacobian(self, expr: Expr, behind: Sym, values: dict[str, Array]) -> Array:
        """∂(term)/∂(adjoint), one column a unit, by putting unit vectors in its place."""
        return np.stack(list(self._columns(expr, behind, values)), axis=1)

    def _entries(
        self, expr: Expr, behind: Sym, values: dict[str, Array], index: tuple[int, ...]
    ) -> Array:
        """∂(entry of the term)/∂(adjoint), one number a unit."""
        shape = expr.shape
        if isinstance(expr, Outer):  # uᵢ vⱼ without the whole of u vᵀ
            (i, j), shape, index = index, (1,), (0,)
            expr = Slice(expr.left, i, i + 1) * Slice(expr.right, j, j + 1)
        return np.array(
            [column.reshape(shape)[index] for column in self._columns(expr, behind, values)]
        )

    def _columns(self, expr: Expr, behind: Sym, values: dict[str, Array]) -> Iterator[Array]:
        """The term with each unit vector in the adjoint's place, flat."""
        shape = values[behind.name].shape
        for one in np.eye(behind.shape[0]).reshape(-1, *shape):
            yield evaluate(expr, {**values, behind.name: one}).reshape(-1)

    def _top(self, found: list[Path]) -> list[Path]:
        return sorted(found, key=lambda path: -abs(path.product))[: self.k]


class _Ways:
    """The best paths from each unit of an adjoint, ready to be multiplied by a factor a unit."""

    def __init__(self, best: list[list[Path]], k: int) -> None:
        self.k = k
        self.ways = [way.units for here in best for way in here]
        self.products = np.array([way.product for here in best for way in here])
        self.at = np.repeat(np.arange(len(best)), [len(here) for here in best])

    def largest(
        self, factors: Array, wires: NDArray[np.bool_]
    ) -> list[tuple[tuple[Unit, ...], float]]:
        """The k largest products of a factor and a path, over the units that a wire leads to."""
        there = np.flatnonzero(wires[self.at])
        products = factors[self.at[there]] * self.products[there]
        if len(products) > self.k:  # only what is as large as the k-th is put in order
            least = np.partition(np.abs(products), -self.k)[-self.k]
            there, products = (each[~(np.abs(products) < least)] for each in (there, products))
        chosen = np.argsort(-np.abs(products), kind="stable")[: self.k]
        return [(self.ways[there[place]], float(products[place])) for place in chosen]


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
    """The tree with 1 for every f′(x) and `OWN` x for f(x): a wire is a wire, whatever f is.

    A mix's relu(x) − x is 0 by accident, where x is positive.
    """

    def change(node: Expr) -> Expr:
        if isinstance(node, Apply) and node.form == "derivative":
            return Num(1.0)
        if isinstance(node, Apply) and isinstance(node.function, Function):
            return Num(OWN) * node.args[0]
        return node

    return rewrite(expr, change)
