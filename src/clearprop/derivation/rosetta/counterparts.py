"""What each notation writes where there is more to write than a name: f and f′, the mean, the step.

They are the plan's own expressions, written as a derivation writes them, at one place of each.
Proved by ``tests/test_derivation_rosetta.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clearprop.backprop import Plan, plan
from clearprop.derivation.notations.names import Names
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.printers.printing import Printer
from clearprop.derivation.steps.author import Author
from clearprop.derivation.steps.equations import Equation
from clearprop.derivation.trees.evaluating import value
from clearprop.derivation.trees.tree import Node
from clearprop.derivation.verifying.numbers import TraceNumbers
from clearprop.expressions import Apply, Expr, Sym
from clearprop.graph import Graph
from clearprop.operations import Activation, Function
from clearprop.optimizers import SGD

__all__ = ["Counterpart", "Counterparts"]


@dataclass(frozen=True)
class Counterpart:
    """One thing in every notation.

    Parameters
    ----------
    key : str
        What it is, as a key of a message, and the symbol it is found by.
    symbol : str
    written : mapping of str to str
        By the notation's name.
    value : float or None
    """

    key: str
    symbol: str
    written: Mapping[str, str]
    value: float | None = None


class Counterparts:
    """What several notations write for one network.

    Parameters
    ----------
    graph : Graph
    named : sequence of Names
        Each of the same graph.
    numbers : TraceNumbers
        Of the first of them.
    learning_rate : float
    """

    def __init__(
        self, graph: Graph, named: Sequence[Names], numbers: TraceNumbers, learning_rate: float
    ) -> None:
        self.named, self.numbers = named, numbers
        self.plan = plan(graph, SGD(learning_rate), fuse=False)
        fused = plan(graph)
        self.one = [_Hand(self.plan, fused, names, 1) for names in named]
        self.many = [
            _Hand(self.plan, fused, names, 1 if names.notation.batch == "one" else None)
            for names in named
        ]

    def functions(self, made: str) -> Iterator[Counterpart]:
        """Yield f, and f′ if it has one, of the first unit of the value ``made``."""
        match self.plan.step(made).terms[0].expr:
            case Apply(function=Activation() as row, args=(Sym(of) as x,)) as apply:
                if row.definition(x, dict(apply.attrs)) == x:
                    return  # the identity
                yield self._entry("f", f"{row.name}({of})", apply)
                if isinstance(row, Function):  # else there is no slope unit by unit
                    slope = replace(apply, form="derivative")
                    yield self._entry("slope", f"{row.name}′({of})", slope)

    def _entry(self, key: str, symbol: str, expr: Expr) -> Counterpart:
        nodes = [hand.author.writing.entry(expr, (1,)) for hand in self.one]
        return Counterpart(key, symbol, self._written(self.one, nodes), self._worth(nodes[0]))

    def mean(self, weight: str, place: tuple[int, ...]) -> Counterpart:
        """Return the equation that 1/m stands in; one sample's gradient where there is no mean."""
        written = {}
        for hand in self.many:
            notation = hand.names.notation
            inside = notation.batch == "mean" and notation.mean_at == "delta"
            found = hand.first_back() if inside else hand.equation(f"dJ/d{weight}", place)
            written[notation.name] = hand.text(found)
        return Counterpart("mean", "mean", written)

    def step(self, weight: str, place: tuple[int, ...]) -> Counterpart:
        """Return the update of one weight, with what it becomes."""
        found = [hand.equation(f"{weight}:=", place) for hand in self.one]
        written = {
            hand.names.notation.name: hand.text(equation)
            for hand, equation in zip(self.one, found, strict=True)
        }
        return Counterpart("step", f"{weight}:=", written, self._worth(found[0].members[-1]))

    def _written(self, hands: Sequence[_Hand], nodes: Sequence[Node]) -> dict[str, str]:
        return {
            hand.names.notation.name: hand.printer.render(node)
            for hand, node in zip(hands, nodes, strict=True)
        }

    def _worth(self, node: Node) -> float:
        return float(value(node, self.numbers, self.numbers.bound(1)))


class _Hand:
    """Writes a plan in one notation."""

    def __init__(self, made: Plan, fused: Plan, names: Names, samples: int | None) -> None:
        self.names, self.plan = names, made
        self.author = Author(made, fused, names, samples)
        self.printer = Printer(names, TEXT)

    def equation(self, id: str, place: tuple[int, ...]) -> Equation:  # the word of the contract
        """One entry of a step; ``place`` in our order, from 1."""
        step = self.plan.step(id)
        expr = self.author.expression(id)
        assert expr is not None
        relation = "←" if step.kind == "update" else "="
        return self.author.entry_equation(step.target, expr, place, (), relation)

    def first_back(self) -> Equation:
        """What leaves the cost, at the first unit."""
        first = next(
            step
            for step in self.plan.steps
            if step.kind in ("arrive", "adjoint") and step.id not in self.author.inlined
        )
        return self.equation(first.id, (1,) * len(first.target.shape))

    def text(self, equation: Equation) -> str:
        sides: list[Any] = [equation.left, equation.members[-1]]
        return f" {equation.relation} ".join(map(self.printer.render, sides))
