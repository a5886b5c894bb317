"""The numbers that stand beside a derivation's equations, as pages show them.

Owns `Beside`: the value of an equation, what is given above it, its line with numbers put in.
Proved by ``tests/test_derivation_shown.py`` and ``tests/test_derivation_given.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np

from clearprop.backprop import Places, target_name
from clearprop.derivation.notations.names import FULL, Names
from clearprop.derivation.printers.printing import ELIDE, in_sight
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.trees.evaluating import Evaluator, value
from clearprop.derivation.trees.tree import (
    SAMPLE,
    Call,
    Letter,
    Literal,
    Node,
    Number,
    Quantity,
    Ratio,
    Stack,
    Times,
    Total,
    put,
    walk,
)
from clearprop.derivation.verifying.numbers import OfRow, TraceNumbers
from clearprop.derivation.verifying.told import Told
from clearprop.derivation.wording.refusals import refusal
from clearprop.errors import SettingError
from clearprop.expressions import Array
from clearprop.network import Network
from clearprop.words import shown as shown_value

__all__ = ["Beside"]


class Beside:
    """Numbers beside the equations of a derivation: `Derived` says what each attribute is."""

    network: Network
    steps: tuple[DerivedStep, ...]
    names: Names
    numbers: TraceNumbers | None
    row: int
    digits: int
    weight: str

    @cached_property
    def _written(self) -> tuple[DerivedStep, ...]:
        """The steps; those of the largest paths may be beside other numbers yet."""
        return self.steps

    def value(self, equation: Equation) -> Array | None:
        """Return the number of an equation without free indices, as the trace has it.

        Raises
        ------
        SettingError
            If it is no `Equation`: those of a step are ``d.step("delta2").equations``.
        """
        _check(equation)
        return None if self.numbers is None else self._number(equation, self._here)

    def shown(self, equation: Equation) -> Array | None:
        """Return `value` as a page shows it: without the entries that only dots stand for.

        A gradient or a parameter with long axes is cut to `in_sight` of them, and no other entry
        is computed; it prints as the whole one does.
        """
        _check(equation)
        return None if self.numbers is None else self._number(equation, self._seen)

    def _number(self, equation: Equation, here: OfRow) -> Array | None:
        assert self.numbers is not None  # or `value` would have returned
        if equation.layers:
            return None
        left = equation.left
        whole = equation.free or (isinstance(left, Quantity) and not left.index)
        if equation.relation == "←" and isinstance(left, Quantity) and whole:
            return self._after(equation, left, here)
        if equation.free and not self._whole(equation):
            return None
        if isinstance(left, Quantity) and equation.relation == "=":
            if equation.free:
                left = replace(left, index=())
            if left.index:
                left, here = self._entry(left)
            if here.has(left.sym):
                return value(left, here, here.bound)
        if isinstance(left, Letter | Times):  # a path's product, and what all of them sum to
            return value(left, self._here, self._here.bound)
        if isinstance(left, Call) or any(
            isinstance(n, Quantity) and n.sym == "x" for m in equation.members for n in walk(m)
        ):
            return None
        if equation.free:
            return None
        member = equation.members[-1]
        if any(isinstance(node, Total) and node.var == SAMPLE for node in walk(member)):
            return value(member, self.numbers, self.numbers.bound(self.row))
        return value(member, self._shown, self._here.bound)

    @cached_property
    def _here(self) -> OfRow:
        """The numbers of the sample that is shown."""
        assert self.numbers is not None
        return OfRow(self.numbers, self.row)

    @cached_property
    def _letters(self) -> dict[Node, Letter]:
        """The letters that equations define: what they are worth is known, not multiplied again."""
        every = (one.left for step in self.steps for one in step.equations)
        return {left: left for left in every if isinstance(left, Letter)}

    @cached_property
    def _seen(self) -> OfRow:
        """The same numbers, of gradients and parameters those that a page has room for."""
        return self._here.some(lambda _, shape: tuple(map(in_sight, shape)))

    def _entry(self, left: Quantity) -> tuple[Quantity, OfRow]:
        """One entry of a gradient or a parameter: the only one of numbers that have no other."""
        places = self.names.ordered(left.sym, left.index)
        one = tuple((place - 1,) for place in places if isinstance(place, int))
        whole = left.sym.endswith(FULL) or self._here.axes(left.sym)[1]
        if whole or len(one) != self.names.rank(left.sym):
            return left, self._here

        def choose(name: str, shape: tuple[int, ...]) -> Places:
            return one if name == left.sym else (None,) * len(shape)

        return replace(left, index=(1,) * len(one)), self._here.some(choose)

    @cached_property
    def _shown(self) -> Told:
        """The numbers that pages show: a factor's is what its own equation gives."""
        return Told(self._here, [one for step in self._written for one in step.equations])

    def start(self, equation: Equation) -> tuple[Node, Array] | None:
        """Return what an update starts from, and its number before: of all its entries at once."""
        return None if self.numbers is None else self._start(equation, self._here)

    def _start(self, equation: Equation, here: OfRow) -> tuple[Node, Array] | None:
        left = equation.left
        if equation.layers or equation.relation != "←":
            return None
        if not isinstance(left, Quantity) or (left.index and not equation.free):
            return left, value(left, self._here, self._here.bound)
        whole = replace(left, index=())
        return whole, value(whole, here, here.bound)

    def before(self, equation: Equation) -> Iterator[tuple[Node, Array]]:
        """Yield what stands above an equation that reads what is given, as a page shows it.

        Above the update of a whole array that is its number before, and the first time α; the
        update of a single number has both in its own line. Above any other: see `given`.
        """
        _check(equation)
        if self.numbers is None:
            return
        for node in self.given(equation):
            yield node, value(node, self._seen, self._here.bound)
        start = self._start(equation, self._seen)
        if start is None or not start[1].ndim:
            return
        if equation is self._first_update:
            rate = Quantity("learning_rate")
            yield rate, value(rate, self.numbers)
        yield start

    def given(self, equation: Equation) -> tuple[Quantity, ...]:
        """Return the parameters and targets, and λ, that no equation before this one reads.

        None whose number stands in the equation's own line. On the page of one weight, where lines
        have the numbers of single entries, the matrices of weights that are small enough.
        """
        _check(equation)
        return self._given.get(id(equation), ())

    @cached_property
    def _given(self) -> dict[int, tuple[Quantity, ...]]:
        graph = self.network.graph
        given = {*graph.parameters, *(target_name(graph, cost) for cost in graph.costs)}
        given |= {"l2"} if graph.l2 else set()
        found: dict[int, tuple[Quantity, ...]] = {}
        steps = () if self.numbers is None else self._written
        for one in (one for step in steps for one in step.equations if not one.layers):
            nodes = (node for member in one.members for node in walk(member))
            read = [node for node in nodes if isinstance(node, Quantity) and self._is_whole(node)]
            new = dict.fromkeys(node.sym for node in read if node.sym.removesuffix(FULL) in given)
            given -= {sym.removesuffix(FULL) for sym in new}
            if new and (self.weight or self.substituted(one) is None):
                found[id(one)] = tuple(map(Quantity, map(self._full, new)))
        return found

    def _full(self, sym: str) -> str:
        """With its column of biases, on the page of one weight: its lines read them singly."""
        return sym + FULL if self.weight and self.names.column(sym) else sym

    def _is_whole(self, node: Quantity) -> bool:
        """Whether its array stands above its first reader: no entry alone, but of one weight."""
        if self.weight:
            shape = self.names.shapes.get(node.sym, ())
            return len(shape) == 2 and max(shape) <= ELIDE and bool(node.index)
        return not any(isinstance(place, int) for place in node.index)

    @cached_property
    def _first_update(self) -> Equation | None:
        every = (one for step in self._written for one in step.equations)
        return next((one for one in every if one.relation == "←" and not one.layers), None)

    def _after(self, equation: Equation, left: Quantity, here: OfRow) -> Array:
        """What all entries become by an update, which is the same for each: arrays for entries."""

        def whole(node: Node) -> Node | None:
            if isinstance(node, Quantity) and node.index == left.index:
                return replace(node, index=())
            return None

        every = put(equation.members[-1], whole)
        return value(every, here, here.bound)

    def worth(self, equation: Equation) -> Array | None:
        """Return what an equation's last member gives, be it right or wrong."""
        if self.numbers is None:
            return None
        return value(equation.members[-1], self.numbers, self.numbers.bound(self.row))

    def _whole(self, equation: Equation) -> bool:
        return isinstance(equation.left, Quantity) and equation.relation == "="

    def substituted(self, equation: Equation) -> Node | None:
        """Return the last member with numbers in place of quantities, where that reads well."""
        member = equation.members[-1]
        if self.numbers is None or equation.free or equation.layers:
            return None
        if any(isinstance(n, Total) or _nested(n) or self._is_matrix(n) for n in walk(member)):
            return None
        bound, evaluator = self._here.bound, Evaluator(self._shown)

        def number(node: Node) -> Node | None:
            if not isinstance(node, Quantity | Ratio | Stack | Letter):
                return None
            known = self._letters.get(node, node) if isinstance(node, Letter) else node
            found = evaluator.of(known, bound)
            return Literal(tuple(found)) if found.ndim else Number(float(found), True)

        with np.errstate(all="ignore"):
            found = put(member, number)
        if found == member or isinstance(found, Number | Literal):
            return None
        return put(found, self._rounded)

    def _rounded(self, node: Node) -> Node | None:
        """A formula's own number as a measured one, where it has more digits than the page.

        Its own equation has it in full.
        """
        if not isinstance(node, Number) or node.measured:
            return None
        rounded = float(f"{node.number:.{self.digits}g}")
        return None if rounded == node.number else replace(node, measured=True)

    def _is_matrix(self, node: Node) -> bool:
        """Whether it is a quantity whose number would be a matrix in the middle of a line."""
        return isinstance(node, Quantity) and self.names.rank(node.sym) - len(node.index) == 2


def _nested(node: Node) -> bool:
    """Whether it is a function of a function."""
    return isinstance(node, Call) and any(
        isinstance(inner, Call) for argument in node.args for inner in walk(argument)
    )


def _check(equation: object) -> None:
    """Refuse what is no equation, such as a step's name."""
    if not isinstance(equation, Equation):
        raise SettingError(refusal("no_equation", given=shown_value(equation)))
