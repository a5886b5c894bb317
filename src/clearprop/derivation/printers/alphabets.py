"""A notation's letter as LaTeX writes it: Latin, Greek, accents, bold, script; Chinese as text.

Proved by ``tests/test_derivation_alphabets.py``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

__all__ = ["HAN", "OTHERS", "clusters", "latex_letter"]

HAN = re.compile("[\u2e80-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]+")
"""A run of Chinese signs, with the punctuation and the wide forms among them."""

OTHERS = re.compile(
    "[\u0180-\u02ff\u0370-\u1dbf\u1f00-\u1fff\u2600-\u27bf\u2c00-\u2dff\ua000-\uabff"
    "\U00010000-\U0001d3ff\U0001f000-\U0001fbff][\u0300-\u036f\u200c\u200d\ufe0f]*"
)
"""A sign that TeX's own fonts have not: Cyrillic, Hebrew, Thai, a Greek word, a picture."""

_SMALL = [
    "alpha", "beta", "gamma", "delta", "varepsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "o", "pi", "rho", "varsigma", "sigma", "tau", "upsilon",
    "varphi", "chi", "psi", "omega",
]  # fmt: skip
_CAPITALS = {
    "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma",
    "Υ": "Upsilon", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_VARIANTS = {"ϵ": "epsilon", "ϑ": "vartheta", "ϕ": "phi", "ϱ": "varrho", "ϖ": "varpi", "ℓ": "ell",
             "∂": "partial"}  # fmt: skip
_SIGNS = {
    sign: name if name == "o" else rf"\{name}"
    for sign, name in {
        **dict(zip(map(chr, range(ord("α"), ord("ω") + 1)), _SMALL, strict=True)),
        **_CAPITALS,
        **_VARIANTS,
    }.items()
}
_LIKE_LATIN = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧ", "ABEZHIKMNOPTX", strict=True))
"""Greek capitals that LaTeX has no command for: they look like the Latin ones."""
_ACCENTS = {
    "\u0300": "grave", "\u0301": "acute", "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar",
    "\u0306": "breve", "\u0307": "dot", "\u0308": "ddot", "\u030a": "mathring", "\u030c": "check",
    "\u20d7": "vec",
}  # fmt: skip
_STYLES = {
    "MATHEMATICAL BOLD ": "mathbf", "MATHEMATICAL SCRIPT ": "mathcal", "SCRIPT ": "mathcal",
    "MATHEMATICAL DOUBLE-STRUCK ": "mathbb", "DOUBLE-STRUCK ": "mathbb",
    "MATHEMATICAL FRAKTUR ": "mathfrak", "BLACK-LETTER ": "mathfrak",
}  # fmt: skip


def clusters(text: str) -> Iterator[str]:
    """Yield the signs of a text, each with the accents on it that are signs of their own.

    >>> [len(one) for one in clusters("h\u0304x")]
    [2, 1]
    """
    composed = unicodedata.normalize("NFC", text)
    yield from re.findall(r".[\u0300-\u036f\u20d0-\u20ff]*", composed, re.DOTALL)


def latex_letter(text: str) -> str:
    r"""Return one letter, or a name of several, as LaTeX mathematics.

    >>> print(latex_letter("ε"), latex_letter("w\u0302"), latex_letter("Cost"), latex_letter("ℒ"))
    \varepsilon \hat{w} \mathrm{Cost} \mathcal{L}
    """
    found = [_accented(one) for one in clusters(text)]
    if any(r"\text" in one for one in found):  # whole: й is no accent on и
        return rf"\text{{{unicodedata.normalize('NFC', text)}}}".replace("_", r"\_")
    if len(found) == 1:
        return found[0]
    return rf"\mathrm{{{(' ' if any(one[0] == chr(92) for one in found) else '').join(found)}}}"


def _accented(cluster: str) -> str:
    sign, *accents = list(unicodedata.normalize("NFD", cluster))
    if any(accent not in _ACCENTS for accent in accents):
        return rf"\text{{{cluster}}}"
    written = _plain(sign)
    for accent in accents:
        written = rf"\{_ACCENTS[accent]}{{{written}}}"
    return written


def _plain(sign: str) -> str:
    if sign in _SIGNS:
        return _SIGNS[sign]
    if sign in _LIKE_LATIN:
        return rf"\mathrm{{{_LIKE_LATIN[sign]}}}"
    if sign.isascii():
        return sign
    name, bare = unicodedata.name(sign, ""), unicodedata.normalize("NFKC", sign)
    style = next((style for front, style in _STYLES.items() if name.startswith(front)), "")
    return rf"\{style}{{{bare}}}" if style and bare.isascii() else rf"\text{{{sign}}}"
