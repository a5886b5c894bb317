"""The one evaluator of trees: float64 NumPy, functions in their numerically stable form.

Proved by ``tests/test_expressions.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from clearprop.expressions.tree import (
    Add,
    Apply,
    Cases,
    Concat,
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
    Slice,
    Sum,
    Sym,
    Transpose,
)
from clearprop.expressions.types import Array, Axis, Type, spread, spread_leading

__all__ = ["evaluate"]


def evaluate(
    expr: Expr, values: Mapping[str, Array], index: tuple[int, ...] | None = None
) -> Array:
    """Evaluate a tree in float64 NumPy, functions in their numerically stable form.

    Parameters
    ----------
    expr : Expr
        The tree.
    values : mapping of str to float64 array
        The array of each symbol, axes ``[member][sample] + shape``; a `Trace` serves.
    index : tuple of int, optional
        Return only this entry (from 0, in the order of the result's axes).

    Returns
    -------
    float64 array
        Axes ``[member][sample] + shape`` of ``expr.type``.

    Examples
    --------
    >>> W, a = Sym("W1", Type((2, 2))), Sym("a1", Type((2,), sample=True))
    >>> evaluate(W @ a, {"W1": np.eye(2), "a1": np.array([[3.0, 4.0]])})
    array([[3., 4.]])
    """
    with np.errstate(all="ignore"):  # what overflows is ∞ or NaN, and is shown as that
        result = _evaluate(expr, values, {})
    return result if index is None else np.asarray(result[index])


def _evaluate(expr: Expr, values: Mapping[str, Array], known: dict[int, Array]) -> Array:
    if id(expr) not in known:  # a shared subtree is computed once
        known[id(expr)] = _compute(expr, values, known)
    return known[id(expr)]


def _compute(expr: Expr, values: Mapping[str, Array], known: dict[int, Array]) -> Array:
    def value(part: Expr) -> Array:
        return _evaluate(part, values, known)

    def beside(part: Expr) -> Array:
        return spread(_evaluate(part, values, known), part.type, expr.type)

    def each(part: Expr) -> Array:  # of each member and sample, in its own shape
        return spread_leading(_evaluate(part, values, known), part.type, expr.type)

    match expr:  # the first are the most frequent
        case Sym(name):
            return np.asarray(values[name])
        case MatMul(Transpose(matrix), OneHot(index, _)):  # Eᵀ 1ₖ is the row k of E
            return _rows(value(matrix), matrix.type, value(index))
        case MatMul(left, right):
            return _product(value(left), left.type, value(right), right.type, expr.type)
        case Hadamard(left, right):
            return beside(left) * beside(right)
        case Apply(function, args, attrs, form):
            return function.evaluate(form, tuple(map(each, args)), dict(attrs))
        case Sum(over, Outer(OneHot(index, levels), right) as body) if over == ("sample",):
            return _rows_sum(value(index), levels, value(right), right.type, body.type)
        case Sum(over, Outer(left, right) as body) if "sample" in over and "unit" not in over:
            return _outer_sum(over, body, value(left), value(right))
        case Sum(over, body):
            return _sum(over, body.type, value(body))
        case Num(number):
            return np.asarray(number, dtype=np.float64)
        case Neg(body):
            return np.asarray(-value(body))
        case Add(terms):
            total = beside(terms[0])
            for term in terms[1:]:
                total = total + beside(term)
            return total
        case Divide(numerator, denominator):
            return np.asarray(beside(numerator) / beside(denominator))
        case Power(base, exponent):
            return np.asarray(beside(base) ** beside(exponent))
        case Transpose(body):
            array = value(body)
            return array[..., None, :] if len(body.shape) == 1 else np.swapaxes(array, -1, -2)
        case Outer(left, right):
            return each(left)[..., :, None] * each(right)[..., None, :]
        case Less(left, right, or_equal):
            a, b = beside(left), beside(right)
            return np.asarray(a <= b if or_equal else a < b)
        case Cases(condition, then, otherwise):
            return np.where(beside(condition), beside(then), beside(otherwise))
        case Concat(parts):
            return np.concatenate(_broadcast_leading([each(part) for part in parts]), axis=-1)
        case Slice(body, start, stop):
            return value(body)[..., start:stop]
        case OneHot(index, levels):
            return np.asarray(
                np.arange(levels) == value(index)[..., None].astype(np.int64), dtype=np.float64
            )
    raise TypeError(f"no value is defined for {type(expr).__name__}")


def _broadcast_leading(arrays: list[Array]) -> list[Array]:
    leading = np.broadcast_shapes(*(array.shape[:-1] for array in arrays))
    return [np.broadcast_to(array, leading + array.shape[-1:]) for array in arrays]


def _product(a: Array, left: Type, b: Array, right: Type, to: Type) -> Array:
    if left.sample or not right.sample:  # a row vector of each sample, or no samples at all
        matrix, vector = spread_leading(a, left, to), spread_leading(b, right, to)
        product = np.matmul(matrix, vector[..., None])[..., 0]
        return np.asarray(product[..., 0] if to.shape == () else product)
    # one matrix for all samples: rows of b are the samples, so z = W a becomes b Wᵀ
    product = np.matmul(b, np.swapaxes(a, -1, -2))
    return np.asarray(product[..., 0] if to.shape == () else product)


def _rows(matrix: Array, of: Type, index: Array) -> Array:
    return np.take(matrix, index.astype(np.int64), axis=1 if of.member else 0)


def _rows_sum(index: Array, levels: int, right: Array, of: Type, to: Type) -> Array:
    """Σ over samples of 1ₖ · rightᵀ: each sample is added to its row, no (m, levels) array made."""
    members = right.shape[:1] if to.member else ()
    total = np.zeros((*members, levels, *of.shape))
    rows = index.astype(np.int64)
    if to.member:
        for into, given in zip(total, right, strict=True):
            np.add.at(into, rows, given)
    else:
        np.add.at(total, rows, right)
    return total


def _outer_sum(over: tuple[Axis, ...], body: Outer, a: Array, b: Array) -> Array:
    """Σ over samples of left · rightᵀ as one product, without an array of (m, r, c)."""
    to = body.type
    a, b = spread_leading(a, body.left.type, to), spread_leading(b, body.right.type, to)
    if a.shape[-2] != b.shape[-2]:  # one of them is the same for all samples
        a, b = _broadcast_leading([a, b])
    total = np.matmul(np.swapaxes(a, -1, -2), b)
    return np.asarray(total.sum(axis=0) if to.member and "member" in over else total)


def _sum(over: tuple[Axis, ...], of: Type, array: Array) -> Array:
    axes: list[int] = []
    if "member" in over:
        axes.append(0)
    if "sample" in over:
        axes.append(1 if of.member else 0)
    if "unit" in over:
        axes.extend(range(-len(of.shape), 0))
    return np.asarray(array.sum(axis=tuple(axes)))
