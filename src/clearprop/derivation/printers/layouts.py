"""How the pieces of an equation look; here as Unicode text, elsewhere as LaTeX and MathML.

A layout knows no formula and no bracket's need: `clearprop.derivation.printers.printing` walks the
tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Self

from clearprop.derivation.notations.glyphs import Glyph, Partial, lowered, raised
from clearprop.derivation.wording.messages import MESSAGES
from clearprop.words import Language


class Layout:
    """How the pieces of an equation look: Unicode text in one line. LaTeX and MathML override."""

    name = "text"

    language: Language = "en"

    def spoken(self, language: Language) -> Self:
        """Return the same layout with its words in a language."""
        if language == self.language:
            return self
        other = copy(self)
        other.language = language
        return other

    @property
    def case_words(self) -> tuple[str, str]:
        """What stands before a condition, and where it does not hold."""
        return MESSAGES("case_if", self.language), MESSAGES("case_else", self.language)

    def relation(self, sign: str) -> str:
        return f" {sign} "

    def line(self, body: str) -> str:
        return body

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

    def folded_sum(self, parts: Sequence[tuple[bool, str]]) -> str:
        """A sum that may be wider than the page; text is folded when the page is made."""
        return self.sum(parts)

    def minus(self, text: str) -> str:
        return f"−{text}"

    def product(self, parts: Sequence[str], sign: str) -> str:
        return {"": " ", "·": " · ", "⊙": " ⊙ ", "⊘": " ⊘ "}[sign].join(parts)

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
        if name == "exp" and not prime:
            return f"e^({args})"
        if name == "sqrt":
            return f"√({args})"
        return f"{name}{'′' if prime else ''}({args}){lowered(below)}"

    def call_matrix(self, name: str, prime: bool, matrix: str, below: Sequence[str]) -> str:
        """A function of numbers that have brackets of their own."""
        return self.call(name, prime, matrix, below)

    def total(self, letter: str, upper: str, body: str) -> str:
        low = lowered((letter,))
        start = f"_({letter}=1)" if low.startswith("_") else f"{low}₌₁"
        return f"Σ{start}{raised(upper)} {body}"

    def cases(self, then: str, condition: str, otherwise: str) -> str:
        comma = "，" if self.language == "zh" else ", "
        first, last = self.case_words
        return f"{{{then} {first} {condition}{comma}{last} {otherwise}}}"

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

    def run(self, letter: str, places: Sequence[str], dots: bool) -> str:
        return f"{letter} = {('…' if dots else ', ').join(places)}"

    def chosen(self, place: str, index: str) -> str:
        return f"[{place} = {index}]"

    def square(self, body: str) -> str:
        return f"‖{body}‖²"

    def ratio(self, top: str, bottom: str) -> str:
        return f"∂{top}/∂{bottom}"

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        return "[" + "; ".join(" ".join(row) for row in rows) + "]"


TEXT = Layout()
