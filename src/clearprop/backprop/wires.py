"""Which units the plan's backward terms connect, and by what factor: read off the terms themselves.

Each term of a backward step is linear in one adjoint, Δ or δ: its derivative by that is a factor a
unit where it goes entry by entry, and a matrix where it does not. Whether there is a wire at all is
no matter of numbers, so it is found once for a plan. Proved by ``tests/test_paths.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.backprop.planning import Plan, Step
from clearprop.errors import GraphError
from clearprop.expressions import (
    Apply,
    Array,
    Expr,
    Hadamard,
    MatMul,
    Neg,
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

__all__ = ["End", "Wires", "jacobian", "row"]

OWN = 0.71
"""A factor that no other one cancels."""
Wired = NDArray[np.bool_]
Places = NDArray[np.intp]
Read = Callable[[Sym], Array]


@dataclass(frozen=True)
class End:
    """A term of a gradient's entry: the adjoint that it reads, and which of its units."""

    expr: Expr
    entry: tuple[int, ...]
    behind: Sym
    wired: Wired


class Wires:
    """The wires of one plan's backward steps, and how many paths lead from each unit to the cost.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.adjoints = {
            step.target.name: step.target
            for step in plan.steps
            if step.kind in ("arrive", "adjoint")
        }
        self.counts: dict[str, list[int]] = {}
        self._read: dict[int, tuple[Expr, tuple[Sym, ...]]] = {}
        self._ends: dict[tuple[str, tuple[int, ...]], list[End]] = {}  # of the last entry
        self._wired: dict[tuple[str, int], Wired] = {}
        self._generic: dict[str, Array] = {}
        self._ways: dict[tuple[tuple[str, bytes], ...], list[tuple[Step, Places]]] = {}

    def behind(self, expr: Expr) -> Sym:
        """Return the one Δ or δ in a term: what it is linear in."""
        found = [sym for sym in self.reads(expr) if sym.name in self.adjoints]
        if len(found) != 1:
            raise GraphError(f"a term reads {len(found)} adjoints; paths needs exactly one")
        return found[0]

    def reads(self, expr: Expr) -> tuple[Sym, ...]:
        """Return the symbols of a term, found once."""
        if id(expr) not in self._read:  # the term is kept too, so that its id stays its own
            self._read[id(expr)] = expr, tuple(symbols(expr))
        return self._read[id(expr)][1]

    def steps_behind(self, names: Iterable[str]) -> list[Step]:
        """Return the steps that adjoints are made of, in the plan's order; their paths counted."""
        needed, stack = set[str](), list(names)
        while stack:
            name = stack.pop()
            if name not in needed:
                needed.add(name)
                reads = self.plan.step(name).reads
                stack += [sym.name for sym in reads if sym.name in self.adjoints]
        steps = [step for step in self.plan.steps if step.id in needed]
        for step in steps:
            if step.id not in self.counts:
                self.counts[step.id] = self._counted(step)
        return steps

    def wired(self, step: Step, number: int) -> Wired:
        """Return which units of its adjoint a term's units read; of the form of `jacobian`."""
        key = (step.id, number)
        if key not in self._wired:
            expr = step.terms[number].expr
            values = {sym.name: self._made(sym) for sym in symbols(expr)}
            self._wired[key] = jacobian(_opaque(expr), self.behind(expr), values) != 0
        return self._wired[key]

    def ends(self, gradient: str, entry: tuple[int, ...], read: Read) -> list[End]:
        """Return the terms that one entry of a gradient is made of; ``read`` gives true numbers."""
        if (gradient, entry) in self._ends:
            return self._ends[gradient, entry]
        found, fixed = [], True
        for term in self.plan.step(gradient).terms:
            if isinstance(term.expr, Sum):  # the penalty leads to no cost of a sample
                body = term.expr.body
                behind = self.behind(body)
                indices = {given.value for given in self.plan.graph.inputs if given.levels}
                fixed = fixed and not any(sym.name in indices for sym in self.reads(body))
                values = {  # which row an index names is no accident
                    sym.name: read(sym) if sym.name in indices else self._made(sym)
                    for sym in self.reads(body)
                }
                wired = row(_opaque(body), entry, behind, values) != 0
                found.append(End(body, entry, behind, wired))
        if fixed:  # no numbers say which units they are
            self._ends = {(gradient, entry): found}
        return found

    def wanted(self, ends: list[End]) -> list[tuple[Step, Places]]:
        """Return the steps from ends to the cost, in the plan's order, and the units paths use."""
        key = tuple((end.behind.name, end.wired.tobytes()) for end in ends)
        if key not in self._ways:
            self._ways[key] = self._wanted(ends)
        return self._ways[key]

    def _wanted(self, ends: list[End]) -> list[tuple[Step, Places]]:
        wanted: dict[str, Wired] = {}

        def add(name: str, units: Any) -> None:
            wanted[name] = wanted[name] | units if name in wanted else units

        for end in ends:
            add(end.behind.name, end.wired)
        steps = self.steps_behind([end.behind.name for end in ends])
        for step in reversed(steps):
            units = wanted[step.target.name]
            for number, term in enumerate(step.terms):
                if term.via != "cost":
                    wired = self.wired(step, number)
                    on = wired & units if wired.ndim == 1 else np.any(wired[units], axis=0)
                    add(self.behind(term.expr).name, on)
        return [(step, np.flatnonzero(wanted[step.target.name])) for step in steps]

    def _counted(self, step: Step) -> list[int]:
        width = step.target.shape[0]
        counts = [0] * width
        for number, term in enumerate(step.terms):
            if term.via == "cost":
                counts = [one + 1 for one in counts]
                continue
            before, wired = self.counts[self.behind(term.expr).name], self.wired(step, number)
            if wired.ndim == 1:
                more = [one if there else 0 for one, there in zip(before, wired, strict=True)]
            elif wired.all():
                more = [sum(before)] * width
            else:
                more = [sum(itertools.compress(before, each)) for each in wired]
            counts = [a + b for a, b in zip(counts, more, strict=True)]
        return counts

    def _made(self, sym: Sym) -> Array:
        """Numbers without accidental zeros or cancellations: where they give 0 is no wire."""
        if sym.name not in self._generic:
            generator = np.random.default_rng(list(sym.name.encode()))
            self._generic[sym.name] = generator.uniform(0.5, 1.5, (*_axes(sym.type), *sym.shape))
        return self._generic[sym.name]


def jacobian(expr: Expr, behind: Sym, values: Mapping[str, Array]) -> Array:
    """Return ∂(term)/∂(adjoint) for one sample and one member.

    Parameters
    ----------
    expr : Expr
        Linear in the adjoint.
    behind : Sym
        The adjoint.
    values : mapping of str to array
        What else the term reads, its axes of samples and members of length 1.

    Returns
    -------
    (units,) array where each unit reads the same one of the adjoint, or (units, units behind)
    """
    match expr:
        case Sym(name) if name == behind.name:
            return np.ones(behind.shape[0])
        case Neg(body):
            return -jacobian(body, behind, values)
        case Hadamard(left, right):
            body, other = (left, right) if _carries(left, behind) else (right, left)
            if body.shape == expr.shape:
                factor = evaluate(other, values).reshape(-1)
                inner = jacobian(body, behind, values)
                return factor * inner if inner.ndim == 1 else factor[:, None] * inner
        case MatMul(left, right) if not left.type.sample and not _carries(left, behind):
            matrix = evaluate(left, values).reshape(left.shape)
            if isinstance(right, Sym):
                return matrix
            inner = jacobian(right, behind, values)
            return matrix * inner if inner.ndim == 1 else matrix @ inner
        case Slice(body, start, stop):
            return _rows(jacobian(body, behind, values), range(start, stop))
        case Sum(("unit",), body):
            inner = jacobian(body, behind, values)
            return inner[None, :] if inner.ndim == 1 else inner.sum(axis=0, keepdims=True)
    # all its unit vectors in the adjoint's place at once, each as a sample of its own
    width = behind.shape[0]
    units = np.eye(width).reshape((*_axes(behind.type)[:-1], width, width))
    return evaluate(expr, {**values, behind.name: units}).reshape(width, -1).T


def row(expr: Expr, entry: tuple[int, ...], behind: Sym, values: Mapping[str, Array]) -> Array:
    """Return ∂(entry of the term)/∂(adjoint), a number a unit; see `jacobian`."""
    place = int(np.ravel_multi_index(entry, expr.shape)) if expr.shape else 0
    if isinstance(expr, Outer):  # uᵢ vⱼ without the whole of u vᵀ
        (i, j), place = entry, 0
        expr = Slice(expr.left, i, i + 1) * Slice(expr.right, j, j + 1)
    found: Array = _rows(jacobian(expr, behind, values), range(place, place + 1))[0]
    return found


def _rows(found: Array, places: range) -> Array:
    if found.ndim == 2:
        return found[places.start : places.stop]
    rows = np.zeros((len(places), len(found)))
    rows[range(len(places)), places] = found[places.start : places.stop]
    return rows


def _axes(of: Type) -> tuple[int, ...]:
    """The axes of one sample and one member of a quantity, beside those of its shape."""
    return (1,) * (of.member + of.sample)


def _carries(expr: Expr, behind: Sym) -> bool:
    return any(sym.name == behind.name for sym in symbols(expr))


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
