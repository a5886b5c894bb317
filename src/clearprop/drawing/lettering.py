"""How much room a name takes in a drawing, whatever font the reader's machine has.

Proved by ``tests/test_derivation_pages.py``.
"""

from __future__ import annotations

import unicodedata

__all__ = ["breadth"]

LETTER, SCRIPT, WIDE = 9.0, 6.5, 13.0
"""A letter of the 13 pixels that names are set in, one above or below it, and a Chinese one."""


def breadth(name: str) -> float:
    """Return about how many pixels wide a name is, rather too many than too few.

    Examples
    --------
    >>> breadth("z⁽²⁾₁"), breadth("z⁽ʰᵉᵃᵈ⁾₁"), breadth("输出")
    (35.0, 54.5, 26.0)
    """
    return sum(map(_of_sign, name))


def _of_sign(sign: str) -> float:
    if unicodedata.combining(sign):
        return 0.0
    if unicodedata.east_asian_width(sign) in "WF":
        return WIDE
    scripted = unicodedata.decomposition(sign).startswith(("<super>", "<sub>"))
    return SCRIPT if scripted else LETTER
