"""Long lines of MathML as pieces that a browser may wrap, for browsers break no formula.

A formula wider than a phone is cut where a reader would cut it: in front of the signs of its
loosest sum or product (between the factors of one without signs), and only where a piece is still
too wide inside that one's brackets. Each piece is a ``<math>`` of its own, so the page folds it at
whatever width it has. LaTeX folds sums by itself (`clearprop.derivation.printers.latex`): its lines
have one width, known when they are made.
Proved by ``tests/test_derivation_flowing.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

PIECE = 12.0
"""A piece is cut further when it is wider than so many em: what a phone has right of ``=``."""
NARROW = 16.0
"""Lines up to so many em, left side and sign included, fit a phone and are not cut."""

SPACED = frozenset("+−·⊙⊘=←≤<|∑")
"""Signs with air on both sides."""
BEFORE = frozenset("+−·⊙⊘=")
"""Signs in front of which a line may be cut."""


@dataclass
class Leaf:
    """A piece that is not cut."""

    row: list[Element]


@dataclass
class Group:
    """Pieces between which a line may end."""

    parts: list[Leaf | Group]


def width(markup: str) -> float:
    """Return about how wide a formula is, in em of its own size.

    Parameters
    ----------
    markup : str
        MathML, one element or several.

    Returns
    -------
    float

    Examples
    --------
    >>> width("<mn>12</mn>"), width("<mfrac><mn>1</mn><mn>234</mn></mfrac>")
    (1.0, 1.7)
    """
    return sum(map(_width, _read(markup)))


def flowing(markup: str) -> str:
    """Return a formula as HTML that may be folded in front of its signs.

    Parameters
    ----------
    markup : str
        MathML, one element or several.

    Returns
    -------
    str
        ``<math>`` pieces; a term that is cut itself is a ``<span>``, which goes to a line of its
        own before it is folded.

    Examples
    --------
    >>> flowing("<mn>1</mn>")
    '<math displaystyle="true"><mn>1</mn></math>'
    """
    return _html(_cut(_read(markup)))


def _html(part: Leaf | Group) -> str:
    if isinstance(part, Leaf):
        inner = "".join(ElementTree.tostring(piece, "unicode") for piece in part.row)
        return f'<math displaystyle="true">{inner}</math>'
    first, *rest = part.parts
    grouped = (f"<span>{text}</span>" if isinstance(one, Group) else text
               for one in rest for text in [_html(one)])  # fmt: skip
    return "<wbr/>".join([_html(first), *grouped])


def _read(markup: str) -> list[Element]:
    return list(ElementTree.fromstring(f"<math>{markup}</math>"))


def _text(part: Element) -> str:
    return part.text or "" if part.tag == "mo" else ""


def _width(part: Element) -> float:
    inner = [_width(child) for child in part]
    match part.tag:
        case "mn" | "mi" | "mtext":
            return sum(1.0 if ord(sign) > 0x2E80 else 0.5 for sign in part.text or "")
        case "mo":
            sign = part.text or ""
            if sign in SPACED:
                return 0.8 if part.get("form") == "prefix" else 1.3
            return 0.5
        case "mspace":
            return 0.17
        case "mfrac":
            return max(inner) + 0.2
        case "msub" | "msup":
            return inner[0] + 0.75 * inner[1]
        case "msubsup":
            return inner[0] + 0.75 * max(inner[1:])
        case "munderover":
            return max(inner[0], 0.75 * max(inner[1:]))
        case "mtable":
            columns: dict[int, float] = {}
            for row in part:
                for place, cell in enumerate(row):
                    columns[place] = max(columns.get(place, 0.0), _width(cell) + 0.8)
            return sum(columns.values())
        case "mover":
            return inner[0]
        case _:
            return sum(inner) + (0.9 if part.tag == "msqrt" else 0.0)


def _cut(row: list[Element]) -> Leaf | Group:
    """A row in terms: whole where it is narrow, else cut at its own signs, then inside."""
    if sum(map(_width, row)) <= PIECE:
        return Leaf(row)
    terms: list[list[Element]] = [[]]
    for part in row:
        if terms[-1] and _text(part) in BEFORE and part.get("form") != "prefix":
            part.set("form", "infix")  # at the head of a line it is a sign between terms still
            terms.append([])
        terms[-1].append(part)
    if len(terms) == 1:  # a product without signs: behind the room between its factors
        terms = [[]]
        for part in row:
            if terms[-1] and terms[-1][-1].tag == "mspace":
                terms.append([])
            terms[-1].append(part)
    if len(terms) > 1:
        return Group([_cut(term) for term in terms])
    widest = max(row, key=_width)
    if widest.tag != "mrow":
        return Leaf(row)
    place = row.index(widest)
    inner = _cut(list(widest))
    first = last = inner  # what stands around the inner part stays with its ends
    while isinstance(first, Group):
        first = first.parts[0]
    while isinstance(last, Group):
        last = last.parts[-1]
    first.row[:0] = row[:place]
    last.row += row[place + 1 :]
    return inner
