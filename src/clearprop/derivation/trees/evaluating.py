"""What a written tree is worth: one sample at a time, from textbook formulas and plain loops.

It shares no code with the reference or the engine, so that what is printed can be compared with
what is executed. Proved by ``tests/test_derivation.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from clearprop.derivation.trees import tree
from clearprop.derivation.trees.tree import MEMBER, SAMPLE, Index, Node, Quantity
from clearprop.expressions import Array

__all__ = ["Numbers", "value"]

MANY = 200
"""From so many terms on, those of a sum are evaluated side by side, each along an axis."""
AXES = ""
"""Under this name, how many letters have an axis of their own: no letter is empty."""


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
        return Evaluator(numbers).of(node, dict(bound or {}))


class Evaluator:
    """Evaluates many trees at the same numbers; what overflows is for the caller to silence."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers

    def of(self, node: Node, at: dict[str, Any]) -> Array:
        """Return what a tree is worth, as `value` does."""
        return np.asarray(self._of(node, at))

    def _of(self, node: Node, at: dict[str, Any]) -> Any:
        of = self._of
        match node:
            case Quantity():
                return self._quantity(node, at)
            case tree.Letter(meaning=meaning):
                return of(meaning, at)
            case tree.Number(number):
                return np.float64(number)
            case tree.Literal(array):
                return np.asarray(array, dtype=np.float64)
            case tree.Plus(terms):
                total = of(terms[0], at)
                for term in terms[1:]:
                    more = of(term, at)
                    total = _alike(total, more, np.add, at, more if _is_new(term) else None)
                return total
            case tree.Minus(body):
                inner = of(body, at)
                return np.negative(
                    inner, **_into(inner if _is_new(body) else None, np.shape(inner))
                )
            case tree.Times(factors, "matrix"):
                total = of(factors[0], at)
                for factor in factors[1:]:
                    total = _matrix_product(total, of(factor, at))
                return total
            case tree.Times(factors):
                total = of(factors[0], at)
                for factor in factors[1:]:
                    total = _alike(total, of(factor, at), np.multiply, at)
                return total
            case tree.Over(top, bottom):
                return _alike(of(top, at), of(bottom, at), np.divide, at)
            case tree.Raise(base, exponent):
                return of(base, at) ** of(exponent, at)
            case tree.Turn(body):
                inner = of(body, at)
                return inner[None, :] if inner.ndim == 1 else inner.T
            case tree.Total(var, size, body) if self._at_once(node, at):
                axes = at.get(AXES, 0)
                letter = np.arange(1, size + 1).reshape(-1, *[1] * axes)
                inner = of(body, {**at, var: letter, AXES: axes + 1})
                if np.ndim(inner) <= axes:  # no term reads the letter
                    return size * inner
                return np.broadcast_to(inner, (size, *inner.shape[1:])).sum(axis=0)
            case tree.Total(var, size, body):
                total = np.float64(0.0)
                for step in range(1, size + 1):
                    total = total + of(body, {**at, var: step})
                return total
            case tree.Call(meaning=meaning) if meaning is not None:
                return of(meaning, at)
            case tree.Call(name, args):
                return PRIMITIVES[name](of(args[0], at))
            case tree.Piecewise(left, right, or_equal, then, otherwise):
                a, b = of(left, at), of(right, at)
                return np.where(a <= b if or_equal else a < b, of(then, at), of(otherwise, at))
            case tree.Place(index):
                return np.asarray(_place(index, at), np.float64)[()]
            case tree.Stack(parts):
                return np.concatenate([np.atleast_1d(of(part, at)) for part in parts])
            case tree.Part(body, first, last):
                return of(body, at)[first - 1 : last]
            case tree.UnitVector(where, size):
                return np.asarray(np.arange(size) == int(of(where, at)), dtype=np.float64)
            case tree.Chosen(where, index):
                return np.asarray(of(where, at) == _place(index, at) - 1, np.float64)[()]
            case tree.Beside(left, column):
                matrix = of(left, at)
                zero = np.zeros(len(matrix))
                return np.column_stack([matrix, zero if column is None else of(column, at)])
            case tree.Square(body):
                return np.sum(of(body, at) ** 2)
            case tree.Ratio(Quantity() as top, Quantity() as bottom):
                return np.float64(self.numbers.ratio(top, bottom, at))
            case tree.Ratio(top, Quantity() as bottom):
                return of(_differentiated(top, bottom), at)
        raise TypeError(f"no value is defined for {type(node).__name__}")

    def _quantity(self, node: Quantity, at: Mapping[str, Any]) -> Any:
        array = self.numbers.array(node.sym)
        member, sample = self.numbers.axes(node.sym)
        if member:
            array = array[at[MEMBER] - 1]
        if sample:
            array = array[at[SAMPLE] - 1]
        if not node.index:
            return array
        here = tuple(_place(index, at) for index in node.index)
        if all(isinstance(place, int) for place in here):
            shape = array.shape[: len(here)]
            if all(1 <= place <= size for place, size in zip(here, shape, strict=False)):
                return array[tuple(place - 1 for place in here)]
        inside: Any = True
        places: list[Any] = []
        for found, size in zip(here, array.shape, strict=False):
            place = np.asarray(found)
            inside = inside & (place >= 1) & (place <= size)
            places.append(np.clip(place, 1, size) - 1)
        # An entry outside stands in a branch that is not taken: i − 3 of the first part.
        return array[*places] if np.all(inside) else np.where(inside, array[*places], np.nan)

    def _at_once(self, node: tree.Total, at: Mapping[str, Any]) -> bool:
        """Whether a sum's terms are evaluated side by side: many, and each a single number."""
        if node.var in (SAMPLE, MEMBER):
            return False
        return AXES in at or (_terms(node) >= MANY and self._single(node.body))

    def _single(self, node: Node) -> bool:
        """Whether a tree is of single numbers through and through."""
        match node:
            case Quantity(sym, index):
                return self.numbers.array(sym).ndim - sum(self.numbers.axes(sym)) == len(index)
            case tree.Call(meaning=Node() as meaning) | tree.Letter(meaning=meaning):
                return self._single(meaning)
            case tree.Times(kind="matrix") | tree.Total(var="sample" | "member"):
                return False
            case tree.Number() | tree.Plus() | tree.Minus() | tree.Times() | tree.Over():
                return all(map(self._single, node.children()))
            case tree.Raise() | tree.Call() | tree.Piecewise() | tree.Place() | tree.Chosen():
                return all(map(self._single, node.children()))
            case tree.Total(body=body):
                return self._single(body)
        return False


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


def _differentiated(node: Node, by: Quantity) -> Node:
    """A sum of products by one of their factors: what ∂(W11 · P1 + W21 · P2 + b2)/∂P1 means."""
    match node:
        case tree.Plus(terms):
            return tree.plus(*(_differentiated(term, by) for term in terms))
        case tree.Times(factors, "entry"):
            return tree.plus(
                *(
                    tree.times(*factors[:place], _differentiated(factor, by), *factors[place + 1 :])
                    for place, factor in enumerate(factors)
                )
            )
        case Quantity():
            return tree.Number(float(node == by))
        case tree.Number():
            return tree.Number(0.0)
    raise TypeError(f"{type(node).__name__} is not differentiated")


def _place(index: Index, at: Mapping[str, Any]) -> Any:
    return index if isinstance(index, int) else at[index.name] + index.offset


def _alike(a: Any, b: Any, op: Any, at: Mapping[str, Any], room: Any = None) -> Any:
    """Entry by entry, of one shape; a number goes with anything. Vectors never spread."""
    if AXES not in at and np.ndim(a) and np.ndim(b) and np.shape(a) != np.shape(b):
        raise ValueError(f"shapes {np.shape(a)} and {np.shape(b)} differ")
    return op(a, b, **_into(room, np.shape(a)))


def _is_new(node: Node) -> bool:
    """Whether what a tree gives is an array of its own, which nothing else reads."""
    several = isinstance(node, tree.Times) and node.kind == "entry" and len(node.factors) > 1
    return several or (isinstance(node, tree.Minus) and _is_new(node.body))


def _into(room: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """Where a result of some shape is written: new memory is most of a large matrix's time."""
    fits = isinstance(room, np.ndarray) and room.shape == shape and room.ndim > 0
    return {"out": room} if fits else {}


def _terms(node: Node) -> int:
    """How many terms a tree's nested sums have, multiplied."""
    inner = max(map(_terms, node.children()), default=1)
    return node.size * inner if isinstance(node, tree.Total) else inner


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
