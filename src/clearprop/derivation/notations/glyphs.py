"""One letter on the page: what stands above it, below it and on it; as Unicode text, and back.

Proved by ``tests/test_notation.py``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Glyph", "Partial", "digits", "joined", "lowered", "plain", "raised"]

SUPERSCRIPTS = str.maketrans(
    "0123456789()+-−abcdefghijklmnoprstuvwxyzN", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁺⁻⁻ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴺ"
)
"""Of a layer's name too; q and most capitals have none."""
SUBSCRIPTS = str.maketrans("0123456789+-−()aijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₍₎ₐᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")

_HIGH = {high: sign for sign, high in SUPERSCRIPTS.items()}
_RAISED = "".join(map(chr, _HIGH))
_LOW = {low: sign for sign, low in SUBSCRIPTS.items() if chr(sign).isdigit()}
_NAMED = re.compile(r"\^(?:\{\(?|\()([^\W\d]\w*)(?:\)?\}|\))")
"""A layer's name above a letter, in brackets of any kind."""


@dataclass(frozen=True)
class Glyph:
    """How one letter stands on the page: above it, below it, and what is on it."""

    base: str
    above: str = ""
    below: tuple[str, ...] = ()
    prime: bool = False
    bar: bool = False
    flat: bool = False

    def text(self) -> str:
        """Return it as one line of Unicode text."""
        base = self.base + ("\u0304" if self.bar else "") + ("′" if self.prime else "")
        flat = self.flat and all(part.isdigit() for part in self.below)
        return base + raised(self.above) + (joined(self.below) if flat else lowered(self.below))


@dataclass(frozen=True)
class Partial:
    """A quantity that is written as a derivative, ∂top/∂bottom."""

    top: Glyph
    bottom: Glyph

    def text(self) -> str:
        """Return it as one line of Unicode text."""
        return f"∂{self.top.text()}/∂{self.bottom.text()}"


def raised(text: str) -> str:
    """Return the text in Unicode superscripts, ``^(…)`` where a letter has none.

    >>> raised("(2)"), raised("head"), raised("(hidden_2)"), raised("K")
    ('⁽²⁾', 'ʰᵉᵃᵈ', '^(hidden_2)', '^K')
    """
    high = text.translate(SUPERSCRIPTS)
    return high if _changed(text, high) else f"^{_held(text)}"


def lowered(parts: Sequence[str]) -> str:
    """Return indices in Unicode subscripts, ``_(…)`` where a letter has none.

    >>> lowered(("1", "3")), lowered(("1", "12")), lowered(("q",)), lowered(("s", "κ"))
    ('₁₃', '₁,₁₂', '_q', '_(sκ)')
    """
    if not parts:
        return ""
    low = [part.translate(SUBSCRIPTS) for part in parts]
    if not all(_changed(part, one) for part, one in zip(parts, low, strict=True)):
        return f"_{_held(joined(parts))}"
    return ("," if any(len(part) > 1 for part in parts) else "").join(low)


def joined(parts: Sequence[str]) -> str:
    """Return indices side by side, with commas where one has several signs."""
    return ("," if any(len(part) > 1 for part in parts) and len(parts) > 1 else "").join(parts)


def _held(text: str) -> str:
    """Return a script that is written behind a mark: held together, where it is more than one."""
    return text if len(text) == 1 or text.startswith("(") else f"({text})"


def _changed(text: str, converted: str) -> bool:
    return all(a != b for a, b in zip(text, converted, strict=True))


def plain(text: str) -> str:
    """Return a name with its scripts written ``^(1)``, ``^(head)`` and ``_12``, for comparing.

    >>> plain("W⁽¹⁾₁₂"), plain("V'_{12}"), plain("Θʰᵉᵃᵈ₁"), plain("Θ^{head}_1")
    ('W^(1)_12', 'V′_12', 'Θ^(head)_1', 'Θ^(head)_1')
    """
    text = re.sub(f"[{_RAISED}]+", lambda m: f"^{{{m[0].translate(_HIGH)}}}", text)
    text = re.sub("[₀-₉]+(?:,[₀-₉]+)*", lambda m: "_" + m[0].translate(_LOW), text)
    text = _NAMED.sub(r"^(\1)", text)
    return re.sub(r"[{}]", "", text).replace("'", "′")


def digits(text: str, count: int) -> tuple[int, ...] | None:
    """Read ``count`` indices: with commas, or a digit each; None if there are not so many.

    >>> digits("13", 2), digits("1,12", 2), digits("13", 1), digits("1", 2)
    ((1, 3), (1, 12), (13,), None)
    """
    if not re.fullmatch(r"\d+(,\d+)*", text) or not count:
        return None
    parts = text.split(",") if "," in text or count == 1 else list(text)
    return tuple(map(int, parts)) if len(parts) == count else None
