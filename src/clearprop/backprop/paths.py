"""The paths from one weight to the cost: how many there are, their sum, the largest products.

A path goes from the weight's unit along the wires to the cost; its product is the chain rule's.
A chain of diamonds has 2ᵏ paths, so they are never enumerated: counts and the largest products
are found unit by unit, from the cost back. What a wire multiplies by is read off the plan's own
terms. Proved by ``tests/test_paths.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop.backprop.plan import Plan, Step, Term, gradient_name
from clearprop.backprop.run import Trace
from clearprop.errors import GraphError
from clearprop.expressions import Apply, Array, Expr, Num, Sum, Sym, evaluate, rewrite, symbols

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
    k: int = 10,
) -> Paths:
    """Follow one weight to the cost of one sample.

    Parameters
    ----------
    plan : Plan
    weight : str
        The parameter's name, such as ``"W1"``.
    trace : Trace
        Of a run with targets; of one member if the network has members.
    index : tuple of int
        The entry of the parameter, counted from 0.
    sample : int
        Which sample, from 0.
    k : int, at least 1
        How many of the largest products to return.

    Returns
    -------
    Paths

    Raises
    ------
    GraphError
        If there is no such parameter or entry, or the network has members.

    Examples
    --------
    >>> from clearprop.network import Network
    >>> net = Network([2, 3, 2], "sigmoid", output="sigmoid")
    >>> p, X, Y = net.initial(seed=0), np.ones((1, 2)), np.zeros((1, 2))
    >>> found = paths(net.plan, "W1", net.trace(p, X, Y), (0, 0))
    >>> found.count, bool(np.isclose(found.total, net.gradient(p, X, Y)["W1"][0, 0]))
    (2, True)
    """
    if plan.graph.members:
        raise GraphError("paths follows one network; take one member's plan and trace")
    step = plan.step(gradient_name(weight))
    if weight not in plan.graph.parameters:
        raise GraphError(f"the network has no parameter {weight!r}")
    shape = plan.graph.parameters[weight].shape
    if len(index) != len(shape) or any(not 0 <= i < n for i, n in zip(index, shape, strict=True)):
        raise GraphError(f"{weight} has the shape {shape}; there is no entry {index}")
    return _Follower(plan, trace, sample, k).follow(step, index)


class _Follower:
    """Walks the plan's backward steps once, from the cost back."""

    def __init__(self, plan: Plan, trace: Trace, sample: int, k: int) -> None:
        self.plan, self.k = plan, k
        self.values = {
            name: array[sample : sample + 1] if self._per_sample(name, array) else array
            for name, array in trace.items()
        }
        self.generic = {name: _generic(name, array.shape) for name, array in self.values.items()}
        self.counts: dict[str, list[int]] = {}
        self.best: dict[str, list[list[Path]]] = {}
        for step in plan.steps:
            if step.kind in ("arrive", "adjoint"):
                self._visit(step)

    def _per_sample(self, name: str, array: Array) -> bool:
        return array.ndim > 0 and name not in self.plan.graph.parameters and not name.startswith(
            "dJ/d"
        )

    def _visit(self, step: Step) -> None:
        width = step.target.shape[0]
        self.counts[step.target.name] = [0] * width
        self.best[step.target.name] = [[] for _ in range(width)]
        for term in step.terms:
            if term.via == "cost":
                slope = evaluate(term.expr, self.values).reshape(-1)
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
            width = behind.shape[0]
            for unit in range(width):
                one = np.zeros((1, width))
                one[0, unit] = 1.0
                known = {**self.generic, behind.name: one}
                if not evaluate(_opaque(body), known)[(0, *index)]:
                    continue
                factor = float(evaluate(body, {**self.values, behind.name: one})[(0, *index)])
                count += self.counts[behind.name][unit]
                adjoint = float(self.values[behind.name][0, unit])
                total += factor * adjoint
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
        width = behind.shape[0]
        columns = []
        for unit in range(width):
            one = np.zeros((1, width))
            one[0, unit] = 1.0
            columns.append(evaluate(expr, {**values, behind.name: one}).reshape(-1))
        return np.stack(columns, axis=1)

    def _keep(self, name: str, unit: int, new: list[Path]) -> None:
        self.best[name][unit].extend(new)
        if len(self.best[name][unit]) > 16 * self.k:
            self.best[name][unit] = self._top(self.best[name][unit])

    def _top(self, found: list[Path]) -> list[Path]:
        return sorted(found, key=lambda path: -abs(path.product))[: self.k]


def _generic(name: str, shape: tuple[int, ...]) -> Array:
    """Numbers without accidental zeros or cancellations: where they give 0, there is no wire."""
    generator = np.random.default_rng(list(name.encode()))
    return generator.uniform(0.5, 1.5, shape)


def _opaque(expr: Expr) -> Expr:
    """The tree with every function's derivative replaced by 1: a wire is a wire, whatever f′ is."""
    def change(node: Expr) -> Expr:
        if isinstance(node, Apply) and node.form == "derivative":
            return Num(1.0)
        return node

    return rewrite(expr, change)
