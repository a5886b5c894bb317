"""Which entries of what it reads some entries of an expression are made of.

An entry of u vᵀ takes one of u and one of v, an entry of W a a row of W and the whole of a: who
shows a corner of a large matrix needs no more than that. What is found is evaluated by the same
evaluator, of the same tree. Proved by ``tests/test_asked.py``.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from clearprop.expressions import (
    Add,
    Apply,
    Array,
    Cases,
    Divide,
    Expr,
    Hadamard,
    Less,
    MatMul,
    Neg,
    Num,
    OneHot,
    Outer,
    Power,
    Sum,
    Sym,
    Transpose,
    symbols,
)
from clearprop.operations import Function

__all__ = ["Places", "needs", "taken"]

Places = tuple[tuple[int, ...] | None, ...]
"""Of each axis of a shape (none of members, none of samples), places from 0; None: all of them."""


def needs(exprs: Iterable[Expr], places: Places) -> dict[str, Places] | None:
    """Return what entries of each symbol some entries of expressions of one shape are made of.

    Parameters
    ----------
    exprs : iterable of Expr
    places : tuple
        The entries: a block, of each axis some places or (None) all.

    Returns
    -------
    dict of str to places, or None where an entry is not made of entries: evaluate the whole

    Examples
    --------
    >>> from clearprop.expressions import Type
    >>> W, a = Sym("W1", Type((9, 8))), Sym("a1", Type((8,), sample=True))
    >>> needs([W @ a], ((3,),))
    {'W1': ((3,), None), 'a1': (None,)}
    """
    found: dict[str, Places] = {}
    return found if all(_noted(expr, places, found) for expr in exprs) else None


def taken(array: Array, places: Places) -> Array:
    """Return the entries of an array, axes of members and samples in front of those of its shape.

    >>> taken(np.arange(12.0).reshape(3, 4), ((0, 2), (1,)))
    array([[1.],
           [9.]])
    """
    for axis, some in enumerate(places, -len(places)):
        if some is not None:
            array = np.take(array, some, axis)
    return array


def _noted(expr: Expr, places: Places, found: dict[str, Places]) -> bool:
    """Note what is read; False where entries hang together, or one symbol is read at two places."""
    match expr:
        case Sym(name):
            return found.setdefault(name, places) == places
        case Num():
            return True
        case Outer(OneHot(), _):  # its sum over samples is filled row by row
            return _whole(expr, places, found)
        case Outer(left, right):  # (u vᵀ)ᵢⱼ = uᵢ vⱼ
            return _noted(left, places[:1], found) and _noted(right, places[1:], found)
        case Transpose(body) if len(body.shape) == 2:
            return _noted(body, places[::-1], found)
        case MatMul(left, right) if len(left.shape) == 2 and len(expr.shape) == 1:
            # (W a)ᵢ = Σⱼ Wᵢⱼ aⱼ
            return _noted(left, (places[0], None), found) and _noted(right, (None,), found)
        case Sum(over, body) if "unit" not in over:
            return _noted(body, places, found)
        case Apply(function) if not isinstance(function, Function):
            return _whole(expr, places, found)
        case Add() | Neg() | Hadamard() | Divide() | Power() | Apply() | Less() | Cases():
            return all(
                part.shape in ((), expr.shape) and _noted(part, places if part.shape else (), found)
                for part in expr.children()
            )
    return _whole(expr, places, found)


def _whole(expr: Expr, places: Places, found: dict[str, Places]) -> bool:
    """Note that all is read, where all of the expression is wanted."""
    return all(some is None for some in places) and all(
        _noted(sym, (None,) * len(sym.shape), found) for sym in symbols(expr)
    )
