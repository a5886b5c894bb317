"""What is printed: trees of written mathematics, and their one evaluator.

A plan's expression says what a step computes; a *written* tree says how a notation puts it on the
page: which index comes first, where the sum stands, which sign is in front. Printers read these
trees and nothing else, and `value` evaluates the very same trees, one sample at a time, from
textbook formulas and plain loops: it shares no code with the reference or the engine, so that what
is printed can be compared with what is executed. Proved by ``tests/test_derivation_verify.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import numpy as np

from clearprop.expressions import Array

__all__ = ["Index", "Node", "Number", "Quantity"]

MEMBER = "member"
SAMPLE = "sample"


@dataclass(frozen=True)
class Var:
    """An index variable, shifted: ``Var("i", -3)`` is i − 3. Indices count from 1."""

    name: str
    offset: int = 0


Index = int | Var


class Node:
    """A node of a written tree: immutable."""

    def children(self) -> tuple[Node, ...]:
        """Return the direct subtrees, left to right (a function's meaning is not among them)."""
        found: list[Node] = []
        for entry in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            if not entry.compare:
                continue
            content = getattr(self, entry.name)
            if isinstance(content, Node):
                found.append(content)
            elif isinstance(content, tuple):
                found.extend(item for item in content if isinstance(item, Node))
        return tuple(found)


@dataclass(frozen=True)
class Quantity(Node):
    """A named quantity, whole or one entry of it, as the notation indexes it.

    Parameters
    ----------
    sym : str
        The plan's symbol (``"W1"``, ``"delta2"``, ``"dJ/dW1"``, ``"m"``).
    index : tuple of int or Var
        In the order in which the notation prints it, from 1; empty for the whole.
    sampled : bool
        Printed with the sample's letter, as inside a sum over samples.
    via : str
        The layer a connection leads to, where the notation names the inputs of connections.
    to : int, Var or None
        The unit a connection leads to.
    layer : int or None
        In a step that holds for every layer l: how much its number is more than l. ``sym`` is then
        the first layer's.
    """

    sym: str
    index: tuple[Index, ...] = ()
    sampled: bool = False
    via: str = ""
    to: Index | None = None
    layer: int | None = None


@dataclass(frozen=True)
class Width(Node):
    """How many units a value has, in a step that holds for every layer; ``of`` the first's."""

    of: str
    layer: int


@dataclass(frozen=True)
class Number(Node):
    """A number written out: a formula's own in full, a measured one with the page's digits."""

    number: float
    measured: bool = False


@dataclass(frozen=True)
class Literal(Node):
    """An array of numbers written out as a vector or a matrix."""

    array: tuple[Any, ...]


@dataclass(frozen=True)
class Plus(Node):
    """A sum of terms; each stands with its sign."""

    terms: tuple[Node, ...]


@dataclass(frozen=True)
class Minus(Node):
    """Minus the body."""

    body: Node


@dataclass(frozen=True)
class Times(Node):
    """A product: ``"entry"`` of numbers or entry by entry, ``"matrix"`` of matrices."""

    factors: tuple[Node, ...]
    kind: str = "entry"


@dataclass(frozen=True)
class Over(Node):
    """A quotient."""

    top: Node
    bottom: Node


@dataclass(frozen=True)
class Raise(Node):
    """A power."""

    base: Node
    exponent: Node


@dataclass(frozen=True)
class Turn(Node):
    """The transpose."""

    body: Node


@dataclass(frozen=True)
class Total(Node):
    """Σ of the body over an index from 1 to ``size``; ``upper`` is what is printed above Σ."""

    var: str
    size: int
    body: Node
    upper: Node


@dataclass(frozen=True)
class Call(Node):
    """A function by name, f(x) or f′(x); ``meaning`` is what a textbook puts in its place."""

    name: str
    args: tuple[Node, ...]
    prime: bool = False
    index: tuple[Index, ...] = ()
    meaning: Node | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Piecewise(Node):
    """``then`` where left < right (or ≤), else ``otherwise``."""

    left: Node
    right: Node
    or_equal: bool
    then: Node
    otherwise: Node


@dataclass(frozen=True)
class Place(Node):
    """An index used as a number, as in "where i ≤ 3"."""

    index: Index


@dataclass(frozen=True)
class Stack(Node):
    """Column vectors one above the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Part(Node):
    """Entries ``first`` to ``last`` (from 1, both included) of a column vector."""

    body: Node
    first: int
    last: int


@dataclass(frozen=True)
class UnitVector(Node):
    """The column vector with a 1 at the place the index names."""

    place: Node
    size: int


@dataclass(frozen=True)
class Chosen(Node):
    """1 if the index (from 0 in data) names this place, else 0: an entry of `UnitVector`."""

    place: Node
    index: Index


@dataclass(frozen=True)
class Beside(Node):
    """A matrix and one more column to its right; a zero column without one."""

    left: Node
    column: Node | None = None


@dataclass(frozen=True)
class Square(Node):
    """‖x‖², the sum of the squares of all entries."""

    body: Node


@dataclass(frozen=True)
class Run(Node):
    """Where a letter runs: over the places, or (with dots) from the first to the last."""

    letter: str
    places: tuple[Node, ...]
    dots: bool


@dataclass(frozen=True)
class Ratio(Node):
    """A partial derivative, ∂top/∂bottom."""

    top: Node
    bottom: Node


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


def walk(node: Node) -> Iterator[Node]:
    """Yield every node once per occurrence, parents first."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(top.children()))


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return the tree rebuilt bottom-up, each node replaced by ``change(node)``."""
    updates: dict[str, Any] = {}
    for entry in fields(node):  # type: ignore[arg-type]
        content = getattr(node, entry.name)
        if isinstance(content, Node):
            new: Any = rebuild(content, change)
        elif isinstance(content, tuple) and any(isinstance(item, Node) for item in content):
            new = tuple(
                rebuild(item, change) if isinstance(item, Node) else item for item in content
            )
        else:
            continue
        if new is not content:
            updates[entry.name] = new
    return change(replace(node, **updates) if updates else node)  # type: ignore[type-var]


def put(node: Node, by: Callable[[Node], Node | None]) -> Node:
    """Return the tree with each subtree replaced for which ``by`` gives another, from the top."""
    other = by(node)
    if other is not None:
        return other
    updates: dict[str, Any] = {}
    for entry in fields(node):  # type: ignore[arg-type]
        content = getattr(node, entry.name)
        if not entry.compare:  # a function's meaning is not printed
            continue
        if isinstance(content, Node):
            updates[entry.name] = put(content, by)
        elif isinstance(content, tuple) and any(isinstance(item, Node) for item in content):
            updates[entry.name] = tuple(
                put(item, by) if isinstance(item, Node) else item for item in content
            )
    return replace(node, **updates) if updates else node  # type: ignore[type-var]


def plus(*terms: Node) -> Node:
    """Return the sum, flat, without zeros."""
    flat: list[Node] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, Plus) else (term,))
    kept = [term for term in flat if term != Number(0.0)]
    return Plus(tuple(kept)) if len(kept) > 1 else kept[0] if kept else Number(0.0)


def times(*factors: Node) -> Node:
    """Return the product of numbers or entry by entry, flat, ones left out, the sign in front."""
    flat: list[Node] = []
    negative = False
    for factor in factors:
        while isinstance(factor, Minus):
            factor, negative = factor.body, not negative
        flat.extend(factor.factors if isinstance(factor, Times) and factor.kind == "entry"
                    else (factor,))  # fmt: skip
    kept = [factor for factor in flat if factor != Number(1.0)]
    product: Node
    if any(factor == Number(0.0) for factor in kept):
        return Number(0.0)
    product = Times(tuple(kept)) if len(kept) > 1 else kept[0] if kept else Number(1.0)
    return Minus(product) if negative else product


def minus(body: Node) -> Node:
    """Return minus the body; two signs cancel."""
    return body.body if isinstance(body, Minus) else Minus(body)
