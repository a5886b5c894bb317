"""Our own symbols taken apart: what role one has, of which layer, about which value or parameter.

Proved by ``tests/test_derivation_names.py``.
"""

from __future__ import annotations

import re
from functools import cache

from clearprop.derivation.notations.notation import SYMBOLS

__all__ = ["FULL", "base_of", "behind", "split"]

_ROLE = re.compile(r"(Delta|delta|alpha|[A-Za-z])(\d+|_\w+)?")
FULL = "+"
"""Behind a weight's symbol: with the constant's column (``"W1+"`` is [W1 | b1])."""


@cache
def split(sym: str) -> tuple[str, str]:
    """Return (role, label) of one of our symbols.

    >>> split("delta2"), split("W_out"), split("learning_rate")
    (('delta', '2'), ('W', '_out'), ('learning_rate', ''))
    """
    match = None if sym in SYMBOLS else _ROLE.fullmatch(base_of(sym))
    return (match[1], match[2] or "") if match else (sym, "")


def base_of(sym: str) -> str:
    """Return the parameter or value that a symbol is about: ``W1`` for ``dJ/dW1+``."""
    return sym.removeprefix("dJ/d").removesuffix(FULL)


def behind(role: str, label: str) -> str:
    """Return the value that a Δ or a δ is the derivative by.

    >>> behind("Delta", "2"), behind("delta", "_out")
    ('a2', 'z_out')
    """
    return ("a" if role == "Delta" else "z") + label
