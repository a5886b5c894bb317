"""What a written tree is worth: one sample at a time, from textbook formulas and plain loops.

It shares no code with the reference or the engine, so that what is printed can be compared with
what is executed. Proved by ``tests/test_derivation.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from clearprop.derivation.tree import (
    MEMBER,
    SAMPLE,
    Beside,
    Call,
    Chosen,
    Index,
    Letter,
    Literal,
    Minus,
    Node,
    Number,
    Over,
    Part,
    Piecewise,
    Place,
    Plus,
    Quantity,
    Raise,
    Ratio,
    Square,
    Stack,
    Times,
    Total,
    Turn,
    UnitVector,
)
from clearprop.expressions import Array

__all__ = ["Numbers", "value"]


class Numbers(Protocol):
    """Where the values of quantities come from, as the notation orients them."""

    def array(self, sym: str) -> Array:
        """Return the array, axes ``[member][sample] + shape``."""

    def axes(self, sym: str) -> tuple[bool, bool]:
        """Return whether it has the axes (member, sample)."""

    def ratio(self, top: Quantity, bottom: Quantity, bound: Mapping[str, int]) -> float:
        """Return ∂top/∂bottom, found without any derivation."""


def value(node: Node, numbers: Numbers, bound: Mapping[str, int] | None = None) -> Array:
    """Evaluate a written tree for one sample.

    Parameters
    ----------
    node : Node
    numbers : Numbers
        Values of the quantities.
    bound : mapping of str to int
        Values of free index variables, from 1; ``"sample"`` and ``"member"`` included.

    Returns
    -------
    float64 array of the textbook shape
    """
    with np.errstate(all="ignore"):
        return _Evaluator(numbers).of(node, dict(bound or {}))


class _Evaluator:
    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers

    def of(self, node: Node, at: dict[str, int]) -> Array:
        return np.asarray(self._of(node, at))

    def _of(self, node: Node, at: dict[str, int]) -> Any:
        of = self._of
        match node:
            case Quantity():
                return self._quantity(node, at)
            case Letter(meaning=meaning):
                return of(meaning, at)
            case Number(number):
                return np.float64(number)
            case Literal(array):
                return np.asarray(array, dtype=np.float64)
            case Plus(terms):
                total = of(terms[0], at)
                for term in terms[1:]:
                    total = _alike(total, of(term, at), np.add)
                return total
            case Minus(body):
                return -of(body, at)
            case Times(factors, "matrix"):
                total = of(factors[0], at)
                for factor in factors[1:]:
                    total = _matrix_product(total, of(factor, at))
                return total
            case Times(factors):
                total = of(factors[0], at)
                for factor in factors[1:]:
                    total = _alike(total, of(factor, at), np.multiply)
                return total
            case Over(top, bottom):
                return _alike(of(top, at), of(bottom, at), np.divide)
            case Raise(base, exponent):
                return of(base, at) ** of(exponent, at)
            case Turn(body):
                inner = of(body, at)
                return inner[None, :] if inner.ndim == 1 else inner.T
            case Total(var, size, body):
                total = np.float64(0.0)
                for step in range(1, size + 1):
                    total = total + of(body, {**at, var: step})
                return total
            case Call(meaning=meaning) if meaning is not None:
                return of(meaning, at)
            case Call(name, args):
                return PRIMITIVES[name](of(args[0], at))
            case Piecewise(left, right, or_equal, then, otherwise):
                a, b = of(left, at), of(right, at)
                return np.where(a <= b if or_equal else a < b, of(then, at), of(otherwise, at))
            case Place(index):
                return np.float64(_place(index, at))
            case Stack(parts):
                return np.concatenate([np.atleast_1d(of(part, at)) for part in parts])
            case Part(body, first, last):
                return of(body, at)[first - 1 : last]
            case UnitVector(where, size):
                return np.asarray(np.arange(size) == int(of(where, at)), dtype=np.float64)
            case Chosen(where, index):
                return np.float64(int(of(where, at)) == _place(index, at) - 1)
            case Beside(left, column):
                matrix = of(left, at)
                zero = np.zeros(len(matrix))
                return np.column_stack([matrix, zero if column is None else of(column, at)])
            case Square(body):
                return np.sum(of(body, at) ** 2)
            case Ratio(Quantity() as top, Quantity() as bottom):
                return np.float64(self.numbers.ratio(top, bottom, at))
        raise TypeError(f"no value is defined for {type(node).__name__}")

    def _quantity(self, node: Quantity, at: Mapping[str, int]) -> Any:
        array = self.numbers.array(node.sym)
        member, sample = self.numbers.axes(node.sym)
        if member:
            array = array[at[MEMBER] - 1]
        if sample:
            array = array[at[SAMPLE] - 1]
        for place in node.index:
            position = _place(place, at)
            # An entry outside stands in a branch that is not taken: i − 3 of the first part.
            array = array[position - 1] if 1 <= position <= len(array) else np.nan * array[0]
        return array


PRIMITIVES: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "erf": lambda x: np.vectorize(math.erf)(x) if np.size(x) else x,
    "cosh": np.cosh,
    "tanh": np.tanh,
}


def _place(index: Index, at: Mapping[str, int]) -> int:
    return index if isinstance(index, int) else at[index.name] + index.offset


def _alike(a: Any, b: Any, op: Any) -> Any:
    """Entry by entry, of one shape; a number goes with anything. Vectors never spread."""
    if np.ndim(a) and np.ndim(b) and np.shape(a) != np.shape(b):
        raise ValueError(f"shapes {np.shape(a)} and {np.shape(b)} differ")
    return op(a, b)


def _matrix_product(a: Any, b: Any) -> Any:
    """Columns are vectors of one axis; a row times a column is a number."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    if np.ndim(a) == 1:
        if np.ndim(b) != 2 or np.shape(b)[0] != 1:
            raise ValueError(f"a column vector times {np.shape(b)} is no product")
        return np.outer(a, b[0])
    product = a @ b
    return product[0] if np.shape(a)[0] == 1 and np.ndim(b) == 1 else product
