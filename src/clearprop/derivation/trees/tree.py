"""What is printed: trees of written mathematics.

A plan's expression says what a step computes; a *written* tree says how a notation puts it on the
page: which index comes first, where the sum stands, which sign is in front. Printers read these
trees and nothing else, and `clearprop.derivation.trees.evaluating` gives the very same trees their
value. Proved by ``tests/test_derivation.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

__all__ = ["Index", "Node", "Number", "Quantity"]

MEMBER = "member"
SAMPLE = "sample"


@dataclass(frozen=True)
class Var:
    """An index variable, shifted: ``Var("i", -3)`` is i − 3. Indices count from 1."""

    name: str
    offset: int = 0


Index = int | Var


@cache
def _printed(kind: Any) -> tuple[str, ...]:
    """The fields of a kind of node, without a function's meaning, which is not printed."""
    return tuple(entry.name for entry in fields(kind) if entry.compare)


class Node:
    """A node of a written tree: immutable."""

    def children(self) -> tuple[Node, ...]:
        """Return the direct subtrees, left to right (a function's meaning is not among them)."""
        found: list[Node] = []
        kind: Any = type(self)
        for name in _printed(kind):
            content = getattr(self, name)
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
class Letter(Node):
    """A letter that a text prints and the notation has not; worth what is meant by it."""

    base: str
    below: tuple[str, ...]
    meaning: Node = field(compare=False)
    prime: bool = False


@dataclass(frozen=True)
class Ratio(Node):
    """A partial derivative, ∂top/∂bottom."""

    top: Node
    bottom: Node


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
