"""The paths from one weight to the cost: how many there are, their sum, the largest products.

A path goes from the weight's unit along the wires to the cost; its product is the chain rule's.
A chain of diamonds has 2ᵏ paths, so they are never enumerated: counts and the largest products
are found unit by unit, from the cost back. What a wire multiplies by is read off the plan's own
terms (`clearprop.backprop.wires`). Proved by ``tests/test_paths.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.backprop.planning import SAMPLE_WEIGHT, Plan, Step, gradient_name
from clearprop.backprop.wires import Places, Wired, Wires, jacobian, row
from clearprop.errors import GraphError
from clearprop.expressions import Array, Expr, Sym, Type, evaluate
from clearprop.words import did_you_mean

MANY = 256
"""Of more ways than this, only those as large as the k-th are put in order."""
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
    trace: Mapping[str, Array],
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
    trace : Trace or Asked
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
    return Follower(plan).paths(weight, trace, index, sample=sample, member=member, k=k)


class Follower:
    """Follows weights of one plan; what no numbers change is found once, and kept.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.wires = plan, Wires(plan)

    def paths(
        self,
        weight: str,
        trace: Mapping[str, Array],
        index: tuple[int, ...] = (),
        *,
        sample: int = 0,
        member: int = 0,
        k: int = 10,
    ) -> Paths:
        """Follow one weight to the cost of one sample; see the function `paths`."""
        if weight not in self.plan.graph.parameters:
            hint = did_you_mean(weight, self.plan.graph.parameters)
            raise GraphError(f"the network has no parameter {weight!r}; {hint}")
        shape = self.plan.graph.parameters[weight].spec.type.shape
        if len(index) != len(shape) or any(
            not 0 <= i < n for i, n in zip(index, shape, strict=True)
        ):
            raise GraphError(f"{weight} has the shape {shape}; there is no entry {index}")
        if gradient_name(weight) not in trace:
            raise GraphError("the trace has no gradients; run the plan with targets")
        m, members = len(trace[SAMPLE_WEIGHT.name]), max(self.plan.graph.members, 1)
        for what, place, size in (("sample", sample, m), ("member", member, members)):
            if not 0 <= place < size:
                raise GraphError(f"there is no {what} {place}; there are {size}, counted from 0")
        if k < 1:
            raise GraphError(f"k must be 1 or more, got {k}")
        walk = _Walk(self.wires, trace, sample, member, k)
        with np.errstate(all="ignore"):  # what overflows is ∞ or NaN, and is shown as that
            return walk.follow(gradient_name(weight), index)


class _Walk:
    """The backward steps that one entry of a gradient is made of, at one sample's numbers."""

    def __init__(
        self, wires: Wires, trace: Mapping[str, Array], sample: int, member: int, k: int
    ) -> None:
        self.wires, self.trace, self.k = wires, trace, k
        self.sample, self.member = sample, member
        self.values: dict[str, Array] = {}
        self.totals: dict[str, Array] = {}  # of the member followed: a shared Δ sums all members
        self.best: dict[str, _Ways] = {}

    def follow(self, gradient: str, index: tuple[int, ...]) -> Paths:
        """Find the paths of one entry of a gradient, from the cost back."""
        ends = self.wires.ends(gradient, index, self._only)
        for step, rows in self.wires.wanted(ends):
            self._visit(step, rows)
        count, total, found = 0, 0.0, []
        for number, end in enumerate(ends):
            exact = row(end.expr, end.entry, end.behind, self._read(end.expr))
            count += sum(itertools.compress(self.wires.counts[end.behind.name], end.wired))
            total += float(exact[end.wired] @ self.totals[end.behind.name][end.wired])
            ways = self.best[end.behind.name].through(exact[None, :], end.wired[None, :], number)
            found.append(ways if len(ends) == 1 else ways.largest(self.k))
        if not found:
            return Paths(0, 0.0, ())
        best = _Ways.together(found).largest(self.k)
        largest = [
            Path(self._units(ends[best.terms[0, at]].behind.name, best, 0, int(at)),
                 float(best.products[0, at]))
            for at in np.flatnonzero(best.alive[0])
        ]  # fmt: skip
        return Paths(count, total, tuple(largest))

    def _visit(self, step: Step, rows: Places) -> None:
        width = step.target.shape[0]
        total, found = np.zeros(width), []
        for number, term in enumerate(step.terms):
            values = self._read(term.expr)
            if term.via == "cost":
                slope = np.broadcast_to(evaluate(term.expr, values).reshape(-1), width)
                total += slope
                found.append(_Ways.ending(slope[rows], number))
                continue
            behind = self.wires.behind(term.expr)
            exact, wired = jacobian(term.expr, behind, values), self.wires.wired(step, number)
            before = self.totals[behind.name]
            total += exact * before if exact.ndim == 1 else exact @ before
            ways = self.best[behind.name]
            if exact.ndim == 1:
                found.append(ways.beside(exact[rows], wired[rows], rows, number))
            else:
                through = ways.through(exact[rows], wired[rows], number)
                alone = len(step.terms) == 1  # then they are put in order below
                found.append(through if alone else through.largest(self.k))
        self.totals[step.target.name] = total
        self.best[step.target.name] = _Ways.together(found).largest(self.k).at(rows, width)

    def _units(self, name: str, ways: _Ways, unit: int, rank: int) -> tuple[Unit, ...]:
        """The units of a way, from an adjoint called ``name`` on."""
        found: list[Unit] = []
        while True:
            unit, rank = int(ways.units[unit, rank]), int(ways.ranks[unit, rank])
            found.append((name, unit))
            ways = self.best[name]
            term = self.wires.plan.step(name).terms[ways.terms[unit, rank]]
            if term.via == "cost":
                return (*found, ("J", 0))
            name = self.wires.behind(term.expr).name

    def _read(self, expr: Expr) -> dict[str, Array]:
        adjoints = self.wires.adjoints
        return {
            sym.name: self._only(sym) for sym in self.wires.reads(expr) if sym.name not in adjoints
        }

    def _only(self, sym: Sym) -> Array:
        if sym.name not in self.values:
            array = self.trace[sym.name]
            self.values[sym.name] = _only(array, sym.type, self.sample, self.member)
        return self.values[sym.name]


@dataclass(frozen=True)
class _Ways:
    """The best ways from units of an adjoint to the cost, a row a unit, largest first.

    Parameters
    ----------
    products : (units, ways) array
    alive : (units, ways) bool array
        Rows are of one length: where one has fewer ways, the others are none.
    terms, units, ranks : (units, ways) int arrays
        By which term of the step a way goes on, to which unit of its adjoint, as which of that
        unit's ways.
    """

    products: Array
    alive: Wired
    terms: Places
    units: Places
    ranks: Places

    @classmethod
    def of(
        cls, products: Array, alive: Wired, number: int, units: Places,
        ranks: Places,
    ) -> _Ways:  # fmt: skip
        """Return ways of one term; units and ranks may be the same in every row."""
        wide = (np.broadcast_to(one, products.shape) for one in (number, units, ranks))
        return cls(products, alive, *wide)

    @classmethod
    def ending(cls, slopes: Array, number: int) -> _Ways:
        """Return the ways that end at the cost, one a unit."""
        none = np.zeros(1, np.intp)
        return cls.of(slopes[:, None], np.ones((len(slopes), 1), np.bool_), number, none, none)

    @classmethod
    def together(cls, found: list[_Ways]) -> _Ways:
        """Return the ways of several terms side by side."""
        if len(found) == 1:
            return found[0]
        each = ((one.products, one.alive, one.terms, one.units, one.ranks) for one in found)
        return cls(*(np.concatenate(parts, axis=1) for parts in zip(*each, strict=True)))

    def beside(self, factors: Array, wired: Wired, rows: Places, number: int) -> _Ways:
        """Return the ways of units that read the same unit each, multiplied by its factor."""
        alive = wired[:, None] & self.alive[rows]
        ranks = np.arange(self.products.shape[1])
        return self.of(factors[:, None] * self.products[rows], alive, number, rows[:, None], ranks)

    def through(self, factors: Array, wired: Wired, number: int) -> _Ways:
        """Return the ways of units that read several, each multiplied by its factor."""
        behind, most = self.products.shape
        shape = (len(factors), behind * most)
        products = (factors[:, :, None] * self.products).reshape(shape)
        alive = (wired[:, :, None] & self.alive).reshape(shape)
        units = np.repeat(np.arange(behind), most)
        return self.of(products, alive, number, units, np.tile(np.arange(most), behind))

    def largest(self, k: int) -> _Ways:
        """Return the k largest of each row, those of one size in the order they stand in."""
        sizes = np.where(np.isnan(self.products), -0.5, np.abs(self.products))  # no number: last
        sizes[~self.alive] = -1.0
        count = sizes.shape[1]
        if count <= max(k, MANY):
            order = np.argsort(-sizes, axis=1, kind="stable")[:, :k]
        else:
            least = np.partition(sizes, count - k, axis=1)[:, count - k]
            order = np.empty((len(sizes), k), np.intp)
            for into, each, least_of in zip(order, sizes, least, strict=True):
                there = np.flatnonzero(each >= least_of)
                into[:] = there[np.argsort(-each[there], kind="stable")[:k]]
        rows = np.arange(len(order))[:, None]
        return self._each(lambda array: array[rows, order])

    def at(self, rows: Places, width: int) -> _Ways:
        """Return the rows at their units' places; no way leads from the other units."""
        if len(rows) == width:
            return self

        def spread(array: Any) -> Any:
            found = np.zeros((width, array.shape[1]), array.dtype)
            found[rows] = array
            return found

        return self._each(spread)

    def _each(self, change: Callable[[Any], Any]) -> _Ways:
        return _Ways(
            change(self.products), change(self.alive),
            change(self.terms), change(self.units), change(self.ranks),
        )  # fmt: skip


def _only(array: Array, of: Type, sample: int, member: int) -> Array:
    """One sample and one member of a quantity; both axes are kept, with length 1."""
    if of.sample:
        array = np.take(array, [sample], axis=1 if of.member else 0)
    return np.take(array, [member], axis=0) if of.member else array
