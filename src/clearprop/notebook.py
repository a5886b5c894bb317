"""What a notebook shows of an object in place of its repr: escaped tables, and whole pages framed.

Proved by ``tests/test_notebook.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from numbers import Integral, Real

from clearprop.words import number

__all__ = ["framed", "headed", "table"]

MOST, ENDS = 20, 8
"""Rows that are shown all; of more, so many from the top and from the end."""
HIGHEST = 600
"""Pixels: a longer page is scrolled."""


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table: columns of numbers to the right, as people read them; other cells as texts.

    Parameters
    ----------
    names : sequence of str
        What stands above the columns; empty for none.
    rows : iterable of sequences
        A cell each; None and NaN are left empty.

    Examples
    --------
    >>> table(["column", "mean"], [["<b>", 0.25]]).count("&lt;b&gt;")
    1
    """
    every = list(rows)
    sides = [
        "right" if all(map(_is_number, cells)) else "left" for cells in zip(*every, strict=True)
    ]
    sides = sides or ["left" for _ in names]
    head = _row("th", names, sides) if names else ""
    if len(every) > MOST:
        dots = f'<tr><td colspan="{len(sides)}">⋮ {len(every) - 2 * ENDS} more</td></tr>'
        first, last = (
            "".join(_row("td", cells, sides) for cells in part)
            for part in (every[:ENDS], every[-ENDS:])
        )
        body = first + dots + last
    else:
        body = "".join(_row("td", cells, sides) for cells in every)
    above = f"<thead>{head}</thead>" if names else ""
    return f"<table>{above}<tbody>{body}</tbody></table>"


def headed(title: str, *parts: str) -> str:
    """Return pieces of a page below a title.

    Examples
    --------
    >>> headed("2 < 3", "<table></table>")
    '<div><strong>2 &lt; 3</strong><table></table></div>'
    """
    return f"<div><strong>{escape(title)}</strong>{''.join(parts)}</div>"


def framed(page: str, title: str) -> str:
    """Return a whole page in a frame of its own: no style of either reaches the other.

    Parameters
    ----------
    page : str
        An HTML page with a head.
    title : str
        What a screen reader says.

    Examples
    --------
    >>> framed("<html><head></head></html>", "a page").startswith('<iframe title="a page"')
    True
    """
    # the links of a page in a frame would lead to the notebook's address
    own = page.replace("<head>", '<head><base href="about:srcdoc">', 1)
    return (
        f'<iframe title="{escape(title)}" sandbox srcdoc="{escape(own)}" '
        f'style="width:100%;height:{HIGHEST}px;border:1px solid #98a2b3"></iframe>'
    )


def _row(tag: str, cells: Sequence[object], sides: Sequence[str]) -> str:
    told = (
        f'<{tag} style="text-align:{side};padding:.1em .6em">{_text(cell)}</{tag}>'
        for cell, side in zip(cells, sides, strict=True)
    )
    return f"<tr>{''.join(told)}</tr>"


def _is_number(value: object) -> bool:
    """Whether it may stand in a column of numbers: one that is missing too."""
    return value is None or (isinstance(value, Real) and not isinstance(value, bool))


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, Real) or isinstance(value, bool | Integral):
        return escape(str(value))
    return "" if math.isnan(value) else number(value)
