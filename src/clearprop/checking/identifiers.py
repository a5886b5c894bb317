"""A text's letters as Python's names: ``Theta1`` for Θ¹, ``dH`` for ∂E/∂H.

What a learner reads in the comments, the report and the text is then what the code is written in.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from clearprop.derivation.notations.glyphs import Glyph
from clearprop.derivation.notations.names import Names
from clearprop.operations import TABLE

#: What the template itself calls something.
_OWN = ("np", "math", "m", "w", "l2", "parameters", "sample_weight", "masks", "gradient", "x", "e")


class Identifiers(Mapping[str, str]):
    """Python's names of a plan's symbols.

    Parameters
    ----------
    names : Names or None
        A notation at work on the plan's graph; without it the names are ClearProp's own.
    symbols : iterable of str
        All that are written, those whose names matter most first: of two that would be called
        alike the second keeps our name.
    given : mapping of str to str
        Symbols that are an argument of the function, whose name they may have.

    Examples
    --------
    >>> from clearprop.derivation.notations.notation import NOTATIONS
    >>> from clearprop.network import Network
    >>> plan = Network("2-3-2", "sigmoid").plan
    >>> symbols = ["W1", "a2", "delta2", "Delta2", "dJ/dW1"]
    >>> graph = Identifiers(Names(NOTATIONS["graph"], plan.graph), symbols, {})
    >>> [graph[symbol] for symbol in symbols]
    ['Theta1', 'a2', 'delta2', 'Delta3', 'dTheta1']
    >>> scalar = Identifiers(Names(NOTATIONS["scalar"], plan.graph), symbols, {})
    >>> [scalar[symbol] for symbol in symbols]
    ['V', 'P', 'dH', 'dP', 'dV']
    """

    def __init__(
        self, names: Names | None, symbols: Iterable[str], given: dict[str, str] | None = None
    ) -> None:
        self._names, self._given = names, given or {}
        self._found: dict[str, str] = {}
        functions = TABLE.activations()
        self._taken = {*_OWN, *functions, *(f"{name}_prime" for name in functions)}
        for symbol in symbols:
            self._found[symbol] = self._free(symbol)

    def __getitem__(self, symbol: str) -> str:
        return self._found[symbol]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def _free(self, symbol: str) -> str:
        """The text's name, or our own, or that with a line under it: the first that is free."""
        if symbol.startswith("dJ/d"):
            wished = f"d{self._found.get(symbol[4:], symbol[4:])}"
        else:
            wished = self._wished(symbol)
        argument = {"X", "Y"} - {self._given.get(symbol)}
        name = next(
            one
            for one in (wished, plainly(symbol), f"{plainly(symbol)}_")
            if one and one not in self._taken and one not in argument
        )
        self._taken.add(name)
        return name

    def _wished(self, symbol: str) -> str:
        if self._names is None:
            return plainly(symbol)
        glyph = self._names.glyph(symbol)
        if isinstance(glyph, Glyph):
            return self._written(glyph)
        of = self._written(glyph.bottom)
        return f"d{of}" if of else ""

    def _written(self, glyph: Glyph) -> str:
        """The letter's name and the layer's number; nothing if Python could not read it."""
        assert self._names is not None
        above = glyph.above or ("" if self._names.notation.sizes else "".join(glyph.below))
        layer = re.sub(r"\W", "", above)
        between = "" if layer.isdigit() or not layer else "_"
        name = "".join(map(_spelt, glyph.base)) + between + layer
        return name if name.isidentifier() and not keyword.iskeyword(name) else ""


def plainly(symbol: str) -> str:
    """Return a symbol's own name as a Python variable: ``dW1`` for ``dJ/dW1``."""
    return symbol.replace("dJ/d", "d")


def _spelt(letter: str) -> str:
    """``Theta`` for Θ; a letter that Python's names may have as it is."""
    if letter.isascii():
        return letter
    found = re.fullmatch(r"GREEK (CAPITAL|SMALL) LETTER (\w+)", unicodedata.name(letter, ""))
    if found is None:
        return "?"
    return found[2].capitalize() if found[1] == "CAPITAL" else found[2].lower()
