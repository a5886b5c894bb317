"""Numbers of a page: a factor such as ∂P1/∂H1 is worth what its own equation on that page gives.

`TraceNumbers` finds such a factor by a central difference, which is there to be compared with: it
is rounded where f is flat, and half of each slope at a kink. Proved by
``tests/test_derivation_weight.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clearprop.derivation.steps.equations import Equation
from clearprop.derivation.trees.evaluating import value
from clearprop.derivation.trees.tree import Quantity, Ratio, walk
from clearprop.derivation.verifying.numbers import OfRow
from clearprop.expressions import Array

__all__ = ["Told"]


class Told:
    """The numbers of a sample, and of factors what a derivation says of them.

    Parameters
    ----------
    numbers : OfRow
    equations : sequence of Equation
        All of the page; of those that give a factor without factors, the last counts.
    """

    def __init__(self, numbers: OfRow, equations: Sequence[Equation]) -> None:
        self.numbers = numbers
        self.given = {
            one.left: one.members[-1]
            for one in equations
            if isinstance(one.left, Ratio)
            and not any(isinstance(node, Ratio) for node in walk(one.members[-1]))
        }

    def array(self, sym: str) -> Array:
        """Return a symbol's array as the notation writes it."""
        return self.numbers.array(sym)

    def axes(self, sym: str) -> tuple[bool, bool]:
        """Return whether a symbol has the axes (member, sample)."""
        return self.numbers.axes(sym)

    def ratio(self, top: Quantity, bottom: Quantity, bound: Mapping[str, int]) -> float:
        """Return ∂top/∂bottom as the page gives it; by a central difference if it does not."""
        tree = self.given.get(Ratio(top, bottom))
        if tree is None:
            return self.numbers.ratio(top, bottom, bound)
        return float(value(tree, self.numbers, bound))
