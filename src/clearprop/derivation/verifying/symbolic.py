"""Written trees as SymPy expressions, and SymPy's own differentiation of the cost.

SymPy is loaded here, when it is asked for, and nowhere else. Proved by
``tests/test_derivation_symbolic.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from clearprop.derivation.notations.names import Names
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.printers.printing import Printer
from clearprop.derivation.steps.equations import Equation
from clearprop.derivation.trees.evaluating import value
from clearprop.derivation.trees.tree import (
    MEMBER,
    SAMPLE,
    Call,
    Chosen,
    Minus,
    Node,
    Number,
    Over,
    Piecewise,
    Plus,
    Quantity,
    Raise,
    Times,
)
from clearprop.derivation.verifying.numbers import TraceNumbers
from clearprop.derivation.wording.refusals import refusal
from clearprop.errors import SettingError

DIGITS, MOST_DIGITS = 20, 3_000
"""Digits to compute with, and at most how many more for large numbers."""

Entry = tuple[str, tuple[int, ...]]
"""A symbol of the plan and a place in it, in our order, from 1."""


class Symbolic:
    """Equations put into one another: what is given stays a symbol.

    Parameters
    ----------
    found : mapping of entry to Equation
    names : Names
    as_written : bool
        To be read, not differentiated: cases stand as they are printed.
    """

    def __init__(
        self, found: Mapping[Entry, Equation], names: Names, as_written: bool = False
    ) -> None:
        import sympy  # optional, and slow to load

        self.as_written = as_written
        self.sympy: Any = sympy
        self.found, self.names = found, names
        self.known: dict[Entry, Any] = {}
        self.given: dict[Entry, tuple[Any, Quantity]] = {}

    def entry(self, entry: Entry) -> Any:
        """Return an entry with all its equations put in."""
        if entry not in self.known:
            self.known[entry] = self.of(self.found[entry].members[-1])
        return self.known[entry]

    def of(self, node: Node) -> Any:
        """Return a written tree as a SymPy expression."""
        of, sympy = self.of, self.sympy
        match node:
            case Quantity(sym, index):
                places = self.names.ordered(sym, index)
                entry = (sym, tuple(place for place in places if isinstance(place, int)))
                if entry in self.found:
                    return self.entry(entry)
                if entry not in self.given:
                    text = self.names.name(sym, tuple(place - 1 for place in entry[1]))
                    self.given[entry] = (sympy.Symbol(text, real=True), node)
                return self.given[entry][0]
            case Number(x):
                return sympy.nsimplify(x) if x == round(x, 3) else sympy.Float(x)
            case Plus(terms):
                return sympy.Add(*map(of, terms))
            case Minus(body):
                return -of(body)
            case Times(factors):
                return sympy.Mul(*map(of, factors))
            case Over(top, bottom):
                return of(top) / of(bottom)
            case Raise(base, exponent):
                return of(base) ** of(exponent)
            case Call(meaning=Node() as meaning):
                return of(meaning)
            case Call(name, args):
                return getattr(sympy, {"abs": "Abs"}.get(name, name))(of(args[0]))
            case Piecewise(left, right, or_equal, then, otherwise):
                a, b = of(left), of(right)
                if self.as_written:
                    return self._cases(a, b, or_equal, of(then), of(otherwise))
                return sympy.Piecewise(
                    (of(then), a <= b if or_equal else a < b), (of(otherwise), True)
                )
        if isinstance(node, Chosen):
            raise SettingError(refusal("expand_chosen"))
        raise SettingError(refusal("expand_kind", part=Printer(self.names, TEXT).render(node)))

    def _cases(self, left: Any, right: Any, or_equal: bool, then: Any, otherwise: Any) -> Any:
        """Cases as they are written; of cases within the condition a name alone.

        SymPy would fold those into one another, which takes hours where a few relu follow another.
        """
        sympy = self.sympy
        named = sympy.Function("Piecewise", real=True)
        holds = (sympy.Le if or_equal else sympy.Lt)(left, right, evaluate=False)
        if holds.has(sympy.Piecewise, named):
            return named((then, holds), (otherwise, sympy.true))
        return sympy.Piecewise((then, holds), (otherwise, True), evaluate=False)


def operations(found: Mapping[Entry, Equation], names: Names, start: Entry = ("J", ())) -> int:
    """Return how many parts an entry has when everything is put in; no SymPy is needed."""
    known: dict[Entry, int] = {}

    def parts(entry: Entry) -> int:
        if entry not in known:
            known[entry] = of(found[entry].members[-1])
        return known[entry]

    def of(node: Node) -> int:
        if isinstance(node, Quantity):
            places = names.ordered(node.sym, node.index)
            entry = (node.sym, tuple(place for place in places if isinstance(place, int)))
            return parts(entry) if entry in found else 1
        if isinstance(node, Call) and isinstance(node.meaning, Node):
            return of(node.meaning)
        return 1 + sum(map(of, node.children()))

    return parts(start)


def differentiated(
    cost: Mapping[Entry, Equation], names: Names, numbers: TraceNumbers, row: int
) -> dict[str, float]:
    """Differentiate the cost as it is printed by SymPy; return how far each gradient is off.

    Parameters
    ----------
    cost : mapping of entry to Equation
        The cost J and every entry of the forward pass it reads.
    names, numbers : Names, TraceNumbers
    row : int

    Returns
    -------
    dict of str to float
        By parameter, the largest |ours − SymPy's| / max(1, |SymPy's|).

    Raises
    ------
    ArithmeticError
        If the numbers leave those that can be computed with.
    """
    symbolic = Symbolic(cost, names)
    J = symbolic.entry(("J", ()))
    bound = {SAMPLE: row, MEMBER: 1}
    at = {s: float(value(node, numbers, bound)) for s, node in symbolic.given.values()}
    entries = {
        entry: symbol
        for entry, (symbol, _) in symbolic.given.items()
        if entry[0] in names.graph.parameters
    }
    # All slopes in one: what they have in common is written, and computed, once.
    slopes = [J.diff(symbol) for symbol in entries.values()]
    computed = _computed(symbolic.sympy, at, slopes, numbers)
    errors: dict[str, float] = {}
    for (sym, place), slope in zip(entries, computed, strict=True):
        found = float(slope)  # rounded to float64 here, and not before
        ours = numbers.trace[f"dJ/d{sym}"][tuple(i - 1 for i in place)]
        off = abs(float(ours) - found) / max(1.0, abs(found))
        errors[sym] = max(errors.get(sym, 0.0), off if np.isfinite(off) else float("inf"))
    return errors


def _computed(sympy: Any, at: Mapping[Any, float], slopes: list[Any], numbers: TraceNumbers) -> Any:
    """Return the slopes' values, in as many digits as 1 − 1/(1 + e^(−z)) loses at a large z."""
    import mpmath  # SymPy's own arithmetic, and as slow to load

    finite = (array for array in numbers.trace.arrays.values() if np.isfinite(array).all())
    largest = max(float(np.max(np.abs(array), initial=0.0)) for array in finite)
    digits = DIGITS + int(min(largest, MOST_DIGITS))
    computed = sympy.lambdify(list(at), slopes, modules="mpmath", cse=True)
    with mpmath.workdps(digits):
        return computed(*map(mpmath.mpf, at.values()))
