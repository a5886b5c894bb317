"""Whole derivations as Unicode text for a terminal and as a LaTeX article.

Equations are printed by `clearprop.derivation.printing`; here are sections, numbers, alignment.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import numpy as np

from clearprop.derivation.derived import Derived
from clearprop.derivation.printing import LATEX, TEXT, Printer, elided
from clearprop.derivation.steps import DerivedStep, Equation
from clearprop.expressions import Array
from clearprop.words import number

WIDTH = 96
BOLD, FAINT, BLUE, YELLOW, PLAIN = "\033[1m", "\033[2m", "\033[36m", "\033[33m", "\033[0m"


def width(text: str) -> int:
    """Return how many columns a text takes in a terminal: Chinese signs two, accents none.

    >>> width("第 1 层"), width("Θ̄")
    (7, 1)
    """
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def text_page(derived: Derived, color: bool) -> str:
    """Return the derivation as Unicode text."""
    return "\n".join(_Text(derived, color).lines()) + "\n"


class _Text:
    def __init__(self, derived: Derived, color: bool) -> None:
        self.derived, self.color = derived, color
        self.printer = derived.printer(TEXT)
        self.numbers = {step.id: step.number for step in derived.steps}

    def lines(self) -> Iterator[str]:
        yield self.paint(BOLD, self.derived.title)
        yield from (self.paint(FAINT, line) for line in header(self.derived))
        section = ""
        for step in self.derived.steps:
            if step.kind != section and (not self.derived.weight or not section):
                section = step.kind
                yield ""
                heading = section_title(self.derived, step)
                yield self.paint(BOLD, heading)
                yield self.paint(FAINT, "─" * width(heading))
            yield ""
            yield from self.step(step)

    def paint(self, how: str, text: str) -> str:
        return f"{how}{text}{PLAIN}" if self.color and text else text

    def step(self, step: DerivedStep) -> Iterator[str]:
        language = self.derived.language
        head = f"({step.number})"
        uses = [self.numbers[u] for u in step.uses]
        tail = f"  {self.paint(FAINT, uses_text(self.derived, uses))}" if uses else ""
        yield f"{head:>5} {self.paint(BOLD, step.title.speak(language))}{tail}"
        yield f"      {self.paint(FAINT, step.why.speak(language))}"
        for equation in step.equations:
            yield from self.equation(equation)
        if step.marked:
            marked = self.derived.say("marked", printed=step.marked)
            yield f"        {self.paint(YELLOW, marked)}"

    def equation(self, equation: Equation) -> Iterator[str]:
        left = self.printer.render(equation.left)
        indent = " " * 8 + " " * width(left)
        room = WIDTH - width(indent) - 3
        for place, member in enumerate(equation.members):
            start = f"        {self.paint(BLUE, left)}" if place == 0 else indent
            sign = equation.relation if place == 0 else "="
            for piece in _folded(self.printer.render(member), room):
                yield f"{start} {sign} {piece}"
                start, sign = indent, " "
        if equation.free:
            ranges = ", ".join(f"{letter} = 1…{size}" for letter, size in equation.free)
            yield f"{indent}   {self.paint(FAINT, self.derived.say('unit_range', ranges=ranges))}"
        yield from self.values(equation, indent)

    def values(self, equation: Equation, indent: str) -> Iterator[str]:
        found = self.derived.value(equation)
        if found is None:
            return
        shown = self.derived.substituted(equation)
        if shown is not None and found.ndim == 0:
            text = self.printer.render(shown)
            for place, piece in enumerate(_folded(text, WIDTH - width(indent) - 3)):
                yield f"{indent} {' ' if place else '='} {piece}"
        if found.ndim == 0:
            yield f"{indent} = {self.printer.array(found)}"
        else:
            yield from block(found, f"{indent} = ", self.printer.digits)
        if not np.isfinite(found).all():
            yield f"{indent}   {self.paint(YELLOW, self.derived.say('overflow'))}"


def header(derived: Derived) -> Iterator[str]:
    """Yield what stands under the title: notation, size, where the numbers come from."""
    notation = derived.notation.title or derived.notation.name
    count = derived.network.graph.size
    yield " · ".join(
        [derived.say("written", notation=notation), derived.say("parameters", count=f"{count:,}")]
    )
    if derived.notation.source:
        yield derived.notation.source
    if derived.seed is not None:
        yield derived.say("seeded", seed=derived.seed)
    if derived.numbers is not None and derived.numbers.m > 1:
        yield derived.say("first_sample", row=derived.row, m=derived.numbers.m)
    if derived.numbers is not None and derived.network.graph.members:
        yield derived.say("first_member", count=derived.network.graph.members)


def section_title(derived: Derived, step: DerivedStep) -> str:
    """Return the heading that a step stands under."""
    if derived.weight:
        return derived.say("section_weight", weight=derived.weight)
    return derived.say(f"section_{step.kind}")


def uses_text(derived: Derived, uses: list[int]) -> str:
    """Return "from (3), (4)"."""
    listed = ", ".join(derived.say("equation_list", number=n) for n in uses)
    return derived.say("uses", steps=listed)


def block(array: Array, indent: str, digits: int) -> Iterator[str]:
    """Yield a column or a matrix as lines with tall brackets, numbers aligned."""
    cells = elided(array, lambda x: number(x, digits).replace("-", "−"))
    widths = [max(width(row[c]) for row in cells) for c in range(len(cells[0]))]
    left, right = ("⎡", "⎢", "⎣"), ("⎤", "⎥", "⎦")
    for i, row in enumerate(cells):
        side = 0 if i == 0 else 2 if i == len(cells) - 1 else 1
        body = "  ".join(
            " " * (w - width(cell)) + cell for cell, w in zip(row, widths, strict=True)
        )
        brackets = ("[", "]") if len(cells) == 1 else (left[side], right[side])
        start = indent if i == (len(cells) - 1) // 2 else " " * width(indent)
        yield f"{start}{brackets[0]} {body} {brackets[1]}"


def _folded(text: str, room: int) -> Iterator[str]:
    """Break a long line before a sign, as far outside all brackets as there is one."""
    room = max(room, 24)
    while width(text) > room:
        depth, best = 0, (99.0, 0)
        for place, sign in enumerate(text[:room]):
            depth += (sign in "([{") - (sign in ")]}")
            if place > 8 and text[place : place + 3] in (" + ", " − ", " · "):
                loose = depth + (0.5 if text[place + 1] == "·" else 0.0)
                if loose <= best[0]:
                    best = (loose, place)
        if not best[1]:
            break
        yield text[: best[1]]
        text = "  " + text[best[1] + 1 :]
    yield text


# -- LaTeX ----------------------------------------------------------------------------------------
ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def latex_page(derived: Derived) -> str:
    """Return the derivation as a LaTeX article of its own."""
    return "\n".join(_latex_lines(derived)) + "\n"


def _latex_lines(derived: Derived) -> Iterator[str]:
    chinese = derived.language == "zh"
    printer = derived.printer(LATEX)
    yield r"\documentclass[11pt]{" + ("ctexart" if chinese else "article") + "}"
    yield r"\usepackage{amsmath,amssymb}"
    if not chinese:
        yield r"\usepackage{iftex}"
        yield r"\ifPDFTeX\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}"
        yield r"\else\usepackage{fontspec}\fi"
    yield r"\usepackage[margin=25mm]{geometry}"
    yield r"\allowdisplaybreaks \setcounter{MaxMatrixCols}{20}"
    yield rf"\title{{{_prose(derived.title)}}}" + r"\date{}\author{}"
    yield r"\begin{document}\maketitle"
    for line in header(derived):
        if chinese or all(ord(sign) < 0x2E80 for sign in line):
            yield rf"\noindent {_prose(line)}\par"
    section = ""
    numbers = {step.id: step.number for step in derived.steps}
    for step in derived.steps:
        if step.kind != section and (not derived.weight or not section):
            section = step.kind
            yield rf"\section*{{{_prose(section_title(derived, step))}}}"
        uses = [numbers[u] for u in step.uses]
        tail = f" ({_prose(uses_text(derived, uses))})" if uses else ""
        yield rf"\paragraph{{({step.number}) {_prose(step.title.speak(derived.language))}}}"
        yield _prose(step.why.speak(derived.language)) + tail
        yield r"\begin{align*}"
        yield " \\\\\n".join(
            line for equation in step.equations for line in _aligned(derived, printer, equation)
        )
        yield r"\end{align*}"
        if step.marked:
            yield r"\textit{" + _prose(derived.say("marked", printed=step.marked)) + "}"
    yield r"\end{document}"


def _aligned(derived: Derived, printer: Printer, equation: Equation) -> Iterator[str]:
    sign = "=" if equation.relation == "=" else r"\leftarrow"
    left = printer.render(equation.left)
    for member in equation.members:
        yield f"{left} &{sign} {printer.render(member)}"
        left = ""
    found = derived.value(equation)
    if found is not None:
        shown = derived.substituted(equation)
        middle = f"{printer.render(shown)} = " if shown is not None else ""
        yield f"&= {middle}{printer.array(found)}"


def _prose(text: str) -> str:
    """Escape prose; mathematical signs outside equations become mathematics."""
    found = "".join(ESCAPES.get(sign, sign) for sign in text)
    return "".join(_prose_sign(sign) for sign in found)


def _prose_sign(sign: str) -> str:
    if sign in PROSE:
        return rf"\ensuremath{{{PROSE[sign]}}}"
    return sign


PROSE = {
    "δ": r"\delta", "Δ": r"\Delta", "∂": r"\partial", "⊕": r"\oplus", "⊙": r"\odot",
    "Θ": r"\Theta", "σ": r"\sigma", "λ": r"\lambda", "α": r"\alpha", "η": r"\eta",
    "κ": r"\kappa", "Σ": r"\Sigma", "′": r"{}^{\prime}", "·": r"\cdot", "−": "-",
    "⚠": "!", "≤": r"\le", "²": "{}^{2}", "½": r"\tfrac{1}{2}", "←": r"\leftarrow",
} | {
    high: rf"{{}}^{{{low}}}" for high, low in zip("⁰¹³⁴⁵⁶⁷⁸⁹⁽⁾", "013456789()", strict=True)
} | {
    sub: rf"{{}}_{{{low}}}"
    for sub, low in zip("₀₁₂₃₄₅₆₇₈₉ᵢⱼₖ", "0123456789ijk", strict=True)
}  # fmt: skip
