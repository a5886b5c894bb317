"""An equation at a notation's level: whole matrices, sums over indices, every entry written out.

Proved by ``tests/test_derivation.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clearprop.derivation.notations.names import Names, split
from clearprop.derivation.steps.equations import Equation
from clearprop.derivation.steps.writing import Writing
from clearprop.derivation.trees.tree import Index, Node, Quantity, Var
from clearprop.expressions import (
    Add,
    Apply,
    Expr,
    Hadamard,
    MatMul,
    Outer,
    Power,
    Sum,
    Sym,
    walk,
)

ENTRIES_WRITTEN_OUT = 48
"""The scalar level writes a step out up to so many equations, then with indices."""
TERMS_WRITTEN_OUT = 12
"""… and a sum up to so many terms."""


class Level:
    """Writes equations at the level of its notation.

    Parameters
    ----------
    names : Names
    writing : Writing
    """

    def __init__(self, names: Names, writing: Writing) -> None:
        self.names, self.notation, self.writing = names, names.notation, writing

    def equations(
        self, target: Sym, expr: Expr, kind: str, left: Node | None = None, relation: str = "="
    ) -> tuple[Equation, ...]:
        """Write ``target = expr`` at the notation's level."""
        if self.notation.whole:
            return (self._matrix_equation(target, expr, left, relation),)
        shape = target.shape
        out = self.notation.level == "scalar" and self._written_out(target, expr)
        if not out:
            return (self._index_equation(target, expr, kind, relation),)
        return tuple(self.entry_equation(target, expr, idx, (), relation) for idx in places(shape))

    def _matrix_equation(
        self, target: Sym, expr: Expr, left: Node | None, relation: str
    ) -> Equation:
        if left is None:
            left = Quantity(target.name)
        member = self.writing.whole(
            transposed(expr) if self.names.transposed(target.name) else expr
        )
        return Equation(left, (member,), (), relation)

    def _index_equation(self, target: Sym, expr: Expr, kind: str, relation: str) -> Equation:
        letters = self._letters(target, kind)
        free = tuple(zip(letters, target.shape, strict=True))
        self.writing.used = list(letters)
        self.writing.expand = False
        idx = tuple(Var(name) for name in letters)
        equation = self.entry_equation(target, expr, idx, free, relation)
        self.writing.used = []
        self.writing.expand = self.notation.level == "scalar"
        return equation

    def entry_equation(
        self,
        target: Sym,
        expr: Expr,
        idx: tuple[Index, ...],
        free: tuple[tuple[str, int], ...] = (),
        relation: str = "=",
    ) -> Equation:
        """Write one entry of a step; ``idx`` in our order, from 1."""
        left = Quantity(target.name, self.names.ordered(target.name, idx))
        self.writing.making = split(target.name)[1]
        return Equation(left, (self.writing.entry(expr, idx),), free, relation)

    def _letters(self, target: Sym, kind: str) -> tuple[str, ...]:
        n = self.notation
        if len(target.shape) == 2:
            return (n.target_index, n.source_index)
        if len(target.shape) == 0:
            return ()
        forward = kind in ("forward", "cost")
        return (n.target_index,) if forward else (min(n.target_index, n.source_index),)

    def _written_out(self, target: Sym, expr: Expr) -> bool:
        entries = 1
        for size in target.shape:
            entries *= size
        widest = 0
        for node in walk(expr):
            if isinstance(node, MatMul):
                widest = max(widest, node.right.shape[0])
            elif isinstance(node, Sum) and "unit" in node.over:
                count = 1
                for size in node.body.shape:
                    count *= size
                widest = max(widest, count)
        return entries <= ENTRIES_WRITTEN_OUT and widest <= TERMS_WRITTEN_OUT


def places(shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield all entries of a shape, from 1, the last index fastest."""
    if not shape:
        yield ()
        return
    for first in range(1, shape[0] + 1):
        for rest in places(shape[1:]):
            yield (first, *rest)


def transposed(expr: Expr) -> Expr:
    """(…)ᵀ pushed inward: sums, products with numbers, and outer products."""
    match expr:
        case Add(terms):
            return Add(tuple(transposed(term) for term in terms))
        case Sum(over, body):
            return Sum(over, transposed(body))
        case Outer(left, right):
            return Outer(right, left)
        case Hadamard(left, right):
            return Hadamard(transposed(left), transposed(right))
    if not expr.shape:
        return expr
    if isinstance(expr, (Power, Apply)):
        raise TypeError(f"the transpose of {type(expr).__name__} is not written")
    return -transposed(expr.body) if hasattr(expr, "body") and not isinstance(expr, Sym) else expr.T
