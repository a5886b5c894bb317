"""A derivation as Unicode text for a terminal: aligned, folded, coloured."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from clearprop.derivation.derived import Derived
from clearprop.derivation.pages.heading import (
    WIDTH,
    endless,
    failure,
    header,
    marked,
    ranges,
    section_title,
    shape_text,
    uses_text,
    wrapped,
)
from clearprop.derivation.pages.notes import notes_of
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.printers.printing import ELIDE, elided
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.expressions import Array
from clearprop.words import number, width

BOLD, FAINT, BLUE, YELLOW, RED = "\033[1m", "\033[2m", "\033[36m", "\033[33m", "\033[1;31m"
PLAIN = "\033[0m"


def text_page(derived: Derived, color: bool, columns: int = WIDTH) -> str:
    """Return the derivation as Unicode text, folded at so many columns."""
    return "\n".join(_Text(derived, color, columns).lines()) + "\n"


class _Text:
    def __init__(self, derived: Derived, color: bool, columns: int) -> None:
        self.derived, self.color, self.columns = derived, color, columns
        self.printer = derived.printer(TEXT)
        self.numbers = {step.id: step.number for step in derived.steps}

    def lines(self) -> Iterator[str]:
        if wrong := failure(self.derived):
            yield from self.prose(wrong, RED)
            yield ""
        yield from self.prose(self.derived.title, BOLD)
        for line in header(self.derived):
            yield from self.prose(line, FAINT)
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

    def prose(self, text: str, how: str, indent: int = 0) -> Iterator[str]:
        for line in wrapped(text, self.columns - indent):
            yield " " * indent + self.paint(how, line)

    def step(self, step: DerivedStep) -> Iterator[str]:
        language = self.derived.language
        named = self.derived.speak(step.title)
        title = f"{f'({step.number})':>5} {self.paint(BOLD, named)}"
        uses = [self.numbers[u] for u in step.uses]
        parts = [uses_text(self.derived, uses) if uses else "", shape_text(self.derived, step)]
        tail = " · ".join(filter(None, parts))
        why = self.derived.speak(step.why)
        if step.layer is not None:  # an instance: its reason is a reference, as short as the others
            comma = "，" if language == "zh" else ", "
            why, tail = "", comma.join(filter(None, (why, tail)))
        room = self.columns - 8 - width(named)
        if tail and width(tail) <= room:
            title, tail = f"{title}  {self.paint(FAINT, tail)}", ""
        yield title
        if tail:
            yield from self.prose(tail, FAINT, 6)
        if why:
            yield from self.prose(why, FAINT, 6)
        for equation in step.equations:
            yield from self.equation(equation)
        for said in notes_of(self.derived, step, self.printer.render):
            yield from self.prose(said, FAINT, 8)
        if step.marked:
            yield from self.marked(step)

    def marked(self, step: DerivedStep) -> Iterator[str]:
        """What the source prints, the right form below it, sign under sign, and what differs."""
        lines = list(marked(self.derived, step, self.printer))
        most = max(width(words) for words, equation in lines if equation)
        for words, equation in lines:
            if not equation:
                yield from self.prose(words, YELLOW, 10)
                continue
            start = f"        {' ' * (most - width(words))}{words}"
            if width(start + equation) <= self.columns:
                yield self.paint(YELLOW, start) + equation
                continue
            left, *members = equation.split(" = ")
            for place, member in enumerate(members):
                head = left if place == 0 else " " * width(left)
                for piece in folded(member, self.columns - width(start + head) - 3):
                    sign = "=" if piece is member or member.startswith(piece) else " "
                    yield f"{self.paint(YELLOW, start)}{head} {sign} {piece}"
                    start, head = " " * width(start), " " * width(head)

    def equation(self, equation: Equation) -> Iterator[str]:
        for node, found in self.derived.before(equation):
            yield from self.given(self.printer.render(node), found)
        left = self.printer.render(equation.left)
        indent = " " * 8 + " " * width(left)
        for place, member in enumerate(equation.members):
            start = f"        {self.paint(BLUE, left)}" if place == 0 else indent
            sign = equation.relation if place == 0 else "="
            yield from self.folded(start, indent, sign, self.printer.render(member))
        if said := ranges(self.derived, equation, self.printer.render):
            yield f"{indent}   {self.paint(FAINT, said)}"
        yield from self.values(equation, indent)

    def given(self, name: str, found: Array) -> Iterator[str]:
        """What an update starts from: a name and its number, in the middle of which it stands."""
        head = f"        {self.paint(BLUE, name)} = "
        if not found.ndim:
            yield f"{head}{self.printer.array(found)}"
            return
        blank = " " * (11 + width(name))
        shown = list(block(found, blank, self.printer.digits, self.columns))
        for place, line in enumerate(shown):
            yield head + line[len(blank) :] if place == (len(shown) - 1) // 2 else line

    def folded(self, start: str, indent: str, sign: str, text: str) -> Iterator[str]:
        for piece in folded(text, self.columns - width(indent) - 3):
            yield f"{start} {sign} {piece}"
            start, sign = indent, " "

    def values(self, equation: Equation, indent: str) -> Iterator[str]:
        found = self.derived.shown(equation)
        if found is None:
            return
        shown = self.derived.substituted(equation)
        if shown is not None and found.ndim == 0:
            yield from self.folded(indent, indent, "=", self.printer.render(shown))
        if found.ndim == 0:
            yield f"{indent} = {self.printer.array(found)}"
        else:
            yield from block(found, f"{indent} = ", self.printer.digits, self.columns)
        if not np.isfinite(found).all():
            for line in wrapped(endless(self.derived, equation), self.columns - width(indent) - 3):
                yield f"{indent}   {self.paint(YELLOW, line)}"


def block(array: Array, indent: str, digits: int, columns: int = WIDTH) -> Iterator[str]:
    """Yield a column or a matrix as lines with tall brackets, numbers aligned.

    As many of its columns as the page has room for, up to `ELIDE`; the least is 1 … n.
    """
    for across in range(ELIDE, LEAST - 1, -1):
        cells = elided(array, lambda x: number(x, digits).replace("-", "−"), across=across)
        widths = [max(width(row[c]) for row in cells) for c in range(len(cells[0]))]
        if width(indent) + sum(widths) + 2 * len(widths) + 2 <= columns:
            break
    left, right = ("⎡", "⎢", "⎣"), ("⎤", "⎥", "⎦")
    for i, row in enumerate(cells):
        side = 0 if i == 0 else 2 if i == len(cells) - 1 else 1
        body = "  ".join(
            " " * (w - width(cell)) + cell for cell, w in zip(row, widths, strict=True)
        )
        brackets = ("[", "]") if len(cells) == 1 else (left[side], right[side])
        start = indent if i == (len(cells) - 1) // 2 else " " * width(indent)
        yield f"{start}{brackets[0]} {body} {brackets[1]}"


def folded(text: str, room: int) -> Iterator[str]:
    """Break mathematics before a sign, as far outside all brackets as there is one.

    >>> list(folded("W11 · P1 + W21 · P2 + W31 · P3 + b2", 24))
    ['W11 · P1 + W21 · P2', '+ W31 · P3 + b2']
    >>> list(folded("{1.0507 · H1 if 0 < H1, else 1.7581 · (e^(H1) − 1)}", 40))
    ['{1.0507 · H1 if 0 < H1,', 'else 1.7581 · (e^(H1) − 1)}']
    """
    room = max(room, 24)
    least = 8
    while width(text[: AHEAD * room]) > room:
        depth, best = 0, (99.0, 0)
        for place, sign in enumerate(text[: room + 1]):
            depth += (sign in "([{") - (sign in ")]}")
            if place > least and sign in " ，":  # behind a Chinese comma there is no space
                row = text[place - 1] == ";"  # between the entries of a vector
                ahead = text[place : place + 3].removeprefix("，")
                loose = depth + (-0.1 if row else LOOSE.get(ahead, 0.7))
                if loose <= best[0]:
                    best = (loose, place + (sign != " "))
        if not best[1]:
            break
        yield text[: best[1]]
        text = text[best[1] :].removeprefix(" ")
        least = 2  # the rest of a product may stand alone
    yield text


LEAST = 3
"""Of a matrix too wide for the page, the first column, dots and the last stand."""
AHEAD = 3
"""No sign of mathematics has more letters than this: what is further on needs no measuring."""
LOOSE = {" + ": 0.0, " − ": 0.0, " - ": 0.0, " · ": 0.4, " ⊙ ": 0.4, " ⊘ ": 0.4}
LOOSE |= {" el": -0.2, "否则": -0.2}
"""How ill a line breaks before a sign: the other case and a sum well, a product worse."""
