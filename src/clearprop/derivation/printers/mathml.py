"""The pieces of an equation as MathML Core, as browsers draw it."""

from __future__ import annotations

from collections.abc import Sequence

from clearprop.derivation.notations.glyphs import Glyph, Partial, joined
from clearprop.derivation.printers.layouts import Layout


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _mo(sign: str, form: str = "") -> str:
    return f"<mo{f' form={chr(34)}{form}{chr(34)}' if form else ''}>{_escape(sign)}</mo>"


TALL = ("mfrac", "mtable", "munderover", "msqrt")
"""What a bracket must grow around."""
TIGHT = " lspace='0' rspace='0'"
"""A sign in a script has no air around it: n+1 is one index."""
CLEAR = "0.78em"
"""How high a letter counts below its bar: a capital, and some air."""
LEFT = "<mtd style='text-align:left'>"


class MathML(Layout):
    """MathML Core, as browsers draw it."""

    name = "mathml"
    flat_fractions = False

    def relation(self, sign: str) -> str:
        return _mo(sign)

    def line(self, body: str) -> str:
        return _row(body)

    def glyph(self, glyph: Glyph) -> str:
        base = self.letter(glyph.base)
        if glyph.bar:
            base = f"<mpadded height='{CLEAR}'>{base}</mpadded>"  # else Θ and its bar touch
            base = f"<mover accent='true'>{base}<mo>¯</mo></mover>"
        high = _mo("′") if glyph.prime else ""
        high += self._script(glyph.above) if glyph.above else ""
        low = self._scripts(glyph.below) if glyph.below else ""
        if high and low:
            return f"<msubsup>{base}{_row(low)}{_row(high)}</msubsup>"
        if high:
            return f"<msup>{base}{_row(high)}</msup>"
        return f"<msub>{base}{_row(low)}</msub>" if low else base

    def _scripts(self, parts: Sequence[str]) -> str:
        """Indices side by side: each letter by itself, so that i j stand as i does."""
        comma = _mo(",") if joined(parts) != "".join(parts) else ""
        return comma.join(self._script(part) for part in parts)

    def _script(self, text: str) -> str:
        if text.strip("()").isalpha() and len(text.strip("()")) > 1:
            return f"<mtext>{_escape(text)}</mtext>"
        found = ""
        for sign in text:
            tag = "mn" if sign.isdigit() else "mi" if sign.isalpha() else "mo"
            how = "" if tag != "mo" else " stretchy='false'" if sign in "()" else TIGHT
            found += f"<{tag}{how}>{_escape(sign)}</{tag}>"
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
        if any(f"<{tall}" in text for tall in TALL):
            return _row(_mo("("), text, _mo(")"))
        return _row("<mo stretchy='false'>(</mo>", text, "<mo stretchy='false'>)</mo>")

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
        if name == "exp" and not prime:
            return f"<msup><mi>e</mi>{_row(args)}</msup>"
        if name == "sqrt":
            return f"<msqrt>{args}</msqrt>"
        head, tail = self._head(name, prime), self.bracket(args)
        if below:
            tail = f"<msub>{tail}{_row(self._scripts(below))}</msub>"
        return _row(head, tail)

    def call_matrix(self, name: str, prime: bool, matrix: str, below: Sequence[str]) -> str:
        if name in ("abs", "exp", "sqrt"):
            return self.call(name, prime, matrix, below)
        index = f"<msub>{matrix}{_row(self._scripts(below))}</msub>" if below else matrix
        return _row(self._head(name, prime), index)

    def _head(self, name: str, prime: bool) -> str:
        head = f"<mi>{_escape(name)}</mi>"
        return f"<msup>{head}<mo>′</mo></msup>" if prime else head

    def total(self, letter: str, upper: str, body: str) -> str:
        low = _row(self.letter(letter), f"<mo{TIGHT}>=</mo>", "<mn>1</mn>")
        return _row(f"<munderover><mo>∑</mo>{low}{_row(upper)}</munderover>", body)

    def cases(self, then: str, condition: str, otherwise: str) -> str:
        first, last = self.case_words
        return _row(
            _mo("{", "prefix"),
            f"<mtable><mtr>{LEFT}{then}</mtd>{LEFT}<mtext>{first}\u00a0</mtext>{condition}</mtd></mtr>"
            f"<mtr>{LEFT}{otherwise}</mtd>{LEFT}<mtext>{last}</mtext></mtd></mtr></mtable>",
        )

    def compare(self, left: str, right: str, or_equal: bool) -> str:
        return _row(left, _mo("≤" if or_equal else "<"), right)

    def stack(self, parts: Sequence[str]) -> str:
        return self.matrix([[part] for part in parts])

    def beside(self, left: str, right: str) -> str:
        return _row(_mo("["), left, _mo("|"), right, _mo("]"))

    def part(self, body: str, first: int, last: int) -> str:
        span = (
            f"<mo stretchy='false'>[</mo><mn>{first}</mn><mi>…</mi><mn>{last}</mn>"
            "<mo stretchy='false'>]</mo>"
        )
        return f"<msub>{_row(body)}{_row(span)}</msub>"

    def unit_vector(self, place: str) -> str:
        return f"<msub><mn>1</mn>{_row(place)}</msub>"

    def run(self, letter: str, places: Sequence[str], dots: bool) -> str:
        between = _mo(",") + (f"<mi>…</mi>{_mo(',')}" if dots else "")
        return _row(self.letter(letter), _mo("="), between.join(places))

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


MATHML = MathML()
