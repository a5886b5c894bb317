"""One walk over written trees, whatever the page: Unicode text, LaTeX, MathML.

`Printer.render` walks a tree and knows where brackets go; a `Layout` says how each piece looks.
Neither knows a formula. Proved by ``tests/test_derivation_latex.py``, which reads it back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np

from clearprop.derivation.notations.glyphs import Glyph, Partial
from clearprop.derivation.notations.names import Names
from clearprop.derivation.printers.layouts import TEXT, Layout
from clearprop.derivation.trees import tree
from clearprop.derivation.trees.tree import MEMBER, SAMPLE, Index, Node, Number, Quantity, Var
from clearprop.words import number

SUM, PRODUCT, SIGNED, POWER, ATOM = range(5)
"""How tightly a piece holds together; a looser one inside a tighter one gets brackets."""

ELIDE = 6
"""Matrices larger than this many rows or columns are printed with dots."""

CIRCLE = {math.pi: "π", 2 * math.pi: "2π"}
"""Constants that have a letter."""

LETTERS = {SAMPLE: "s", MEMBER: "κ"}


class Printer:
    """Prints trees of one derivation.

    Parameters
    ----------
    names : Names
    layout : Layout
    digits : int
        Significant digits of numbers.
    """

    def __init__(self, names: Names, layout: Layout, digits: int = 4) -> None:
        self.names, self.layout, self.digits = names, layout, digits
        self.of_each = False  # within a sum over members: what each has is marked by its letter

    def render(self, node: Node) -> str:
        """Return the whole tree on the layout's page."""
        return self._print(node)[0]

    def array(self, array: Any) -> str:
        """Return a value: a number, a column, or a matrix, with dots past 6 × 6."""
        found = np.asarray(array)
        if found.ndim == 0:
            return self._number(float(found))
        return self.layout.matrix(elided(found, self._number))

    def _number(self, x: float) -> str:
        return self.layout.number(number(x, self.digits))

    def _exact(self, x: float) -> str:
        written = repr(int(x)) if abs(x) < 1e16 and x == round(x) else repr(x)
        mantissa, e, exponent = written.partition("e")
        return self.layout.number(f"{mantissa}e{int(exponent)}" if e else mantissa)

    def _within(self, node: Node, least: int) -> str:
        text, holds = self._print(node)
        return text if holds >= least else self.layout.bracket(text)

    def _index(self, index: Index) -> str:
        if isinstance(index, int):
            return self.layout.number(str(index))
        name = self.layout.letter(LETTERS.get(index.name, index.name))
        if not index.offset:
            return name
        shift = self.layout.number(str(abs(index.offset)))
        return self.layout.sum([(False, name), (index.offset < 0, shift)])

    def _print(self, node: Node) -> tuple[str, int]:
        show, draw = self._print, self.layout
        match node:
            case Quantity():
                glyph = self.names.glyph(
                    node.sym,
                    node.index if node.to is None else (*node.index, node.to),
                    sampled=node.sampled,
                    member=self.of_each and self.names.each(node.sym),
                    via=node.via,
                    layer=node.layer,
                )
                if isinstance(glyph, Glyph):
                    return draw.glyph(glyph), ATOM
                return draw.partial(glyph), POWER
            case tree.Letter(base, lower, prime=prime):
                flat = not self.names.notation.script
                return draw.glyph(Glyph(base, "", lower, prime, flat=flat)), ATOM
            case tree.Width(_, layer):
                return draw.glyph(self.names.width(layer)), ATOM
            case Number(0.5, False):
                return draw.half(), ATOM
            case Number(x, measured):
                if not measured and x in CIRCLE:
                    return draw.letter(CIRCLE[x]), ATOM
                return self._number(x) if measured else self._exact(x), SUM if x < 0 else ATOM
            case tree.Literal(array):
                return self.array(array), ATOM
            case tree.Plus(terms):
                parts = [
                    (True, self._within(t.body, PRODUCT)) if isinstance(t, tree.Minus)
                    else (True, show(Number(-t.number, t.measured))[0])
                    if isinstance(t, Number) and t.number < 0
                    else (False, self._within(t, PRODUCT))
                    for t in terms
                ]  # fmt: skip
                return draw.folded_sum(parts), SUM
            case tree.Minus(body):
                return draw.minus(self._within(body, PRODUCT)), SUM
            case tree.Times(factors, kind):
                return self._product(factors, kind), PRODUCT
            case tree.Over(top, bottom) if not self._scalar(bottom):
                sides = [self._within(top, PRODUCT), self._within(bottom, SIGNED)]
                return draw.product(sides, "⊘"), PRODUCT
            case tree.Over(top, bottom):
                if draw.flat_fractions:
                    return draw.over(
                        self._within(top, PRODUCT), self._within(bottom, POWER)
                    ), PRODUCT
                return draw.over(show(top)[0], show(bottom)[0]), POWER
            case tree.Raise(base, exponent):
                whole = isinstance(base, Number)
                return draw.power(self._within(base, ATOM), show(exponent)[0], whole), POWER
            case tree.Turn(body):
                text, holds = show(body)
                scripted = isinstance(body, Quantity) and draw.name != TEXT.name
                return draw.turn(draw.bracket(text) if scripted or holds < ATOM else text), POWER
            case tree.Total(var, _, body, upper):
                letter = LETTERS.get(var, var)
                summed = self._of_each() if var == MEMBER else self
                inner = summed._within(body, PRODUCT)
                return draw.total(letter, show(upper)[0], inner), SUM
            case tree.Call(name, args, prime, index):
                inner = ", ".join(show(arg)[0] for arg in args)
                below = [place.name if isinstance(place, Var) else str(place) for place in index]
                write = draw.call_matrix if isinstance(args[0], tree.Literal) else draw.call
                return write(name, prime, inner, below), POWER if name == "exp" else ATOM
            case tree.Piecewise(left, right, or_equal, then, otherwise):
                condition = draw.compare(show(left)[0], show(right)[0], or_equal)
                return draw.cases(show(then)[0], condition, show(otherwise)[0]), ATOM
            case tree.Place(index):
                return self._index(index), ATOM
            case tree.Stack(parts):
                return draw.stack([show(part)[0] for part in parts]), ATOM
            case tree.Part(body, first, last):
                return draw.part(self._within(body, ATOM), first, last), ATOM
            case tree.UnitVector(place):
                return draw.unit_vector(show(place)[0]), ATOM
            case tree.Chosen(place, index):
                from_0 = index - 1 if isinstance(index, int) else Var(index.name, index.offset - 1)
                return draw.chosen(show(place)[0], self._index(from_0)), ATOM
            case tree.Beside(left, column):
                zero = draw.number("0")
                return draw.beside(show(left)[0], zero if column is None else show(column)[0]), ATOM
            case tree.Run(letter, places, dots):
                return draw.run(letter, [show(one)[0] for one in places], dots), SUM
            case tree.Square(body):
                return draw.square(show(body)[0]), POWER
            case tree.Ratio(top, bottom):
                return draw.ratio(self._within(top, POWER), show(bottom)[0]), POWER
        raise TypeError(f"{type(node).__name__} is not printed")

    def _of_each(self) -> Printer:
        inner = copy(self)
        inner.of_each = True
        return inner

    def _product(self, factors: Sequence[Node], kind: str) -> str:
        """A product; the sign between factors is the notation's, ⊙ between vectors."""
        parts = [self._within(f, PRODUCT if i == 0 and kind == "matrix" else SIGNED)
                 for i, f in enumerate(factors)]  # fmt: skip
        # a sum sign takes all that follows it: it may stand last without brackets
        if isinstance(factors[-1], tree.Total):
            parts[-1] = self._print(factors[-1])[0]
        if kind == "matrix":
            return self.layout.product(parts, "")
        scalars = [self._scalar(factor) for factor in factors]
        numbers = sum(isinstance(factor, Number | Partial) for factor in factors)
        if all(scalars):
            later = any(isinstance(factor, Number) for factor in factors[1:])
            dotted = self.names.notation.times or numbers > 1 or later or self._dotted(factors)
            return self.layout.product(parts, "·" if dotted else "")
        front = [part for part, scalar in zip(parts, scalars, strict=True) if scalar]
        back = [part for part, scalar in zip(parts, scalars, strict=True) if not scalar]
        return self.layout.product([*front, self.layout.product(back, "⊙")], "")

    def _dotted(self, factors: Sequence[Node]) -> bool:
        """Two derivatives side by side want a dot between them."""
        return sum(isinstance(factor, tree.Ratio) for factor in factors) > 1

    def _scalar(self, node: Node) -> bool:
        """Whether a factor is one number, so that no ⊙ is wanted."""
        match node:
            case Number() | tree.Letter() | tree.Square() | tree.Ratio():
                return True
            case tree.Chosen() | tree.Place():
                return True
            case tree.Total(body=body):
                return self._scalar(body)
            case Quantity(sym, index):
                return bool(index) or self.names.rank(sym) == 0
            case tree.Literal():
                return False
            case tree.Call(args=args, index=index):
                return bool(index) or all(self._scalar(arg) for arg in args)
            case tree.Stack() | tree.Beside() | tree.Turn() | tree.Part() | tree.UnitVector():
                return False
            case tree.Times(factors, "matrix"):
                return isinstance(factors[0], tree.Turn) and self._vector(factors[0].body)
        return all(self._scalar(child) for child in node.children())

    def _vector(self, node: Node) -> bool:
        if isinstance(node, tree.Literal):
            return np.ndim(node.array) == 1
        return isinstance(node, Quantity) and not node.index and self.names.rank(node.sym) == 1


def elided(
    array: Any, write: Any, limit: int = ELIDE, across: int | None = None
) -> list[list[str]]:
    """Return the cells of a column or a matrix, with dots past ``limit`` rows or columns.

    ``across``: past so many columns, where that is another number.

    >>> elided(np.arange(9.0), str, 4)
    [['0.0'], ['1.0'], ['⋮'], ['8.0']]
    """
    table = array[:, None] if array.ndim == 1 else array
    rows = _kept(table.shape[0], limit)
    columns = _kept(table.shape[1], limit if across is None else across)
    return [
        [
            write(float(table[r, c])) if r is not None and c is not None
            else "⋱" if r is None and c is None
            else "⋮" if r is None else "…"
            for c in columns
        ]
        for r in rows
    ]  # fmt: skip


def in_sight(size: int) -> tuple[int, ...] | None:
    """Return places of a long axis that print as the whole axis does, from 0; None of a short one.

    They are the first and the last, one more than `ELIDE`, so that dots stand between them.

    >>> in_sight(6), in_sight(512)
    (None, (0, 1, 2, 3, 4, 5, 511))
    """
    return (*range(ELIDE), size - 1) if size > ELIDE else None


def _kept(size: int, limit: int) -> list[int | None]:
    if size <= limit:
        return list(range(size))
    return [*range(limit - 2), None, size - 1]
