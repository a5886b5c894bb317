"""A derivation as a LaTeX article of its own; in Chinese for XeLaTeX with ctex."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clearprop.derivation.derived import Derived
from clearprop.derivation.notations.glyphs import SUPERSCRIPTS
from clearprop.derivation.notations.notation import NOTATIONS
from clearprop.derivation.pages.breaking import FLAT, broken
from clearprop.derivation.pages.heading import (
    failure,
    header,
    lettered,
    marked,
    section_title,
    shape_text,
    uses_text,
    verified,
)
from clearprop.derivation.pages.notes import notes_of
from clearprop.derivation.printers.alphabets import HAN, OTHERS, clusters, latex_letter
from clearprop.derivation.printers.latex import LATEX, ROOM, extent
from clearprop.derivation.printers.printing import Printer
from clearprop.derivation.steps.equations import DerivedStep, Equation, runs
from clearprop.derivation.trees.tree import Node
from clearprop.derivation.wording.said import Said

ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "×": r"\ensuremath{\times}",
}  # fmt: skip


CLOSE = (
    r"\let\wideleft\left \let\wideright\right \delimiterfactor=800",
    r"\renewcommand\left{\mathopen{}\mathclose\bgroup\wideleft}",
    r"\renewcommand\right{\aftergroup\egroup\wideright}",
)
"""Brackets that grow stand as near as small ones, f(x), and grow around no index alone."""
WIDEST = 96
FOLDED = r"\begin{aligned}"
"""A formula that is wider still, its sums folded, is cut at any sign: it would leave the paper."""
WIDE = ("FreeSerif", "DejaVu Sans", "Noto Serif", "Noto Sans", "Arial Unicode MS", "Arial")
"""Fonts of many alphabets; the first that is there sets the letters that TeX's own have not."""
TITLES = frozenset(title for one in NOTATIONS.values() for title in (one.title, one.source))
"""The sources' titles in two languages."""


def latex_page(derived: Derived, verify: bool = False) -> str:
    """Return the derivation as a LaTeX article of its own; ``verify``: say how far it was.

    A name in Chinese, such as a column's, needs XeLaTeX and ctex in an English article too; one in
    other letters, such as Cyrillic, needs XeLaTeX and one of the fonts `WIDE`.
    """
    body = list(_body(derived, verify))
    han = any(map(HAN.search, body))
    others = any(map(OTHERS.search, body))
    page = "\n".join([*_preamble(derived, han, others), OTHERS.sub(_other, "\n".join(body))])
    return page + "\n"


def _other(found: re.Match[str]) -> str:
    """A sign that most fonts have not, and what stands for it where none has: its number."""
    return rf"\others{{{found[0]}}}{{{ord(found[0][0]):04X}}}"


def _preamble(derived: Derived, han: bool, others: bool) -> Iterator[str]:
    chinese = derived.language == "zh"
    own = r"\PassOptionsToPackage{no-math}{fontspec}"  # else \bar in \mathrm is another sign
    if chinese:
        yield own
    yield r"\documentclass[11pt]{" + ("ctexart" if chinese else "article") + "}"
    yield r"\usepackage{amsmath,amssymb}"
    if han and not chinese:
        yield own
        yield r"\usepackage[scheme=plain]{ctex} % for the Chinese names: compile with XeLaTeX"
    elif not chinese:
        yield r"\usepackage{iftex}"
        yield r"\ifPDFTeX\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}"
        yield r"\else\usepackage[no-math]{fontspec}\fi"
    yield r"\usepackage[margin=25mm]{geometry}"
    yield r"\allowdisplaybreaks \setcounter{MaxMatrixCols}{20} \pagestyle{plain}"
    yield r"\setlength\emergencystretch{4em} % names of columns are long words"
    yield from CLOSE
    if others:
        wide = r"\let\wide\relax"
        for font in reversed(WIDE):
            wide = rf"\IfFontExistsTF{{{font}}}{{\newfontfamily\wide{{{font}}}}}{{{wide}}}"
        yield f"{wide} % compile with XeLaTeX"
        yield (
            r"\newcommand\others[2]{\text{\wide"
            r'\iffontchar\font"#2\relax #1\else\normalfont[U+#2]\fi}}'
        )


def _body(derived: Derived, verify: bool) -> Iterator[str]:
    chinese = derived.language == "zh"
    printer, flat = derived.printer(LATEX), derived.printer(FLAT)
    yield r"\begin{document}"
    yield rf"\begin{{center}}\LARGE {_prose(derived.title)}\end{{center}}"
    if wrong := failure(derived):
        yield rf"\noindent\textbf{{{_prose(wrong)}}}\par"
    for line in header(derived):
        if written := line if chinese else _english(derived, line):
            yield rf"\noindent {_prose(written)}\par"
    for _, line in verified(derived) if verify else ():
        yield rf"\noindent {_prose(line)}\par"
    section = ""
    numbers = {step.id: step.number for step in derived.steps}

    def inline(node: Node) -> str:
        return rf"\ensuremath{{{printer.render(node)}}}"

    def prose(step: DerivedStep, said: Said) -> str:
        return lettered(derived, step, _prose(derived.speak(said)), inline)

    for step in derived.steps:
        if step.kind != section and (not derived.weight or not section):
            section = step.kind
            yield rf"\section*{{{_prose(section_title(derived, step))}}}"
        uses = [numbers[u] for u in step.uses]
        parts = [uses_text(derived, uses) if uses else "", shape_text(derived, step)]
        tail = "".join(rf" \ensuremath{{\cdot}}~{_prose(part)}" for part in parts if part)
        yield rf"\paragraph{{({step.number}) {prose(step, step.title)}}}"
        yield prose(step, step.why) + tail
        yield r"\begin{align*}"
        yield " \\\\\n".join(
            line
            for equation in step.equations
            for line in _aligned(derived, printer, flat, equation)
        )
        yield r"\end{align*}"
        yield from notes_of(derived, step, inline)
        if step.marked:
            lines: list[str] = []
            folding = marked(derived, step, flat)
            for (words, equation), (_, long) in zip(
                marked(derived, step, printer), folding, strict=True
            ):
                lines.append(_prose(words))
                if equation and extent(equation) + len(words) > ROOM:
                    lines[-1] = lines[-1].rstrip()
                    lines.append(rf"\ensuremath{{{long}}}")  # its brackets may be folded within
                elif equation:
                    lines[-1] += rf"\ensuremath{{{equation}}}"
            yield r"\textit{" + " \\newline\n".join(lines) + "}"
    yield r"\end{document}"


def _english(derived: Derived, line: str) -> str:
    """A line without the Chinese of the sources' titles, so that it needs no Chinese fonts.

    Of what stands between commas and spaces, a part with Chinese in it goes as a whole; a line of
    which only the text's number is left goes too.
    """
    for title in {derived.notation.title, derived.notation.source} & TITLES:
        line = line.replace(title, re.sub(rf"[^\s,]*(?:{HAN.pattern})[^\s,]*,? ?", "", title))
    return "" if re.fullmatch(r"S\d: (\d{4})?", line) else line


def _aligned(
    derived: Derived, printer: Printer, flat: Printer, equation: Equation
) -> Iterator[str]:
    for node, start in derived.before(equation):
        yield f"{printer.render(node)} &= {printer.array(start)}"
    sign = LATEX.relation(equation.relation).strip()
    left = left_side = printer.render(equation.left)
    last = ""
    for member in equation.members:
        if last:
            yield last
        written = printer.render(member)
        first, *more = _lines(written, flat.render(member))
        last = f"{left} &{sign} {first}"
        for line in more:
            yield last
            last = rf"&\quad {line}"
        left = ""
    where = r",\; ".join(map(printer.render, runs(equation, derived.names.letter)))
    if not where:
        yield last
    elif extent(last) + extent(where) <= ROOM:
        yield rf"{last} \qquad {where}"
    else:
        yield last
        yield rf"&\qquad {where}"
    found = derived.shown(equation)
    if found is None:
        return
    shown, result = derived.substituted(equation), printer.array(found)
    if shown is not None:
        middle = printer.render(shown)
        if extent(middle) + extent(result) <= ROOM - extent(left_side):
            result = f"{middle} = {result}"
        elif not found.ndim:  # columns side by side would be wider than the page
            first, *more = _lines(middle, flat.render(shown))
            yield f"&= {first}"
            yield from (rf"&\quad {line}" for line in more)
    yield f"&= {result}"


def _lines(written: str, flat: str) -> Iterator[str]:
    """A formula in one piece, or cut into lines: where it is too wide, or a bracket in it folded.

    A sum folded between brackets would look like a vector.
    """
    if extent(written) <= WIDEST and FOLDED not in written[1:]:
        yield written
    else:
        yield from broken(flat, ROOM)


def _prose(text: str) -> str:
    """Escape prose; mathematical signs outside equations become mathematics."""
    found = "".join(ESCAPES.get(sign, sign) for sign in text).replace("--", "-{}-")
    return "".join(map(_prose_sign, clusters(found)))


def _prose_sign(sign: str) -> str:
    if sign in PROSE:
        return rf"\ensuremath{{{PROSE[sign]}}}"
    if len(sign) == 1 and sign < "\u0180":  # Latin, accents included
        return sign
    written = latex_letter(sign)
    return sign if r"\text" in written else rf"\ensuremath{{{written}}}"


PROSE = {
    "δ": r"\delta", "Δ": r"\Delta", "∂": r"\partial", "⊕": r"\oplus", "⊙": r"\odot",
    "Θ": r"\Theta", "σ": r"\sigma", "λ": r"\lambda", "α": r"\alpha", "η": r"\eta",
    "⊘": r"\oslash", "κ": r"\kappa", "Σ": r"\Sigma", "′": r"{}^{\prime}", "·": r"\cdot", "−": "-",
    "⚠": r"\boxed{!}", "≤": r"\le", "½": r"\tfrac{1}{2}", "∞": r"\infty",
    "←": r"\leftarrow",
} | {
    chr(high): rf"{{}}^{{{chr(sign)}}}" for sign, high in SUPERSCRIPTS.items() if chr(sign) != "−"
} | {
    sub: rf"{{}}_{{{low}}}"
    for sub, low in zip(
        "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789+-()aijklmnoprstuvx", strict=True
    )
}  # fmt: skip
