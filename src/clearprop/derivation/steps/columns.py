"""A bias as one more column of its weights, for a constant input 1: S1's Θ, its gradient and step.

Proved by ``tests/test_derivation.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clearprop.derivation.notations.names import FULL, Names
from clearprop.derivation.steps.equations import Equation
from clearprop.derivation.steps.writing import CONSTANT, Writing
from clearprop.derivation.trees.tree import (
    Beside,
    Node,
    Number,
    Quantity,
    Total,
    Var,
    plus,
    rebuild,
    times,
)
from clearprop.expressions import Concat, Expr, Hadamard, Outer, Sum, Sym, Type


def column_gradient(exprs: Sequence[Expr], weight: str, writing: Writing) -> Equation:
    """Write ∂J/∂[W | b] = Σ δ [aᵀ | 1]; a penalty's term has no share in the last column."""
    one = Sym(CONSTANT, Type((1,)))  # the constant input as a vector of one entry, for stacking
    parts: list[Node] = []
    for expr in exprs:
        match expr:
            case Sum(over, Outer(delta, x)):
                parts.append(writing.whole(Sum(over, Outer(delta, Concat((x, one))))))
            case Hadamard(factor, _):  # λ W
                parts.append(times(writing.whole(factor), Beside(Quantity(weight))))
            case _:
                raise TypeError(f"a column is not written beside {type(expr).__name__}")
    return Equation(Quantity(f"dJ/d{weight}{FULL}"), (plus(*parts),))


def gathered_bias(weight: str, bias: str, names: Names) -> Equation:
    """Write the gradient of a bias shared by its layer: the sum of its column of ∂J/∂[W | b]."""
    rows, columns = names.shapes[weight]
    body = Quantity(f"dJ/d{weight}{FULL}", (Var("i"), columns + 1))
    return Equation(Quantity(f"dJ/d{bias}"), (Total("i", rows, body, Number(float(rows))),))


def column_update(expr: Expr, weight: str, writing: Writing) -> Equation:
    """Write the step of [W | b]."""
    full = {weight: weight + FULL, f"dJ/d{weight}": f"dJ/d{weight}{FULL}"}

    def widened(node: Node) -> Node:
        if isinstance(node, Quantity) and node.sym in full:
            return replace(node, sym=full[node.sym])
        return node

    return Equation(Quantity(weight + FULL), (rebuild(writing.whole(expr), widened),), (), "←")


def with_column(type: Type) -> Type:
    """Return the type of weights with the constant's column."""
    rows, columns = type.shape
    return replace(type, shape=(rows, columns + 1))
