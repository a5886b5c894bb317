"""Formulas of LaTeX too wide for a page and too deep for boxes, cut into lines of their own.

What stands between ``\\left`` and ``\\right``, or below a bar, is one box: no line can end inside
it, no page either. `FLAT` writes brackets and quotients that can be cut anywhere, and `broken` cuts
before the loosest sign that a line has room for. HTML has `clearprop.derivation.pages.flowing` for
this. Proved by ``tests/test_derivation_expand.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from clearprop.derivation.printers.latex import LaTeX, extent

LOOSE = {
    " + ": 0.0,
    " - ": 0.0,
    r" \cdot ": 0.4,
    r" \odot ": 0.4,
    r" \oslash ": 0.4,
    r" \, ": 0.4,
    " / ": 0.6,
}
"""How ill a line breaks before a sign: a sum well, a product worse."""
OPENED = ("begin", "left")
BOX = re.compile(r"\\(begin|end|left|right)(?![A-Za-z])")
"""Where a box begins or ends: cases, or what stands between bars. No line can end inside it."""
LEAST = 8
"""No line is shorter than so many signs."""
LONG = 20
"""No sign takes more letters of LaTeX than this."""


class FlatLaTeX(LaTeX):
    """LaTeX mathematics in one line, to be cut at any of its signs."""

    flat_fractions = True

    def bracket(self, text: str) -> str:
        return f"({text})"

    def folded_sum(self, parts: Sequence[tuple[bool, str]]) -> str:
        return self.sum(parts)

    def over(self, top: str, bottom: str) -> str:
        return f"{top} / {bottom}"

    def call(self, name: str, prime: bool, args: str, below: Sequence[str]) -> str:
        if name in ("abs", "exp", "sqrt"):
            return super().call(name, prime, args, below)
        return self.call_matrix(name, prime, f"({args})", below)

    def stack(self, parts: Sequence[str]) -> str:
        return self.bracket(";\\ ".join(parts))


FLAT = FlatLaTeX()


def broken(text: str, room: int) -> Iterator[str]:
    """Cut what `FLAT` wrote into lines of at most so many signs.

    Parameters
    ----------
    text : str
    room : int

    Yields
    ------
    str
        A line; all but the first begin with the sign they were cut before.

    Examples
    --------
    >>> list(broken("W_{11} (P_{1} + P_{2}) + W_{21} (P_{1} + P_{2}) + b_{2}", 12))
    ['W_{11} (P_{1} + P_{2})', '{}+ W_{21} (P_{1} + P_{2})', '{}+ b_{2}']
    """
    start = 0
    while extent(text[start : start + LONG * room]) > room:
        depth = braces = 0
        best: tuple[float, int, str] | None = None
        for place in range(start, len(text)):
            sign = text[place]
            braces += (sign == "{") - (sign == "}")
            if edge := BOX.match(text, place):
                braces += 1 if edge[1] in OPENED else -1
            if braces:
                continue
            depth += (sign == "(") - (sign == ")")
            if sign != " ":
                continue
            if best is not None and extent(text[start:place]) > room:
                break
            found = next((one for one in LOOSE if text.startswith(one, place)), "")
            if found and extent(text[start:place]) >= LEAST:
                loose = depth + LOOSE[found]
                if best is None or loose <= best[0]:
                    best = (loose, place, found)
        if best is None:
            break
        yield _line(text[start : best[1]], start > 0)
        start = best[1] + 1
    yield _line(text[start:], start > 0)


def _line(text: str, cut: bool) -> str:
    """A line of its own; a sign at its head stays a sign between terms."""
    return f"{{}}{text}" if cut else text
