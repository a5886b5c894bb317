"""A notation at work on one network: the only converter between our symbols and a text's.

`Names.glyph` says how a quantity is written, `Names.name` gives it as plain text, `Names.parse`
reads it back, `Names.oriented` turns an array as the text orients it. Indices count from 0 in
arrays and from 1 in a text; nothing else converts. Proved by ``tests/test_notation.py``.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from clearprop.backprop import target_name
from clearprop.derivation.glyphs import Glyph, Partial
from clearprop.derivation.notation import NOTATIONS, SYMBOLS, Notation
from clearprop.derivation.refusals import refusal
from clearprop.derivation.tree import Index, Var
from clearprop.errors import GraphError
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.words import Sentence, did_you_mean

__all__ = ["Names"]

_BACK = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾₀₁₂₃₄₅₆₇₈₉", "0123456789()0123456789")
ENTRIES = 1_000
"""Of a larger parameter, so many names are compared with one that does not exist."""
_ROLE = re.compile(r"(Delta|delta|alpha|[A-Za-z])(\d+|_\w+)?")
FULL = "+"
"""Behind a weight's symbol: with the constant's column (``"W1+"`` is [W1 | b1])."""


class Names:
    """A notation at work on one graph.

    Parameters
    ----------
    notation : Notation
    graph : Graph

    Examples
    --------
    >>> from clearprop.derivation.notation import NOTATIONS
    >>> from clearprop.network import Network
    >>> names = Names(NOTATIONS["scalar"], Network("2-3-2").graph)
    >>> names.name("W1", (2, 0)), names.parse("V13"), names.parse("W2[1,3]")
    ('V13', ('W1', (2, 0)), ('W2', (0, 2)))
    """

    def __init__(self, notation: Notation, graph: Graph) -> None:
        self.notation, self.graph = notation, graph
        self.shapes = {name: value.type.shape for name, value in graph.values.items()}
        self.shapes |= {name: p.spec.type.shape for name, p in graph.parameters.items()}
        for node in graph.nodes:  # dropout's factors, one a unit
            self.shapes["r" + node.output[1:]] = graph.values[node.output].type.shape
        for cost in graph.costs:
            self.shapes[target_name(graph, cost)] = graph.values[cost.value].type.shape

    # -- the layers -------------------------------------------------------------------------------
    @cached_property
    def _finals(self) -> set[str]:
        """Labels of the layers whose value a cost compares with its target."""
        return {cost.value[1:] for cost in self.graph.costs}

    @cached_property
    def _inputs(self) -> set[str]:
        return {given.value[1:] for given in self.graph.inputs}

    @cached_property
    def _reached(self) -> dict[str, str]:
        """For each parameter, the label of the value its first use makes."""
        return {
            name: self.graph.nodes[p.users[0]].output[1:]
            for name, p in self.graph.parameters.items()
        }

    @cached_property
    def _hidden(self) -> set[str]:
        labels = {name[1:] for name in self.graph.values}
        return labels - self._finals - self._inputs

    @cached_property
    def biases(self) -> dict[str, str]:
        """For each weight with a bias, the bias."""
        found: dict[str, str] = {}
        for node in self.graph.nodes:
            roles = dict(node.params)
            if "W" in roles and "b" in roles:
                found[roles["W"]] = roles["b"]
        return found

    def layer_of(self, parameter: str) -> str:
        """Return the label of the layer that a parameter makes (the first of a tied one)."""
        return self._reached[parameter]

    def column(self, weight: str) -> bool:
        """Return whether the text counts this weight's bias as one more of its columns."""
        return self.notation.bias_view == "column" and weight in self.biases

    def shared(self, bias: str) -> bool:
        """Return whether a bias is one number for its whole layer."""
        return self.shapes[bias] == ()

    def transposed(self, sym: str) -> bool:
        """Return whether the text's matrix is the transpose of ours."""
        return self.notation.orientation == "source-first" and base_of(sym).startswith("W")

    # -- writing ----------------------------------------------------------------------------------
    def glyph(
        self,
        sym: str,
        index: Sequence[Index] = (),
        *,
        sampled: bool = False,
        member: bool = False,
        via: str = "",
        layer: int | None = None,
    ) -> Glyph | Partial:
        """Return how a quantity is written; ``index`` in the text's own order, from 1.

        ``layer``: its layer's number is l and so much, whatever the symbol says.
        """
        below = tuple(_index_text(place) for place in index)
        if member:
            below = ("κ", *below)
        if sampled:
            below = ("s", *below)
        if sym.startswith("dJ/d"):
            of = self._plain(sym[4:], below, layer)
            if self.notation.gradient == "prime":
                return Glyph(of.base, of.above, of.below, True, of.bar, of.flat)
            return Partial(self._plain("J"), of)
        if sym.startswith("part:"):  # what one output contributes to the cost
            return Glyph(self.notation.symbols["J"], "", (sym[5:],), flat=not self.notation.script)
        role, label = split(sym)
        if role in ("Delta", "delta") and not self.notation.symbols[role]:
            value = _behind(role, label, self.shapes)
            return Partial(self._plain("J"), self._plain(value, below, layer))
        if via and self.notation.connection:
            return Glyph(self.notation.connection, self._above("z", via, layer), below)
        return self._plain(sym, below, layer)

    def width(self, layer: int) -> Glyph:
        """Return how the number of units of layer l, or of one after it, is written."""
        return Glyph(self.notation.symbols["width"], "", (self.layers(layer),))

    @cached_property
    def letter(self) -> str:
        """The letter that stands for any layer: one that no index and no layer is called by."""
        taken = {self.notation.target_index, self.notation.source_index}
        taken |= {name[1:].lstrip("_") for name in self.graph.values}
        return next((one for one in "lnk" if one not in taken), "l")

    def layers(self, more: int) -> str:
        """Return the number of any layer, and so much: l, l+1, l−1."""
        return self.letter + (f"{'+' if more > 0 else '−'}{abs(more)}" if more else "")

    def number(self, sym: str, via: str = "") -> int | None:
        """Return the number of the layer that `glyph` prints, None for a name or for none."""
        role, label = split(sym)
        if via and self.notation.connection:
            role, label = "z", via
        elif role in ("Delta", "delta") and not self.notation.symbols[role]:
            role = _behind(role, label, self.shapes)[0]
        return int(label) + self.notation.offsets.get(role, 0) if label.isdigit() else None

    def _plain(self, sym: str, below: tuple[str, ...] = (), layer: int | None = None) -> Glyph:
        role, label = split(sym)
        symbols = self.notation.symbols
        full = sym.endswith(FULL)
        bare = self.column(sym) and not full and not below
        if not label:
            if role in ("J", "C") and below == ():
                return Glyph(symbols[role])
            return Glyph(symbols.get(role, role), "", below, flat=not self.notation.script)
        if not below and self.notation.sizes and layer is None:
            below = self._sizes(sym, full)
        letters = self._letters(role, label)
        if letters is not None:
            base, above = letters
            if role == "b" and not above:  # S3's b1: one letter a layer, the layer's number beside
                return Glyph(base, "", (self._number(role, label), *below), flat=not below)
            return Glyph(base, above, below, bar=bare, flat=not above)
        base = (
            symbols["input"] if role == "a" and label in self._inputs else (symbols.get(role, role))
        )
        return Glyph(base, self._above(role, label, layer), below, bar=bare)

    def _letters(self, role: str, label: str) -> tuple[str, str] | None:
        """Letter and superscript where each layer has letters of its own; else None."""
        if self.notation.script:
            return None
        layer = self._reached.get(role + label, label)
        symbols = self.notation.symbols
        kind = self._finals if layer in self._finals else (
            self._inputs if layer in self._inputs else self._hidden
        )  # fmt: skip
        letters = self.notation.output if kind is self._finals else self.notation.hidden
        own = role == "a" and kind is self._inputs  # not what arrives there
        base = symbols["input"] if own else letters.get(role, symbols.get(role, role))
        alone = len(kind) == 1 and len(self._of_role(role, kind)) <= 1
        if role == "b":
            alone = self.shapes.get(f"b{label}") == () and label.isdigit()
        elif role not in letters and kind is not self._inputs and role != "y":
            alone = False
        return base, "" if alone else f"({self._number(role, label)})"

    def _of_role(self, role: str, layers: set[str]) -> list[str]:
        if role == "W":
            return [n for n, layer in self._reached.items() if n[0] == "W" and layer in layers]
        return [n for n in self.graph.values if n[0] == role and n[1:] in layers]

    def layer_text(self, role: str, label: str) -> str:
        """Return the number (or the name) of a layer as the text counts it."""
        return self._number(role, label)

    def _above(self, role: str, label: str, layer: int | None = None) -> str:
        text = self._number(role, label) if layer is None else self.layers(layer)
        if self.notation.script == "l":
            return text
        return f"({text})"

    def _number(self, role: str, label: str) -> str:
        if label.isdigit():
            return str(int(label) + self.notation.offsets.get(role, 0))
        return label.lstrip("_")

    def _sizes(self, sym: str, full: bool) -> tuple[str, ...]:
        name = sym.removesuffix(FULL)
        role, label = split(name)
        if role == "C":
            return ()
        of = {"Delta": f"a{label}", "delta": f"z{label}"}.get(role, name)
        shape = self.shapes.get(of if of in self.shapes else f"a{label}", ())
        if full:
            shape = (shape[0], shape[1] + 1)
        return tuple(map(str, shape if len(shape) != 1 else (*shape, 1)))

    # -- plain text, both ways ---------------------------------------------------------------------
    def name(self, sym: str, index: tuple[int, ...] = ()) -> str:
        """Return a quantity's name in the text: ``index`` in our order, from 0.

        Examples
        --------
        >>> from clearprop.derivation.notation import NOTATIONS
        >>> from clearprop.network import Network
        >>> Names(NOTATIONS["graph"], Network("2-3-2").graph).name("Delta2", (1,))
        'Δ³₂'
        """
        return self.glyph(sym, self.ordered(sym, tuple(place + 1 for place in index))).text()

    def parse(self, text: str) -> tuple[str, tuple[int, ...]]:
        """Read a name of the text, or our own (``W2[1,3]`` counted from 1): (symbol, index from 0).

        Raises
        ------
        GraphError
            If there is no such quantity or entry; the nearest name is suggested.
        """
        given = text.strip().replace(" ", "")
        ours = re.fullmatch(r"([\w/]+)\[(\d+(?:,\d+)*)\]", given)
        if ours and ours[1] in self._all_symbols:
            return self._entry(
                text, ours[1], tuple(int(place) for place in ours[2].split(",")), True
            )
        found = self._read(given) or ((given, ()) if given in self._all_symbols else None)
        if found is None:
            hint = self._nearest(text, given)
            raise GraphError(refusal("no_such_name", text=repr(text), hint=hint))
        return self._entry(text, *found, False)

    def _nearest(self, text: str, given: str) -> Sentence:
        """What may have been meant: another notation's name, or one that looks alike."""
        for other in NOTATIONS.values():
            found = Names(other, self.graph)._read(given)
            if found is not None and other.name != self.notation.name:
                try:
                    sym, index = Names(other, self.graph)._entry(text, *found, False)
                except GraphError:
                    continue
                own = self.name(sym, index)
                called = {"other": repr(other.name), "notation": repr(self.notation.name)}
                return refusal("other_notation", name=own, **called)
        scripted = re.fullmatch(r"([A-Za-z])(\d+)", given)
        layered = [
            f"{sym}[{places}]"
            for sym in self.graph.parameters
            if scripted and len(self.shapes[sym]) == 2 and len(scripted[2]) == 2
            for places in [",".join(reversed(scripted[2]))]
            if self.transposed(sym)
            and self.name(sym, (0, 0)).startswith(scripted[1] + "⁽")
            and all(
                1 <= int(place) <= size
                for place, size in zip(places.split(","), self.shapes[sym], strict=True)
            )
        ]
        if layered:
            return refusal("which_layer", names=" or ".join(layered))
        entries = [
            self.name(sym, place)
            for sym in self.graph.parameters
            for place in itertools.islice(np.ndindex(self.shapes[sym]), ENTRIES)
        ]
        same = [one for one in entries if one.lower() == text.lower()]
        near = same or difflib.get_close_matches(text, entries, 1)
        first = [self.name(sym, (0,) * len(self.shapes[sym])) for sym in self.graph.parameters]
        return did_you_mean(near[0], near[:1]) if near else did_you_mean(text, first)

    def _read(self, given: str) -> tuple[str, tuple[int, ...]] | None:
        """Match the letter, what stands above it, and the digits behind; the longest match wins."""
        plain = _ascii(given)
        best: tuple[str, tuple[int, ...]] | None = None
        length = -1
        whole: tuple[str, tuple[int, ...]] | None = None
        for sym in self._all_symbols:
            if _ascii(self.glyph(sym).text()) == plain:
                whole = whole or (sym, ())
            rank = len(self._shape(sym))
            written = self.glyph(sym, (1,) * rank)
            front, glyph = "", written
            if isinstance(glyph, Partial):
                front, glyph = f"∂{glyph.top.text()}/∂", glyph.bottom
            head = front + _ascii(Glyph(glyph.base, glyph.above, (), glyph.prime, glyph.bar).text())
            rest = plain.removeprefix(head).lstrip("_")
            places = _digits(rest, len(glyph.below)) if plain.startswith(head) else None
            fixed = len(glyph.below) - rank
            if places is None or len(head) < length or rank == 0:
                continue
            if places[:fixed] == tuple(int(part) for part in glyph.below[:fixed]):
                best, length = (sym, places[fixed:]), len(head)
        return best or whole

    def _entry(
        self, text: str, sym: str, index: tuple[int, ...], ours: bool
    ) -> tuple[str, tuple[int, ...]]:
        shape = self._shape(sym)
        places = index if ours or not self.transposed(sym) else index[::-1]
        if index and (
            len(places) != len(shape)
            or any(not 1 <= place <= size for place, size in zip(places, shape, strict=True))
        ):
            near = self._existing(sym, index, ours)
            said = {"text": repr(text), "sym": sym, "hint": did_you_mean(near, [near])}
            if not shape:
                raise GraphError(refusal("one_number", **said))
            last = self.name(sym, tuple(size - 1 for size in shape))
            raise GraphError(refusal("no_such_entry", shape=shape, last=last, **said))
        return sym, tuple(place - 1 for place in places)

    def _existing(self, sym: str, index: tuple[int, ...], ours: bool) -> str:
        """The nearest entry that there is: the two indices the other way round, or the last."""
        shape = self._shape(sym)
        places = index if ours or not self.transposed(sym) else index[::-1]
        turned = places[::-1]
        fits = len(turned) == len(shape) and all(
            1 <= place <= size for place, size in zip(turned, shape, strict=True)
        )
        if not fits:
            padded = (*places, *(1 for _ in shape))[: len(shape)]
            turned = tuple(
                min(max(place, 1), size) for place, size in zip(padded, shape, strict=True)
            )
        if ours and shape:
            return f"{sym}[{','.join(map(str, turned))}]"
        return self.name(sym, tuple(place - 1 for place in turned))

    def ordered(self, sym: str, index: Sequence[Index]) -> tuple[Index, ...]:
        """Return an index in the text's order, from ours, or back: the same swap."""
        return tuple(reversed(index)) if self.transposed(sym) and len(index) == 2 else tuple(index)

    def oriented(self, sym: str, array: Array) -> Array:
        """Return one sample's and one member's array as the text orients it."""
        return np.swapaxes(array, -1, -2) if self.transposed(sym) and array.ndim >= 2 else array

    def rank(self, sym: str) -> int:
        """Return how many indices an entry of a quantity has."""
        return len(self._shape(sym))

    def _shape(self, sym: str) -> tuple[int, ...]:
        name = base_of(sym)
        role, label = split(name)
        if role in ("Delta", "delta"):
            name = _behind(role, label, self.shapes)
        return self.shapes.get(name, ())

    @cached_property
    def _all_symbols(self) -> tuple[str, ...]:
        values = tuple(self.graph.values)
        back = tuple(("delta" if n[0] == "z" else "Delta") + n[1:] for n in values)
        targets = tuple(target_name(self.graph, cost) for cost in self.graph.costs)
        gradients = tuple(f"dJ/d{name}" for name in self.graph.parameters)
        return (*self.graph.parameters, *values, *targets, *back, *gradients, "J")


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


def _behind(role: str, label: str, shapes: object) -> str:
    return ("a" if role == "Delta" else "z") + label


def _index_text(place: Index) -> str:
    if isinstance(place, Var):
        sign = "+" if place.offset > 0 else "−"
        return place.name + (f"{sign}{abs(place.offset)}" if place.offset else "")
    return str(place)


def _ascii(text: str) -> str:
    """Return a name with its scripts written ``^(1)`` and ``_12``, for comparing."""
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾]+", lambda m: "^" + m[0].translate(_BACK), text)
    text = re.sub("[₀-₉]+(?:,[₀-₉]+)*", lambda m: "_" + m[0].translate(_BACK), text)
    return re.sub(r"[{}]", "", text).replace("'", "′")


def _digits(text: str, count: int) -> tuple[int, ...] | None:
    """Read ``count`` indices: with commas, or a digit each."""
    if not re.fullmatch(r"\d+(,\d+)*", text) or not count:
        return None
    parts = text.split(",") if "," in text or count == 1 else list(text)
    return tuple(map(int, parts)) if len(parts) == count else None
