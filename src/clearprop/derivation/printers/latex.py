"""The pieces of an equation as LaTeX mathematics, for amsmath."""

from __future__ import annotations

import re
from collections.abc import Sequence

from clearprop.derivation.notations.glyphs import Glyph, Partial, joined
from clearprop.derivation.printers.alphabets import latex_letter
from clearprop.derivation.printers.layouts import Layout

NAMED = {
    "exp", "log", "sqrt", "abs", "tanh", "cosh",
}  # fmt: skip


DOTS = r"\ldots"

ROOM = 68
"""Signs on a line; a longer sum goes on under itself."""


INNERMOST = re.compile(r"\\begin\{(\w+)\}((?:(?!\\begin|\\end).)*)\\end\{\1\}")


def extent(text: str) -> int:
    """Return about how many signs a formula is wide.

    >>> extent(r"\\frac{\\partial J}{\\partial W_{12}} + 1")
    8
    """
    plain = text
    while match := INNERMOST.search(plain):  # a matrix is as wide as its widest row
        widest = max(map(extent, match[2].split(r"\\")))
        plain = plain[: match.start()] + (widest + 3) * "x" + plain[match.end() :]
    plain = re.sub(r"\\(left|right|tfrac|frac|mathsf|operatorname|,)", "", plain)
    plain = re.sub(r"\\[A-Za-z]+", "x", plain)
    return len(re.sub(r"[\s{}^_&\\]", "", plain))


class LaTeX(Layout):
    """LaTeX mathematics, for amsmath."""

    name = "latex"
    flat_fractions = False

    def relation(self, sign: str) -> str:
        return {"←": r" \leftarrow "}.get(sign, f" {sign} ")

    def glyph(self, glyph: Glyph) -> str:
        base = self.letter(glyph.base)
        if glyph.bar:
            base = rf"\bar{{{base}}}"
        words = [len(part) > 1 and part.isascii() and part.isalpha() for part in glyph.below]
        below = joined(glyph.below).replace("−", "-")
        if words == [True]:  # "total" is a word, no product of letters
            below = rf"\mathrm{{{below}}}"
        if not below.isascii():
            signs = re.findall(r"\d+|.", below)  # 13 is one number
            below = " ".join(one if one.isdigit() else latex_letter(one) for one in signs)
        inner = glyph.above.strip("()")
        above = glyph.above.replace("−", "-")
        # a single letter is any layer's, or an index
        named = len(inner) > 1 and (inner.isalpha() or not above.isascii())
        if named:
            above = rf"\text{{{above}}}"
        elif not above.isascii():
            above = above.replace(inner, self.letter(inner))
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
        return r"2\pi" if text == "2π" else latex_letter(text)

    def bracket(self, text: str) -> str:
        return rf"\left({text}\right)"

    def sum(self, parts: Sequence[tuple[bool, str]]) -> str:
        first, *rest = parts
        text = f"-{first[1]}" if first[0] else first[1]
        return text + "".join(f" {'-' if negative else '+'} {part}" for negative, part in rest)

    def folded_sum(self, parts: Sequence[tuple[bool, str]]) -> str:
        lines: list[list[tuple[bool, str]]] = [[]]
        for part in parts:
            if lines[-1] and extent(self.sum([*lines[-1], part])) > ROOM:
                lines.append([])
            lines[-1].append(part)
        if len(lines) == 1:
            return self.sum(parts)
        signs = ["", *("{}-" if line[0][0] else "{}+" for line in lines[1:])]
        rows = [self.sum(lines[0])]
        for sign, line in zip(signs[1:], lines[1:], strict=True):
            rows.append(f"{sign} {self.sum([(False, line[0][1]), *line[1:]])}")
        body = r" \\ ".join(f"& {row}" for row in rows)
        return rf"\begin{{aligned}} {body} \end{{aligned}}"

    def minus(self, text: str) -> str:
        return f"-{text}"

    def product(self, parts: Sequence[str], sign: str) -> str:
        return {"": r" \, ", "·": r" \cdot ", "⊙": r" \odot ", "⊘": r" \oslash "}[sign].join(parts)

    def over(self, top: str, bottom: str) -> str:
        return rf"\frac{{{top}}}{{{bottom}}}"

    def power(self, base: str, exponent: str, whole: bool) -> str:
        return f"{base}^{{{exponent}}}" if whole else f"{{{base}}}^{{{exponent}}}"

    def turn(self, body: str) -> str:
        return rf"{{{body}}}^{{\mathsf{{T}}}}"

    def call(self, name: str, prime: bool, args: str, below: Sequence[str]) -> str:
        if name == "abs":
            return rf"\left|{args}\right|"
        if name == "exp" and not prime:
            return f"e^{{{args}}}"
        if name == "sqrt":
            return rf"\sqrt{{{args}}}"
        index = f"_{{{joined(below)}}}" if below else ""
        return rf"{self._function(name, prime)}\left({args}\right){index}"

    def call_matrix(self, name: str, prime: bool, matrix: str, below: Sequence[str]) -> str:
        if name in ("abs", "exp", "sqrt"):
            return self.call(name, prime, matrix, below)
        index = f"_{{{joined(below)}}}" if below else ""
        return self._function(name, prime) + matrix + index

    def _function(self, name: str, prime: bool) -> str:
        escaped = name.replace("_", r"\_")
        plain = self.letter(name) if len(name) == 1 else rf"\operatorname{{{escaped}}}"
        return (rf"\{name}" if name in NAMED else plain) + (r"^{\prime}" if prime else "")

    def total(self, letter: str, upper: str, body: str) -> str:
        return rf"\sum_{{{self.letter(letter)}=1}}^{{{upper}}} {body}"

    def cases(self, then: str, condition: str, otherwise: str) -> str:
        first, last = self.case_words
        return (
            rf"\begin{{cases}} {then} & \text{{{first} }} {condition} \\ {otherwise} & "
            rf"\text{{{last}}} \end{{cases}}"
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

    def run(self, letter: str, places: Sequence[str], dots: bool) -> str:
        return f"{self.letter(letter)} = {(', ' + DOTS + ', ' if dots else ', ').join(places)}"

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


LATEX = LaTeX()
