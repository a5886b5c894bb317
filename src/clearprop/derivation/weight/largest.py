"""The largest paths of one weight, factor by factor, and what all the others sum to.

How many paths there are, which are the largest and what all of them sum to says
`clearprop.backprop.paths`; here each of them is written: the plan's own terms, one for each wire on
the way, of which a path takes one unit of every sum.
Proved by ``tests/test_derivation_weight_sums.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from clearprop.backprop import Follower, Path, Paths
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.trees import tree
from clearprop.derivation.trees.tree import (
    MEMBER,
    SAMPLE,
    Index,
    Letter,
    Node,
    Number,
    Quantity,
    Var,
    minus,
    plus,
    rebuild,
    times,
)
from clearprop.derivation.verifying.numbers import OfRow, TraceNumbers, finite
from clearprop.derivation.weight.sums import InSums
from clearprop.derivation.wording.said import Said
from clearprop.expressions import Expr, Sum

__all__ = ["Largest"]

SHOWN = 8
"""So many paths are written out, unless another number is asked for."""
LONGEST = 10**12
"""A larger number of paths is said with four digits."""
KEPT = 4096
"""So many products, or ends of them, are remembered."""
_OF_A_PATH, _OF_THE_REST = "pqtuv", "Rρω"
"""Letters for a path's product and for the sum of the others; the first that nothing else has."""


class Largest:
    """The largest paths of one entry of a parameter.

    Parameters
    ----------
    author : InSums
    sym : str
        The parameter.
    index : tuple of int
        Its entry, from 0.
    shown : int, at least 1
        So many paths are written out.
    """

    def __init__(self, author: InSums, sym: str, index: tuple[int, ...], shown: int) -> None:
        self.author, self.names, self.shown = author, author.names, shown
        self.sym, self.index = sym, index
        self.follower = Follower(author.plan)  # it remembers what no numbers change
        self.place = tuple(one + 1 for one in index)
        self.id = f"dJ/d{sym}:paths"
        self._units: dict[tuple[str, int, int], Node] = {}
        self._ends: dict[tuple[tuple[str, int], ...], Node] = {}

    def after(
        self, steps: tuple[DerivedStep, ...], numbers: TraceNumbers, row: int
    ) -> tuple[tuple[DerivedStep, ...], Ways]:
        """Return the steps with that of the largest paths among them, and the paths as data.

        Parameters
        ----------
        steps : tuple of DerivedStep
            With such a step for other numbers, which gives way, or without.
        numbers : TraceNumbers
        row : int
            The sample whose paths are followed, from 1.
        """
        ids = [step.id for step in steps]
        if self.id in ids:
            place, behind = ids.index(self.id), steps[ids.index(self.id) + 1 :]
        else:  # before the weight's own step
            place = ids.index(f"{self.sym}:=")
            behind = tuple(replace(one, number=one.number + 1) for one in steps[place:])
        step, ways = self._step(numbers, row, place + 1)
        return (*steps[:place], step, *behind), ways

    def _step(self, numbers: TraceNumbers, row: int, place: int) -> tuple[DerivedStep, Ways]:
        here = OfRow(numbers, row)
        found = self._found(here.own, here.bound[SAMPLE] - 1)
        written = [(self.product(path), path.product) for path in found.largest]
        letter = self._letter(_OF_A_PATH)
        named = [
            Letter(letter, (str(place),), Number(worth))
            for place, (_, worth) in enumerate(written, 1)
        ]
        equations = [
            Equation(name, (node,), sample=row)
            for name, (node, _) in zip(named, written, strict=True)
        ]
        together: list[Node] = [
            Letter(letter, name.below, node) for name, (node, _) in zip(named, written, strict=True)
        ]
        ways = Ways(found, self.names.name(self.sym, self.index))
        if ways.others:
            together.append(Letter(self._letter(_OF_THE_REST), (), Number(ways.rest)))
        left, beside = self._sum()
        equations.append(Equation(left, (plus(*together, *beside),), sample=row))
        name = self.names.name(self.sym, self.index)
        why = self._why(ways, row)
        step = DerivedStep(
            self.id, "weight",
            Said("paths", n=name, count=_said(found.count)), why, tuple(equations),
            f"dJ/d{self.sym}", number=place, uses=(f"dJ/d{self.sym}",),
        )  # fmt: skip
        return step, ways

    def _found(self, numbers: TraceNumbers, sample: int) -> Paths:
        """The paths: of the first member, those through the others counted where they count."""
        find, found = self.follower.paths, numbers.found
        first = find(self.sym, found, self.index, sample=sample, k=self.shown)
        rest = [
            find(self.sym, found, self.index, sample=sample, member=member, k=1)
            for member in range(1, self.author.plan.graph.members if self._crossed() else 0)
        ]
        count = first.count + sum(one.count for one in rest)
        total = _sum([first.total, *(one.total for one in rest)])
        return Paths(count, total, first.largest)

    def _crossed(self) -> bool:
        """Whether all members' paths lead to the parameter: they share it."""
        graph = self.author.plan.graph
        return bool(graph.members) and not graph.parameters[self.sym].spec.type.member

    def _why(self, ways: Ways, row: int) -> Said:
        some = "members" if self._crossed() else "some" if ways.others else "all"
        said: dict[str, Any] = {"shown": len(ways.found.largest), "others": _said(ways.others),
                                "rest": self._letter(_OF_THE_REST), "row": row}  # fmt: skip
        return Said(f"paths_{some}_why" if self._alone() else f"paths_{some}_sample_why", **said)

    def _letter(self, choices: str) -> str:
        n = self.names.notation
        taken = {*n.symbols.values(), *n.hidden.values(), *n.output.values()}
        return next((one for one in choices if one not in taken), choices[0])

    # -- what the products add up to --------------------------------------------------------------
    @cached_property
    def _terms(self) -> tuple[list[Sum], list[Expr]]:
        """The gradient's terms over the samples, and the others: the penalty's."""
        terms = self.author.summands(f"dJ/d{self.sym}")
        data = [expr for expr in terms if isinstance(expr, Sum)]
        return data, [expr for expr in terms if not isinstance(expr, Sum)]

    def _alone(self) -> bool:
        """Whether the paths of one sample are all there are."""
        return self.author.samples == 1

    def _sum(self) -> tuple[Node, list[Node]]:
        """What the paths add up to: the derivative, but for the penalty; or one sample's share."""
        if self._alone():
            left = Quantity(f"dJ/d{self.sym}", self.names.ordered(f"dJ/d{self.sym}", self.place))
            return left, [self._entry(one) for one in self._terms[1]]
        return plus(*self._shares), []

    @cached_property
    def _shares(self) -> list[Node]:
        """What one sample adds to the gradient, term by term."""
        return [self._share(expr) for expr in self._terms[0]]

    def _share(self, expr: Sum) -> Node:
        """What one sample adds to a term of the gradient."""
        writing = self.author.writing
        inside = tuple(axis for axis in expr.over if axis != "sample")
        body = self._entry(Sum(inside, expr.body) if inside else expr.body)
        outside = not writing.mean_in_delta and self.author.samples != 1
        return times(writing.mean, body) if outside else body

    def _entry(self, expr: Expr) -> Node:
        writing = self.author.writing
        writing.used, writing.expand = [], False
        return writing.entry(expr, self.place)

    # -- one path ---------------------------------------------------------------------------------
    def product(self, path: Path) -> Node:
        """Write a path's product: the derivative's summand that goes through its units."""
        (name, unit), *_ = path.units
        behind = self._behind(path.units)
        for share in self._shares:
            found = self._through(share, name, unit + 1, behind)
            if found != Number(0.0):
                return found
        return Number(0.0)

    def _behind(self, units: tuple[tuple[str, int], ...]) -> Node:
        """The product from a unit of an adjoint to the cost; other numbers may ask for it again."""
        if units not in self._ends:
            if len(self._ends) >= KEPT:
                self._ends.clear()
            self._ends[units] = self._written(units)
        return self._ends[units]

    def _written(self, units: tuple[tuple[str, int], ...]) -> Node:
        """The same, one step of the plan at a time."""
        (name, unit), (after, place), *_ = units
        last = len(units) == 2
        for number, term in enumerate(self.author.plan.step(name).terms):
            if (term.via == "cost") != last:
                continue
            node = self._unit(name, number, unit)
            if last:
                return node
            found = self._through(node, after, place + 1, self._behind(units[1:]))
            if found != Number(0.0):
                return found
        return Number(0.0)

    def _unit(self, name: str, number: int, unit: int) -> Node:
        """One unit of a step's term, written once."""
        key = (name, number, unit)
        if key not in self._units:
            writing = self.author.writing
            writing.used, writing.expand = [], False
            expr = self.author.plan.step(name).terms[number].expr
            self._units[key] = writing.entry(expr, (unit + 1,))
        return self._units[key]

    def _through(self, node: Node, sym: str, unit: int, behind: Node) -> Node:
        """The part of a tree, linear in an adjoint, that one of its units has: put in there."""

        def carries(one: Node) -> bool:
            return any(isinstance(n, Quantity) and n.sym == sym for n in tree.walk(one))

        if not carries(node):
            return Number(0.0)
        match node:
            case Quantity(name, index) if name == sym:
                return behind if not index or index == (unit,) else Number(0.0)
            case tree.Plus(terms):
                kept = (self._through(one, sym, unit, behind) for one in terms if carries(one))
                return plus(*kept)
            case tree.Minus(body):
                return minus(self._through(body, sym, unit, behind))
            case tree.Over(top, bottom):
                return tree.Over(self._through(top, sym, unit, behind), bottom)
            case tree.Times(factors):
                return times(
                    *(self._through(f, sym, unit, behind) if carries(f) else f for f in factors)
                )
            case tree.Total(var, _, body) if var == MEMBER:  # a path is one member's
                return self._through(body, sym, unit, behind)
            case tree.Total(var, size, body):
                chosen = self._chosen(body, sym, var, unit)
                if chosen is None:  # every unit of this sum goes on to the same one
                    return replace(node, body=self._through(body, sym, unit, behind))
                if not 1 <= chosen <= size:
                    return Number(0.0)
                return self._through(_at(body, var, chosen), sym, unit, behind)
        return Number(0.0)

    def _chosen(self, body: Node, sym: str, var: str, unit: int) -> int | None:
        """The value of a sum's letter for which its body reads the unit; None if it is no letter's.

        A letter that counts the adjoint's units does so up to a shift.
        """
        for one in tree.walk(body):
            if isinstance(one, Quantity) and one.sym == sym:
                for place in one.index:
                    if isinstance(place, Var) and place.name == var:
                        return unit - place.offset
        return None


@dataclass(frozen=True)
class Ways:
    """The paths of one weight as data."""

    found: Paths
    weight: str

    @property
    def others(self) -> int:
        """How many paths are not among the largest."""
        return self.found.count - len(self.found.largest)

    @property
    def rest(self) -> float:
        """What those sum to."""
        return _sum([self.found.total, *(-path.product for path in self.found.largest)])

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data; units are named as in the plan, and count from 1."""
        shown = [
            {"product": finite(path.product),
             "units": [name if name == "J" else f"{name}[{unit + 1}]" for name, unit in path.units]}
            for path in self.found.largest
        ]  # fmt: skip
        return {
            "count": self.found.count,
            "sum": finite(self.found.total),
            "largest": shown,
            "others": {"count": self.others, "sum": finite(self.rest)},
        }


def _at(node: Node, var: str, place: int) -> Node:
    """A tree with a number in place of a letter of an index."""

    def value(index: Index) -> Index:
        same = isinstance(index, Var) and index.name == var
        return place + index.offset if isinstance(index, Var) and same else index

    def change(one: Node) -> Node:
        match one:
            case Quantity(index=index):
                to = one.to if one.to is None else value(one.to)
                return replace(one, index=tuple(map(value, index)), to=to)
            case tree.Call(index=index) if index:
                return replace(one, index=tuple(map(value, index)))
            case tree.Chosen(index=index):
                return replace(one, index=value(index))
            case tree.Place(index=index):
                return tree.Place(value(index))
        return one

    return rebuild(node, change)


def _sum(terms: Sequence[float]) -> float:
    """The terms' sum, exact where it can be; fsum refuses what has no bounds."""
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):
        return sum(terms)


def _said(count: int) -> str:
    """A count for people: in full, or four digits and how many there are."""
    return f"{count:,}" if count < LONGEST else f"{Decimal(count):.3e}".replace("e+", "e")
