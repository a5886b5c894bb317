"""A notation at work on one network: the only converter between our symbols and a text's.

`Names` writes as `clearprop.derivation.notations.spelling` says, and `Names.parse` reads back; what
names nothing is refused with the nearest that does. Proved by ``tests/test_notation.py``.
"""

from __future__ import annotations

import difflib
import itertools
import re
from functools import cached_property

import numpy as np

from clearprop.backprop import target_name
from clearprop.derivation.notations.glyphs import Glyph, Partial, digits, plain
from clearprop.derivation.notations.notation import NOTATIONS
from clearprop.derivation.notations.roles import FULL, base_of, split
from clearprop.derivation.notations.spelling import Spelling
from clearprop.derivation.wording.refusals import refusal
from clearprop.errors import GraphError
from clearprop.words import Sentence, did_you_mean, shown

__all__ = ["FULL", "Names", "base_of", "split"]

LONGEST = 100
"""Signs: no name is longer."""
ENTRIES = 1_000
"""Of a larger parameter, so many names are compared with one that does not exist."""


class Names(Spelling):
    """A notation at work on one graph.

    Parameters
    ----------
    notation : Notation
    graph : Graph
    samples : int or None
        Of how many samples the cost is the mean: 1, several, or None for any number.

    Examples
    --------
    >>> from clearprop.derivation.notations.notation import NOTATIONS
    >>> from clearprop.network import Network
    >>> names = Names(NOTATIONS["scalar"], Network("2-3-2").graph)
    >>> names.name("W1", (2, 0)), names.parse("V13"), names.parse("W2[1,3]")
    ('V13', ('W1', (2, 0)), ('W2', (0, 2)))
    """

    def parse(self, text: str) -> tuple[str, tuple[int, ...]]:
        """Read a name of the text, or our own (``W2[1,3]`` counted from 1): (symbol, index from 0).

        Raises
        ------
        GraphError
            If there is no such quantity or entry; the nearest name is suggested.
        """
        given = text.strip().replace(" ", "")
        if len(given) > LONGEST:  # no quantity is called so
            raise GraphError(refusal("no_such_name", text=shown(text), hint=self._first()))
        ours = re.fullmatch(r"([\w/]+)\[(\d+(?:,\d+)*)\]", given)
        if ours and ours[1] in self._all_symbols:
            return self._entry(
                text, ours[1], tuple(int(place) for place in ours[2].split(",")), True
            )
        found = self._read(given) or ((given, ()) if given in self._all_symbols else None)
        by = re.fullmatch(r"[∂d](\w+)/[∂d](.+)", given)
        if found is None and by and by[1] in self._costs:
            sym, index = self.parse(by[2])
            if sym in self.graph.parameters:
                return f"dJ/d{sym}", index
        if found is None:
            hint = self._nearest(text, given)
            raise GraphError(refusal("no_such_name", text=repr(text), hint=hint))
        return self._entry(text, *found, False)

    @cached_property
    def _costs(self) -> set[str]:
        """What the cost is called by any text, ours included; S3's own is ``E_total`` too."""
        letters = {"J", self.notation.symbols["J"]}
        letters |= {other.symbols["J"] for other in NOTATIONS.values()}
        return letters | {f"{one}{total}" for one in letters for total in ("_total", "ₜₒₜₐₗ")}

    def _nearest(self, text: str, given: str) -> Sentence:
        """What may have been meant: another notation's name, or one that looks alike."""
        for other in NOTATIONS.values():
            found = Names(other, self.graph)._read(given)
            if found is not None and other.name != self.notation.name:
                try:
                    sym, index = Names(other, self.graph)._entry(text, *found, False)
                except GraphError:
                    continue
                if sym.removeprefix("dJ/d") not in self.graph.parameters:
                    continue  # its name here would be refused too
                ours = f"{sym}[{','.join(str(place + 1) for place in index)}]" if index else sym
                called = {"other": repr(other.name), "notation": repr(self.notation.name)}
                return refusal("other_notation", name=self.name(sym, index), ours=ours, **called)
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
        return did_you_mean(near[0], near[:1]) if near else self._first()

    def _first(self) -> Sentence:
        """The names of the first entries, where nothing is near."""
        first = [self.name(sym, (0,) * len(self.shapes[sym])) for sym in self.graph.parameters]
        return did_you_mean("", first)

    def _read(self, given: str) -> tuple[str, tuple[int, ...]] | None:
        """Match the letter, what stands above it, and the digits behind; the longest match wins."""
        sought = plain(given)
        best: tuple[str, tuple[int, ...]] | None = None
        length = -1
        whole: tuple[str, tuple[int, ...]] | None = None
        for sym in self._all_symbols:
            if plain(self.glyph(sym).text()) == sought:
                whole = whole or (sym, ())
            rank = len(self._shape(sym))
            if base_of(sym) in self._columns:  # read as an entry of the weights it is a column of
                continue
            written = self.glyph(sym, (1,) * rank)
            front, glyph = "", written
            if isinstance(glyph, Partial):
                front, glyph = f"∂{glyph.top.text()}/∂", glyph.bottom
            head = front + plain(Glyph(glyph.base, glyph.above, (), glyph.prime, glyph.bar).text())
            rest = sought.removeprefix(head).lstrip("_")
            places = digits(rest, len(glyph.below)) if sought.startswith(head) else None
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
        if not ours and self.column(base_of(sym)) and len(index) == 2 == len(shape):
            bias = self.biases[base_of(sym)]
            if index[1] == shape[1] + 1 and 1 <= index[0] <= shape[0]:
                return sym.replace(base_of(sym), bias), (index[0] - 1,) * self.rank(bias)
        if index and (
            len(places) != len(shape)
            or any(not 1 <= place <= size for place, size in zip(places, shape, strict=True))
        ):
            near = self._existing(sym, index, ours)
            said = {"text": repr(text), "sym": sym, "hint": did_you_mean(near, [near])}
            if not shape:
                raise GraphError(refusal("one_number", **said))
            if ours:
                last, sizes = f"{sym}[{','.join(map(str, shape))}]", shape
            else:
                full = FULL if self.column(base_of(sym)) and len(shape) == 2 else ""
                own = (shape[0], shape[1] + 1) if full else self.ordered(sym, shape)
                sizes = tuple(size for size in own if isinstance(size, int))
                said["sym"] = self.glyph(sym + full).text()
                last = self.glyph(sym + full, sizes).text()
            raise GraphError(refusal("no_such_entry", shape=sizes, last=last, **said))
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

    @cached_property
    def _all_symbols(self) -> tuple[str, ...]:
        values = tuple(self.graph.values)
        back = tuple(("delta" if n[0] == "z" else "Delta") + n[1:] for n in values)
        targets = tuple(target_name(self.graph, cost) for cost in self.graph.costs)
        gradients = tuple(f"dJ/d{name}" for name in self.graph.parameters)
        return (*self.graph.parameters, *values, *targets, *back, *gradients, "J")
