"""One walk over written trees, three pages: Unicode text, LaTeX, MathML.

`render` walks a tree and knows where brackets go; a `Layout` says how each piece looks. Neither
knows a formula, and LaTeX is written here and nowhere else. Proved by
``tests/test_derivation_printing.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from clearprop.derivation.names import Glyph, Names, Partial, joined, lowered, raised
from clearprop.derivation.tree import (
    MEMBER,
    SAMPLE,
    Beside,
    Call,
    Chosen,
    Index,
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
    Var,
)
from clearprop.words import number

SUM, PRODUCT, SIGNED, POWER, ATOM = range(5)
"""How tightly a piece holds together; a looser one inside a tighter one gets brackets."""

ELIDE = 6
"""Matrices larger than this many rows or columns are printed with dots."""

LETTERS = {SAMPLE: "s", MEMBER: "κ"}


class Layout:
    """How the pieces of an equation look: Unicode text in one line. LaTeX and MathML override."""

    name = "text"

    def glyph(self, glyph: Glyph) -> str:
        return glyph.text()

    def partial(self, partial: Partial) -> str:
        return partial.text()

    def number(self, text: str) -> str:
        return text.replace("-", "−")

    def half(self) -> str:
        return "½"

    def letter(self, text: str) -> str:
        return text

    def bracket(self, text: str) -> str:
        return f"({text})"

    def sum(self, parts: Sequence[tuple[bool, str]]) -> str:
        first, *rest = parts
        text = f"−{first[1]}" if first[0] else first[1]
        return text + "".join(f" {'−' if negative else '+'} {part}" for negative, part in rest)

    def minus(self, text: str) -> str:
        return f"−{text}"

    def product(self, parts: Sequence[str], sign: str) -> str:
        return {"": " ", "·": " · ", "⊙": " ⊙ "}[sign].join(parts)

    def over(self, top: str, bottom: str) -> str:
        return f"{top}/{bottom}"

    #: Fractions stand on one line, so their parts need brackets.
    flat_fractions = True

    def power(self, base: str, exponent: str, whole: bool) -> str:
        return base + (raised(exponent) if exponent.isdigit() else f"^({exponent})")

    def turn(self, body: str) -> str:
        return f"{body}ᵀ"

    def call(self, name: str, prime: bool, args: str, below: Sequence[str]) -> str:
        if name == "abs":
            return f"|{args}|"
        if name == "exp":
            return f"e^({args})"
        if name == "sqrt":
            return f"√({args})"
        return f"{name}{'′' if prime else ''}({args}){lowered(below)}"

    def total(self, letter: str, upper: str, body: str) -> str:
        return f"Σ{lowered((letter,))}₌₁{raised(upper)} {body}"

    def cases(self, then: str, condition: str, otherwise: str) -> str:
        return f"{{{then} if {condition}, else {otherwise}}}"

    def compare(self, left: str, right: str, or_equal: bool) -> str:
        return f"{left} {'≤' if or_equal else '<'} {right}"

    def stack(self, parts: Sequence[str]) -> str:
        return f"({'; '.join(parts)})"

    def beside(self, left: str, right: str) -> str:
        return f"[{left} | {right}]"

    def part(self, body: str, first: int, last: int) -> str:
        return f"{body}[{first}…{last}]"

    def unit_vector(self, place: str) -> str:
        return f"1[{place}]"

    def chosen(self, place: str, index: str) -> str:
        return f"[{place} = {index}]"

    def square(self, body: str) -> str:
        return f"‖{body}‖²"

    def ratio(self, top: str, bottom: str) -> str:
        return f"∂{top}/∂{bottom}"

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        return "[" + "; ".join(" ".join(row) for row in rows) + "]"


GREEK = {
    "α": r"\alpha", "δ": r"\delta", "Δ": r"\Delta", "Θ": r"\Theta", "η": r"\eta", "κ": r"\kappa",
    "λ": r"\lambda", "σ": r"\sigma", "Ω": r"\Omega", "⊙": r"\odot", "θ": r"\theta",
}  # fmt: skip
NAMED = {
    "exp", "log", "sqrt", "abs", "tanh", "cosh",
}  # fmt: skip


class LaTeX(Layout):
    """LaTeX mathematics, for amsmath."""

    name = "latex"
    flat_fractions = False

    def glyph(self, glyph: Glyph) -> str:
        base = self.letter(glyph.base)
        if glyph.bar:
            base = rf"\bar{{{base}}}"
        below = joined(glyph.below).replace("−", "-")
        below = " ".join(GREEK.get(sign, sign) for sign in below) if "κ" in below else below
        above = glyph.above if not glyph.above.strip("()").isalpha() else rf"\text{{{glyph.above}}}"
        above = above.replace("_", r"\_")
        prime = r"\prime" if glyph.prime else ""
        high = " ".join(part for part in (prime, above) if part)
        return base + (f"^{{{high}}}" if high else "") + (f"_{{{below}}}" if below else "")

    def partial(self, partial: Partial) -> str:
        return self.ratio(self.glyph(partial.top), self.glyph(partial.bottom))

    def number(self, text: str) -> str:
        text = text.replace("∞", r"\infty").replace("NaN", r"\mathrm{NaN}")
        mantissa, e, exponent = text.partition("e")
        return rf"{mantissa} \cdot 10^{{{exponent}}}" if e else text

    def half(self) -> str:
        return r"\tfrac{1}{2}"

    def letter(self, text: str) -> str:
        if text in GREEK:
            return GREEK[text]
        return text if len(text) == 1 else rf"\mathrm{{{text}}}"

    def bracket(self, text: str) -> str:
        return rf"\left({text}\right)"

    def sum(self, parts: Sequence[tuple[bool, str]]) -> str:
        first, *rest = parts
        text = f"-{first[1]}" if first[0] else first[1]
        return text + "".join(f" {'-' if negative else '+'} {part}" for negative, part in rest)

    def minus(self, text: str) -> str:
        return f"-{text}"

    def product(self, parts: Sequence[str], sign: str) -> str:
        return {"": r" \, ", "·": r" \cdot ", "⊙": r" \odot "}[sign].join(parts)

    def over(self, top: str, bottom: str) -> str:
        return rf"\frac{{{top}}}{{{bottom}}}"

    def power(self, base: str, exponent: str, whole: bool) -> str:
        return f"{base}^{{{exponent}}}" if whole else f"{{{base}}}^{{{exponent}}}"

    def turn(self, body: str) -> str:
        return rf"{{{body}}}^{{\mathsf{{T}}}}"

    def call(self, name: str, prime: bool, args: str, below: Sequence[str]) -> str:
        if name == "abs":
            return rf"\left|{args}\right|"
        if name == "exp":
            return f"e^{{{args}}}"
        if name == "sqrt":
            return rf"\sqrt{{{args}}}"
        named = rf"\{name}" if name in NAMED else self._function(name)
        index = f"_{{{joined(below)}}}" if below else ""
        return rf"{named}{'^{' + chr(92) + 'prime}' if prime else ''}\left({args}\right){index}"

    def _function(self, name: str) -> str:
        escaped = name.replace("_", r"\_")
        return self.letter(name) if len(name) == 1 else rf"\operatorname{{{escaped}}}"

    def total(self, letter: str, upper: str, body: str) -> str:
        return rf"\sum_{{{self.letter(letter)}=1}}^{{{upper}}} {body}"

    def cases(self, then: str, condition: str, otherwise: str) -> str:
        return (
            rf"\begin{{cases}} {then} & \text{{if }} {condition} \\ {otherwise} & "
            rf"\text{{else}} \end{{cases}}"
        )

    def compare(self, left: str, right: str, or_equal: bool) -> str:
        return rf"{left} {chr(92) + 'le' if or_equal else '<'} {right}"

    def stack(self, parts: Sequence[str]) -> str:
        return r"\begin{pmatrix} " + r" \\ ".join(parts) + r" \end{pmatrix}"

    def beside(self, left: str, right: str) -> str:
        return rf"\begin{{bmatrix}} {left} & {right} \end{{bmatrix}}"

    def part(self, body: str, first: int, last: int) -> str:
        return rf"{{{body}}}_{{[{first} \ldots {last}]}}"

    def unit_vector(self, place: str) -> str:
        return rf"\mathbf{{1}}_{{{place}}}"

    def chosen(self, place: str, index: str) -> str:
        return rf"\left[{place} = {index}\right]"

    def square(self, body: str) -> str:
        return rf"\left\|{body}\right\|^{{2}}"

    def ratio(self, top: str, bottom: str) -> str:
        return rf"\frac{{\partial {top}}}{{\partial {bottom}}}"

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        dots = {"…": r"\cdots", "⋮": r"\vdots", "⋱": r"\ddots"}
        lines = [" & ".join(dots.get(cell, cell) for cell in row) for row in rows]
        return r"\begin{pmatrix} " + r" \\ ".join(lines) + r" \end{pmatrix}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _mo(sign: str, form: str = "") -> str:
    return f"<mo{f' form={chr(34)}{form}{chr(34)}' if form else ''}>{_escape(sign)}</mo>"


class MathML(Layout):
    """MathML Core, as browsers draw it."""

    name = "mathml"
    flat_fractions = False

    def glyph(self, glyph: Glyph) -> str:
        base = self.letter(glyph.base)
        if glyph.bar:
            base = f"<mover accent='true'>{base}<mo>¯</mo></mover>"
        high = _mo("′") if glyph.prime else ""
        high += self._script(glyph.above) if glyph.above else ""
        low = self._script(joined(glyph.below)) if glyph.below else ""
        if high and low:
            return f"<msubsup>{base}{_row(low)}{_row(high)}</msubsup>"
        if high:
            return f"<msup>{base}{_row(high)}</msup>"
        return f"<msub>{base}{_row(low)}</msub>" if low else base

    def _script(self, text: str) -> str:
        if text.strip("()").isalpha() and len(text.strip("()")) > 1:
            return f"<mtext>{_escape(text)}</mtext>"
        found = ""
        for sign in text:
            tag = "mn" if sign.isdigit() else "mi" if sign.isalpha() else "mo"
            stretch = " stretchy='false'" if tag == "mo" else ""
            found += f"<{tag}{stretch}>{_escape(sign)}</{tag}>"
        return found

    def partial(self, partial: Partial) -> str:
        return self.ratio(self.glyph(partial.top), self.glyph(partial.bottom))

    def number(self, text: str) -> str:
        mantissa, e, exponent = text.partition("e")
        if text.startswith("-"):
            return _row(_mo("−", "prefix"), self.number(text[1:]))
        if e:
            power = _row(_mo("−"), f"<mn>{exponent[1:]}</mn>") if exponent[0] == "-" else (
                f"<mn>{exponent}</mn>")  # fmt: skip
            return _row(f"<mn>{mantissa}</mn>", _mo("·"), f"<msup><mn>10</mn>{power}</msup>")
        return f"<mn>{text}</mn>"

    def half(self) -> str:
        return "<mfrac><mn>1</mn><mn>2</mn></mfrac>"

    def letter(self, text: str) -> str:
        return f"<mi>{_escape(text)}</mi>"

    def bracket(self, text: str) -> str:
        return _row(_mo("("), text, _mo(")"))

    def sum(self, parts: Sequence[tuple[bool, str]]) -> str:
        first, *rest = parts
        text = (_mo("−", "prefix") if first[0] else "") + first[1]
        return _row(
            text, *(_mo("−" if negative else "+", "infix") + part for negative, part in rest)
        )

    def minus(self, text: str) -> str:
        return _row(_mo("−", "prefix"), text)

    def product(self, parts: Sequence[str], sign: str) -> str:
        return _row({"": "<mspace width='0.17em'/>"}.get(sign, _mo(sign or " ")).join(parts))

    def over(self, top: str, bottom: str) -> str:
        return f"<mfrac>{_row(top)}{_row(bottom)}</mfrac>"

    def power(self, base: str, exponent: str, whole: bool) -> str:
        return f"<msup>{_row(base)}{_row(exponent)}</msup>"

    def turn(self, body: str) -> str:
        return f"<msup>{_row(body)}<mi mathvariant='normal'>T</mi></msup>"

    def call(self, name: str, prime: bool, args: str, below: Sequence[str]) -> str:
        if name == "abs":
            return _row(_mo("|"), args, _mo("|"))
        if name == "exp":
            return f"<msup><mi>e</mi>{_row(args)}</msup>"
        if name == "sqrt":
            return f"<msqrt>{args}</msqrt>"
        head = f"<mi>{_escape(name)}</mi>"
        if prime:
            head = f"<msup>{head}<mo>′</mo></msup>"
        tail = _row(_mo("("), args, _mo(")"))
        if below:
            tail = f"<msub>{tail}{_row(self._script(joined(below)))}</msub>"
        return _row(head, tail)

    def total(self, letter: str, upper: str, body: str) -> str:
        low = _row(self.letter(letter), _mo("="), "<mn>1</mn>")
        return _row(f"<munderover><mo>∑</mo>{low}{_row(upper)}</munderover>", body)

    def cases(self, then: str, condition: str, otherwise: str) -> str:
        return _row(
            _mo("{", "prefix"),
            f"<mtable columnalign='left left'><mtr><mtd>{then}</mtd><mtd>{condition}</mtd></mtr>"
            f"<mtr><mtd>{otherwise}</mtd><mtd></mtd></mtr></mtable>",
        )

    def compare(self, left: str, right: str, or_equal: bool) -> str:
        return _row(left, _mo("≤" if or_equal else "<"), right)

    def stack(self, parts: Sequence[str]) -> str:
        return self.matrix([[part] for part in parts])

    def beside(self, left: str, right: str) -> str:
        return _row(_mo("["), left, _mo("|"), right, _mo("]"))

    def part(self, body: str, first: int, last: int) -> str:
        span = f"<mo>[</mo><mn>{first}</mn><mo>…</mo><mn>{last}</mn><mo>]</mo>"
        return f"<msub>{_row(body)}{_row(span)}</msub>"

    def unit_vector(self, place: str) -> str:
        return f"<msub><mn>1</mn>{_row(place)}</msub>"

    def chosen(self, place: str, index: str) -> str:
        return _row(_mo("["), place, _mo("="), index, _mo("]"))

    def square(self, body: str) -> str:
        return f"<msup>{_row(_mo('‖'), body, _mo('‖'))}<mn>2</mn></msup>"

    def ratio(self, top: str, bottom: str) -> str:
        return f"<mfrac>{_row(_mo('∂'), top)}{_row(_mo('∂'), bottom)}</mfrac>"

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        cells = "".join(
            "<mtr>" + "".join(
                f"<mtd>{cell if cell.startswith('<') else f'<mo>{cell}</mo>'}</mtd>" for cell in row
            ) + "</mtr>"
            for row in rows
        )  # fmt: skip
        return _row(_mo("("), f"<mtable>{cells}</mtable>", _mo(")"))


TEXT, LATEX, MATHML = Layout(), LaTeX(), MathML()


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
                    via=node.via,
                )
                if isinstance(glyph, Glyph):
                    return draw.glyph(glyph), ATOM
                return draw.partial(glyph), POWER
            case Number(0.5):
                return draw.half(), ATOM
            case Number(x):
                return self._number(x), SUM if x < 0 else ATOM
            case Literal(array):
                return self.array(array), ATOM
            case Plus(terms):
                parts = [
                    (True, self._within(t.body, PRODUCT)) if isinstance(t, Minus)
                    else (True, self._number(-t.number))
                    if isinstance(t, Number) and t.number < 0
                    else (False, self._within(t, PRODUCT))
                    for t in terms
                ]  # fmt: skip
                return draw.sum(parts), SUM
            case Minus(body):
                return draw.minus(self._within(body, PRODUCT)), SUM
            case Times(factors, kind):
                return self._product(factors, kind), PRODUCT
            case Over(top, bottom):
                if draw.flat_fractions:
                    return draw.over(
                        self._within(top, PRODUCT), self._within(bottom, POWER)
                    ), PRODUCT
                return draw.over(show(top)[0], show(bottom)[0]), POWER
            case Raise(base, exponent):
                whole = isinstance(base, Number)
                return draw.power(self._within(base, ATOM), show(exponent)[0], whole), POWER
            case Turn(body):
                text, holds = show(body)
                scripted = isinstance(body, Quantity) and draw is not TEXT
                return draw.turn(draw.bracket(text) if scripted or holds < ATOM else text), POWER
            case Total(var, _, body, upper):
                letter = LETTERS.get(var, var)
                inner = self._within(body, PRODUCT)
                return draw.total(letter, show(upper)[0], inner), SUM
            case Call(name, args, prime, index):
                inner = ", ".join(show(arg)[0] for arg in args)
                below = [place.name if isinstance(place, Var) else str(place) for place in index]
                return draw.call(name, prime, inner, below), POWER if name == "exp" else ATOM
            case Piecewise(left, right, or_equal, then, otherwise):
                condition = draw.compare(show(left)[0], show(right)[0], or_equal)
                return draw.cases(show(then)[0], condition, show(otherwise)[0]), ATOM
            case Place(index):
                return self._index(index), ATOM
            case Stack(parts):
                return draw.stack([show(part)[0] for part in parts]), ATOM
            case Part(body, first, last):
                return draw.part(self._within(body, ATOM), first, last), ATOM
            case UnitVector(place):
                return draw.unit_vector(show(place)[0]), ATOM
            case Chosen(place, index):
                return draw.chosen(show(place)[0], self._index(index)), ATOM
            case Beside(left, column):
                zero = draw.number("0")
                return draw.beside(show(left)[0], zero if column is None else show(column)[0]), ATOM
            case Square(body):
                return draw.square(show(body)[0]), POWER
            case Ratio(top, bottom):
                return draw.ratio(show(top)[0], show(bottom)[0]), POWER
        raise TypeError(f"{type(node).__name__} is not printed")

    def _product(self, factors: Sequence[Node], kind: str) -> str:
        """A product; the sign between factors is the notation's, ⊙ between vectors."""
        parts = [self._within(f, PRODUCT if i == 0 and kind == "matrix" else SIGNED)
                 for i, f in enumerate(factors)]  # fmt: skip
        # a sum sign takes all that follows it: it may stand last without brackets
        if isinstance(factors[-1], Total):
            parts[-1] = self._print(factors[-1])[0]
        if kind == "matrix":
            return self.layout.product(parts, "")
        scalars = [self._scalar(factor) for factor in factors]
        numbers = sum(isinstance(factor, Number | Partial) for factor in factors)
        if all(scalars):
            dotted = self.names.notation.times or numbers > 1 or self._dotted(factors)
            return self.layout.product(parts, "·" if dotted else "")
        front = [part for part, scalar in zip(parts, scalars, strict=True) if scalar]
        back = [part for part, scalar in zip(parts, scalars, strict=True) if not scalar]
        return self.layout.product([*front, self.layout.product(back, "⊙")], "")

    def _dotted(self, factors: Sequence[Node]) -> bool:
        """Two derivatives side by side want a dot between them."""
        return sum(isinstance(factor, Ratio) for factor in factors) > 1

    def _scalar(self, node: Node) -> bool:
        """Whether a factor is one number, so that no ⊙ is wanted."""
        match node:
            case Number() | Square() | Total() | Ratio() | Chosen() | Place():
                return True
            case Quantity(sym, index):
                return bool(index) or self.names.rank(sym) == 0
            case Literal():
                return False
            case Call(args=args, index=index):
                return bool(index) or all(self._scalar(arg) for arg in args)
            case Stack() | Beside() | Turn() | Part() | UnitVector():
                return False
            case Times(factors, "matrix"):
                return isinstance(factors[0], Turn) and self._vector(factors[0].body)
        return all(self._scalar(child) for child in node.children())

    def _vector(self, node: Node) -> bool:
        return isinstance(node, Quantity) and not node.index and self.names.rank(node.sym) == 1


def elided(array: Any, write: Any, limit: int = ELIDE) -> list[list[str]]:
    """Return the cells of a column or a matrix, with dots past ``limit`` rows or columns.

    >>> elided(np.arange(9.0), str, 4)
    [['0.0'], ['1.0'], ['⋮'], ['8.0']]
    """
    table = array[:, None] if array.ndim == 1 else array
    rows = _kept(table.shape[0], limit)
    columns = _kept(table.shape[1], limit)
    return [
        [
            write(float(table[r, c])) if r is not None and c is not None
            else "⋱" if r is None and c is None
            else "⋮" if r is None else "…"
            for c in columns
        ]
        for r in rows
    ]  # fmt: skip


def _kept(size: int, limit: int) -> list[int | None]:
    if size <= limit:
        return list(range(size))
    return [*range(limit - 2), None, size - 1]
