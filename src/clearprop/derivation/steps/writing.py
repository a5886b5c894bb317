"""From a plan's expression to what a notation writes for it: whole matrices, or entry by entry.

This is the one place where an `Expr` becomes a written tree. It knows shapes and notations, and no
operation by name: a new row is written like the others. Proved by
``tests/test_derivation.py``, which evaluates what is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from clearprop.derivation.notations.names import FULL, Names
from clearprop.derivation.steps.functions import Kind, kind_of
from clearprop.derivation.trees.tree import (
    MEMBER,
    SAMPLE,
    Call,
    Chosen,
    Index,
    Minus,
    Node,
    Number,
    Over,
    Part,
    Piecewise,
    Place,
    Quantity,
    Raise,
    Square,
    Stack,
    Times,
    Total,
    Turn,
    UnitVector,
    Var,
    minus,
    plus,
    times,
)
from clearprop.expressions import (
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
    walk,
)
from clearprop.operations import Activation, Cost, Function

__all__ = ["Writing"]

WEIGHT = "w"
"""The plan's share of a sample in the mean."""
CONSTANT = "one"
"""The input of a bias column: always 1."""
SPARE_LETTERS = "kpqtuv"


class Writing:
    """Writes expressions in a notation.

    Parameters
    ----------
    names : Names
    samples : int or None
        Rows of the batch: 1 leaves out mean and sum; None prints m.
    functions : mapping of Kind to str
        How each function is called on the page.
    """

    def __init__(self, names: Names, samples: int | None, functions: Mapping[Kind, str]) -> None:
        self.names, self.samples, self.functions = names, samples, functions
        self.notation = names.notation
        self.sampled = False
        self.making = ""  # the layer that the step being written makes
        self.only = 0  # of a sum over outputs, this one's share alone
        self.used: list[str] = []
        self.letters: tuple[str, str] = (names.notation.target_index, names.notation.source_index)
        self.expand = names.notation.level == "scalar"

    # -- pieces that both levels share ------------------------------------------------------------
    @property
    def mean(self) -> Node:
        """1/m."""
        return Over(Number(1.0), Quantity("m"))

    @property
    def mean_in_delta(self) -> bool:
        return self.notation.mean_at == "delta" and self.samples != 1

    def weight(self) -> Node:
        """wᵢ / Σ w where the plan has it: 1/m inside δ, or nothing."""
        return self.mean if self.mean_in_delta else Number(1.0)

    def over_samples(self, body: Expr, idx: tuple[Index, ...] | None) -> Node:
        """Σ over samples; with the mean in front where the notation writes it here."""
        if self.samples == 1:
            return self._at(body, idx)
        before, self.sampled = self.sampled, True
        inner = self._at(body, idx)
        self.sampled = before
        size = self.samples or 1
        total: Node = Total(SAMPLE, size, inner, Quantity("m"))
        return total if self.mean_in_delta else times(self.mean, total)

    def over_members(self, body: Node) -> Node:
        return Total(MEMBER, self.names.graph.members, body, Quantity("K"))

    def _at(self, expr: Expr, idx: tuple[Index, ...] | None) -> Node:
        return self.whole(expr) if idx is None else self.entry(expr, idx)

    def quantity(self, sym: Sym, index: tuple[Index, ...] = ()) -> Node:
        if sym.name == WEIGHT:
            return self.weight()
        if sym.name == CONSTANT:
            return Number(1.0)
        ordered = self.names.ordered(sym.name, index)
        return Quantity(sym.name, ordered, self.sampled and sym.type.sample)

    def _is_target(self, expr: Expr) -> bool:
        return any(isinstance(one, Sym) and one.name.startswith("y") for one in walk(expr))

    def sum_of(self, terms: Sequence[Node], exprs: Sequence[Expr]) -> Node:
        """A sum; the error as the notation signs it: a − y, or −(y − a)."""
        if (
            self.notation.error_sign == "target-output"
            and len(exprs) == 2
            and isinstance(exprs[1], Neg)
            and self._is_target(exprs[1])
            and not self._is_target(exprs[0])
            and any(isinstance(one, Sym) for one in walk(exprs[0]))  # 1 − y is no error
        ):
            return minus(plus(minus(terms[1]), minus(terms[0])))
        return plus(*terms)

    def _divisor(self, numerator: Expr, denominator: Expr, of: Callable[[Expr], Node]) -> Node:
        """What is divided by; K by its name, in a mean over members."""
        meant = isinstance(numerator, Sum) and "member" in numerator.over
        share = isinstance(numerator, Sym) and numerator.name == WEIGHT
        count = Num(float(self.names.graph.members))
        return Quantity("K") if (meant or share) and denominator == count else of(denominator)

    def power(self, base: Node, exponent: Node) -> Node:
        if isinstance(base, Minus) and exponent == Number(2.0):
            base = base.body  # (−x)² = x²
        return Raise(base, exponent)

    def over(self, top: Node, bottom: Node) -> Node:
        if bottom == Number(1.0):
            return top
        return minus(Over(top.body, bottom)) if isinstance(top, Minus) else Over(top, bottom)

    @contextmanager
    def letter(self) -> Iterator[str]:
        """A letter for an index of a sum that nothing around it uses."""
        choices = (*self.letters[::-1], *SPARE_LETTERS)
        name = next(one for one in choices if one not in self.used)
        self.used.append(name)
        yield name
        self.used.pop()

    def _sum(self, size: int, build: Callable[[Index], Node]) -> Node:
        """Σ over units: written out at the scalar level, else with a letter."""
        if self.expand:
            return plus(*(build(place) for place in range(1, size + 1)))
        with self.letter() as name:
            return Total(name, size, build(Var(name)), Number(float(size)))

    # -- whole vectors and matrices ---------------------------------------------------------------
    def whole(self, expr: Expr) -> Node:
        """Write an expression as vectors and matrices."""
        of = self.whole
        match expr:
            case Sym(name):
                node = self.quantity(expr)
                return Turn(node) if self.names.transposed(name) else node
            case Num(number):
                return minus(Number(-number)) if number < 0 else Number(number)
            case Add((MatMul(Sym(weight), x), Sym(bias))) if (
                self.names.column(weight) and self.names.biases[weight] == bias
            ):  # W a + b is Θ times a with the constant 1 below it
                return Times((Quantity(weight + FULL), Stack((of(x), Number(1.0)))), "matrix")
            case Add(terms):
                return self.sum_of([of(term) for term in terms], terms)
            case Neg(body):
                return minus(of(body))
            case Hadamard(left, Add(terms)) if left.shape and any(map(_is_computed_number, terms)):
                # a ⊙ (Δ − aᵀΔ) is a ⊙ Δ − (aᵀΔ) a: no number is taken from a vector
                return plus(*(times(of(left), of(term)) for term in terms))
            case Hadamard(left, right):
                return times(of(left), of(right))
            case Divide(numerator, denominator):
                return self.over(of(numerator), self._divisor(numerator, denominator, of))
            case Power(base, exponent):
                return self.power(of(base), of(exponent))
            case Apply():
                return self._apply(expr, None)
            case MatMul(left, right):
                return _product(of(left), of(right))
            case Transpose(body):
                return _turn(of(body))
            case Outer(left, right):
                return _product(of(left), _turn(of(right)))
            case Sum(over, body) if "sample" in over:
                inner = Sum(tuple(a for a in over if a != "sample"), body)
                return self.over_samples(inner if inner.over else body, None)
            case Sum(over, body) if "member" in over:
                return self.over_members(of(body))
            case Sum(_, Power(base, Num(2.0))):
                inside = of(base)
                return Square(inside.body if isinstance(inside, Minus) else inside)
            case Sum(_, Hadamard(left, right)) if left == right:
                return Square(of(left))
            case Sum():
                return self.entry(expr, ())
            case Concat(parts):
                return Stack(tuple(of(part) for part in parts))
            case Slice(body, start, stop):
                return Part(of(body), start + 1, stop)
            case OneHot(index, levels):
                return UnitVector(of(index), levels)
            case Cases(Less(left, right, or_equal), then, otherwise):
                return Piecewise(of(left), of(right), or_equal, of(then), of(otherwise))
        raise TypeError(f"{type(expr).__name__} is not written as a whole")

    # -- entries ----------------------------------------------------------------------------------
    def entry(self, expr: Expr, idx: tuple[Index, ...]) -> Node:
        """Write one entry of an expression; ``idx`` in our order, from 1, numbers or letters."""

        def of(part: Expr) -> Node:
            return self.entry(part, idx if part.shape else ())

        match expr:
            case Sym():
                return self.quantity(expr, idx if expr.shape else ())
            case Num(number):
                return minus(Number(-number)) if number < 0 else Number(number)
            case Add(terms):
                return self.sum_of([of(term) for term in terms], terms)
            case Neg(body):
                return minus(of(body))
            case Hadamard(left, right):
                return times(of(left), of(right))
            case Divide(numerator, denominator):
                return self.over(of(numerator), self._divisor(numerator, denominator, of))
            case Power(base, exponent):
                return self.power(of(base), of(exponent))
            case Apply():
                return self._apply(expr, idx)
            case MatMul(Transpose(body), right) if len(body.shape) == 1:  # aᵀ b
                return self._sum(
                    body.shape[0],
                    lambda j: times(self.entry(body, (j,)), self.entry(right, (j,))),
                )
            case MatMul(left, right):
                return self._sum(
                    right.shape[0],
                    lambda j: times(self.entry(left, (*idx, j)), self._source(left, right, idx, j)),
                )
            case Transpose(body):
                return self.entry(body, idx[::-1] if len(body.shape) == 2 else idx[-1:])
            case Outer(left, right):
                return times(
                    self.entry(left, idx[:1]), self._connected(left, right, idx[0], idx[1])
                )
            case Sum(over, body) if "sample" in over:
                inner = Sum(tuple(a for a in over if a != "sample"), body)
                return self.over_samples(inner if inner.over else body, idx)
            case Sum(over, body) if "member" in over:
                return self.over_members(of(body))
            case Sum(_, body):
                return self._units(body, ())
            case Concat(parts):
                return self._stacked(parts, idx[0])
            case Slice(body, start, _):
                return self.entry(body, (_shift(idx[0], start),))
            case OneHot(index, _):
                return Chosen(self.entry(index, ()), idx[0])
            case Cases(Less(left, right, or_equal), then, otherwise):
                return Piecewise(of(left), of(right), or_equal, of(then), of(otherwise))
        raise TypeError(f"{type(expr).__name__} is not written entry by entry")

    def _units(self, body: Expr, known: tuple[Index, ...]) -> Node:
        """Σ over all entries of a vector or a matrix."""
        if len(known) == len(body.shape):
            return self.entry(body, known)
        if self.only:
            return self._units(body, (*known, self.only))
        return self._sum(body.shape[len(known)], lambda j: self._units(body, (*known, j)))

    def _source(self, left: Expr, right: Expr, idx: tuple[Index, ...], j: Index) -> Node:
        """The input of a connection in W a, under its own name where the notation has one."""
        node = self.entry(right, (j,))
        if self.notation.connection and isinstance(left, Sym) and isinstance(node, Quantity):
            return Quantity(node.sym, node.index, node.sampled, self.making, idx[0])
        return node

    def _connected(self, left: Expr, right: Expr, target: Index, source: Index) -> Node:
        """The input of a connection in δ aᵀ."""
        node = self.entry(right, (source,))
        if self.notation.connection and isinstance(left, Sym) and isinstance(node, Quantity):
            return Quantity(node.sym, node.index, node.sampled, left.name[5:], target)
        return node

    def _stacked(self, parts: Sequence[Expr], place: Index) -> Node:
        """An entry of stacked vectors: that of the part it lies in."""
        size = parts[0].shape[0]
        if isinstance(place, int):
            return (
                self.entry(parts[0], (place,))
                if place <= size
                else self._stacked(parts[1:], place - size)
            )
        first = self.entry(parts[0], (place,))
        if len(parts) == 1:
            return first
        rest = self._stacked(parts[1:], _shift(place, -size))
        return Piecewise(Place(place), Number(float(size)), True, first, rest)

    # -- functions --------------------------------------------------------------------------------
    def _apply(self, expr: Apply, idx: tuple[Index, ...] | None) -> Node:
        row, attrs = expr.function, dict(expr.attrs)
        if isinstance(row, Cost):
            return self._at(row.definition(expr.args[0], expr.args[1], attrs), idx)
        if isinstance(row, Function):
            state = row.definition if expr.form == "value" else row.slope
            textbook = state(expr.args[0], attrs)
            if textbook == expr.args[0] or isinstance(textbook, Num):  # identity
                return self._at(textbook, idx if textbook.shape else (None if idx is None else ()))
            name = self.functions.get(kind_of(expr), row.name)
            arg = self._at(expr.args[0], idx)
            meaning = self._at(textbook, idx)
            return Call(name, (arg,), expr.form == "derivative", (), meaning)
        if isinstance(row, Activation):
            textbook = row.definition(expr.args[0], attrs)
            whole = self.whole(expr.args[0])
            meaning = self._at(textbook, idx)
            name = self.functions.get(kind_of(expr), row.name)
            return Call(name, (whole,), False, idx or (), meaning)
        return Call(row.name, tuple(self._at(arg, idx if arg.shape else ()) if idx is not None
                                    else self.whole(arg) for arg in expr.args))  # fmt: skip


def _is_computed_number(expr: Expr) -> bool:
    """Whether it is one number for all entries that a step computes, no formula's own 1."""
    return not expr.shape and any(isinstance(node, Sym) for node in walk(expr))


def _product(left: Node, right: Node) -> Node:
    factors: list[Node] = []
    for node in (left, right):
        factors.extend(
            node.factors if isinstance(node, Times) and node.kind == "matrix" else (node,)
        )
    return Times(tuple(factors), "matrix")


def _turn(node: Node) -> Node:
    return node.body if isinstance(node, Turn) else Turn(node)


def _shift(place: Index, by: int) -> Index:
    return place + by if isinstance(place, int) else Var(place.name, place.offset + by)
