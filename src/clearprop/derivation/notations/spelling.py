"""How a notation writes the quantities of one network: letters, layers, order of indices.

`Spelling.glyph` says how a quantity is written, `Spelling.name` gives it as plain text,
`Spelling.oriented` turns an array as the text orients it. Indices count from 0 in arrays and from 1
in a text. Proved by ``tests/test_notation.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from clearprop.backprop import target_name
from clearprop.derivation.notations.glyphs import Glyph, Partial
from clearprop.derivation.notations.notation import TAKEN, Notation
from clearprop.derivation.notations.roles import FULL, base_of, behind, split
from clearprop.derivation.trees.tree import Index, Var
from clearprop.expressions import Array
from clearprop.graph import Graph

__all__ = ["Spelling"]


class Spelling:
    """How a notation writes the quantities of one graph.

    Parameters
    ----------
    notation : Notation
    graph : Graph
    samples : int or None
        Of how many samples the cost is the mean: 1, several, or None for any number.
    """

    def __init__(self, notation: Notation, graph: Graph, samples: int | None = 1) -> None:
        self.notation, self.graph, self.samples = notation, graph, samples
        self.shapes = {name: value.type.shape for name, value in graph.values.items()}
        self.shapes |= {name: p.spec.type.shape for name, p in graph.parameters.items()}
        for node in graph.nodes:  # dropout's factors, one a unit
            self.shapes["r" + node.output[1:]] = graph.values[node.output].type.shape
        for cost in graph.costs:
            self.shapes[target_name(graph, cost)] = graph.values[cost.value].type.shape
        self._each = {name for name, value in graph.values.items() if value.type.member}
        self._each |= {name for name, p in graph.parameters.items() if p.spec.type.member}
        self._each |= {"r" + name[1:] for name in self._each if name in graph.values}

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

    @cached_property
    def _columns(self) -> dict[str, str]:
        """For each bias that the text counts as a column, the weight that it is a column of."""
        return {bias: weight for weight, bias in self.biases.items() if self.column(weight)}

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

        ``layer``: its layer's number is l and so much, whatever the symbol says. An entry of a bias
        that is a column of its weights is written as theirs.
        """
        weight = self._columns.get(base_of(sym))
        if weight and len(index) == 1:
            sym = sym.replace(base_of(sym), weight) + FULL
            index = (*index, self.shapes[weight][1] + 1)
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
            value = behind(role, label)
            top, place = self.differentiated
            place = place or (("s",) if sampled and top == "C" else ())
            return Partial(self._plain(top, place), self._plain(value, below, layer))
        if via and self.notation.connection:
            return Glyph(self.notation.connection, self._above("z", via, layer), below)
        return self._plain(sym, below, layer)

    @cached_property
    def differentiated(self) -> tuple[str, tuple[str, ...]]:
        """Return what δ and Δ are derivatives of: the symbol, and what stands below its letter.

        The cost J, where there is one sample or 1/m stands inside δ; else what is one sample's: C,
        or, where several costs or members make it up, Jₛ, of which J is the mean.
        """
        if self.samples == 1 or self.notation.mean_at == "delta":
            return "J", ()
        single = len(self.graph.costs) == 1 and not self.graph.members
        return ("C", ()) if single else ("J", ("s",))

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
            role = behind(role, label)[0]
        return int(label) + self.notation.offsets.get(role, 0) if label.isdigit() else None

    def _plain(self, sym: str, below: tuple[str, ...] = (), layer: int | None = None) -> Glyph:
        role, label = split(sym)
        symbols = self.notation.symbols
        full = sym.endswith(FULL)
        bare = self.column(sym) and not full and set(below) <= set(TAKEN)
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

    def name(self, sym: str, index: tuple[int, ...] = ()) -> str:
        """Return a quantity's name in the text: ``index`` in our order, from 0.

        Examples
        --------
        >>> from clearprop.derivation.notations.notation import NOTATIONS
        >>> from clearprop.network import Network
        >>> Spelling(NOTATIONS["graph"], Network("2-3-2").graph).name("Delta2", (1,))
        'Δ³₂'
        """
        return self.glyph(sym, self.ordered(sym, tuple(place + 1 for place in index))).text()

    def called(self, sym: str, index: tuple[int, ...] = ()) -> str:
        """Return a quantity's name; of a bias that is a column of its weights, its entry there.

        A bias that its layer shares is every entry of the column, and its derivative their sum.

        Examples
        --------
        >>> from clearprop.derivation.notations.notation import NOTATIONS
        >>> from clearprop.network import Network
        >>> Spelling(NOTATIONS["graph"], Network("2-3-2").graph).called("b2", (1,))
        'Θ²₂₄'
        """
        bias = base_of(sym)
        if bias not in self._columns:
            return self.name(sym, index)
        if self.shared(bias) and bias != sym:
            return f"Σ {self.glyph(sym, (Var('i'),)).text()}"
        return self.glyph(sym, (index[0] + 1 if index else 1,)).text()

    def letter_of(self, sym: str) -> str:
        """Return a quantity's letter, without its layer and its place: ``"δ"``, ``"∂E/∂H"``."""
        glyph = self.glyph(sym)
        if isinstance(glyph, Partial):
            top = Glyph(glyph.top.base, "", glyph.top.below, flat=glyph.top.flat)
            return Partial(top, Glyph(glyph.bottom.base)).text()
        return glyph.base

    def ordered(self, sym: str, index: Sequence[Index]) -> tuple[Index, ...]:
        """Return an index in the text's order, from ours, or back: the same swap."""
        return tuple(reversed(index)) if self.transposed(sym) and len(index) == 2 else tuple(index)

    def oriented(self, sym: str, array: Array) -> Array:
        """Return one sample's and one member's array as the text orients it."""
        return np.swapaxes(array, -1, -2) if self.transposed(sym) and array.ndim >= 2 else array

    def rank(self, sym: str) -> int:
        """Return how many indices an entry of a quantity has."""
        return len(self._shape(sym))

    def each(self, sym: str) -> bool:
        """Return whether each of the members side by side has a quantity of its own."""
        if split(sym)[0] == "C":  # of the only cost, or of one of several
            return any(cost.value in self._each for cost in self.graph.costs)
        return self._value(sym) in self._each

    def _shape(self, sym: str) -> tuple[int, ...]:
        return self.shapes.get(self._value(sym), ())

    def _value(self, sym: str) -> str:
        """The value or the parameter that a quantity has the shape of."""
        name = base_of(sym)
        role, label = split(name)
        return behind(role, label) if role in ("Delta", "delta") else name


def _index_text(place: Index) -> str:
    if isinstance(place, Var):
        sign = "+" if place.offset > 0 else "−"
        return place.name + (f"{sign}{abs(place.offset)}" if place.offset else "")
    return str(place)
