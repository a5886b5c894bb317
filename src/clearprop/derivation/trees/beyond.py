"""Where a printed form is right and floating point cannot tell: 0/0, ∞ − ∞, digits that cancel.

At z = 1000 the sigmoid's output is rounded to 1, so that (a − y)/(a (1 − a)) · f′(z) is 0/0, while
the number that is computed, a − y, is right. Such a place proves nothing of a step, for or against:
it is said, and the step is verified at smaller numbers. Proved by
``tests/test_derivation_beyond.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from clearprop.backprop import Trace
from clearprop.derivation.trees.evaluating import Numbers, value
from clearprop.derivation.trees.tree import Node, Quantity
from clearprop.expressions import Array
from clearprop.graph import Graph

LARGEST = 1e6
"""What is this large, or ∞, is not brought into reach of floating point yet."""
SHRINKINGS = tuple(2.0**-k for k in range(0, 13, 2))
"""How small parameters are made, one after the other, until nothing is too large."""
EPSILON = 2.0**-52
"""One rounding, relative to the number."""
TRIALS = 4
AMPLE = 16.0
"""A form reads a few roundings at once: so many times what one of them does is theirs still."""


class Rounded(Numbers, Protocol):
    """Numbers that know how far one that is found by a difference is rounded."""

    def rounding(self, top: Quantity, bottom: Quantity, bound: Mapping[str, int]) -> float: ...


class Nudged:
    """The same numbers, each rounded once more: up or down, at random."""

    def __init__(self, numbers: Rounded, seed: int) -> None:
        self.numbers, self.random = numbers, np.random.default_rng(seed)
        self.known: dict[str, Array] = {}

    def array(self, sym: str) -> Array:
        if sym not in self.known:
            array = np.asarray(self.numbers.array(sym), dtype=np.float64)
            up = self.random.choice((-1.0, 1.0), array.shape)
            self.known[sym] = array * (1.0 + up * EPSILON)
        return self.known[sym]

    def axes(self, sym: str) -> tuple[bool, bool]:
        return self.numbers.axes(sym)

    def ratio(self, top: Quantity, bottom: Quantity, bound: Mapping[str, int]) -> float:
        up = self.random.choice((-1.0, 1.0))
        rounded = up * self.numbers.rounding(top, bottom, bound)
        return self.numbers.ratio(top, bottom, bound) + float(rounded)


def is_lost(
    member: Node,
    numbers: Rounded,
    bound: Mapping[str, int],
    found: Array,
    truth: Array,
    drawn: Node | None = None,
) -> bool:
    """Return whether floating point cannot say if a form is the true number.

    Parameters
    ----------
    member : Node
        The form.
    numbers : Numbers
        What it reads.
    bound : mapping of str to int
        The place.
    found, truth : arrays
        What the form gives, and what it ought to.
    drawn : Node, optional
        What ``truth`` was found by, if by a difference, which is rounded itself.

    Returns
    -------
    bool
        If either is ∞ or none, or one rounding of what is read moves the form by as much as it is
        off.
    """
    if not (np.isfinite(found).all() and np.isfinite(truth).all()):
        return True
    moved = 0.0
    for seed in range(TRIALS):
        with np.errstate(all="ignore"):
            moved = max(moved, _apart(value(member, Nudged(numbers, seed), bound), found))
            if drawn is not None:
                moved = max(moved, _apart(value(drawn, Nudged(numbers, seed), bound), truth))
    return AMPLE * moved >= _apart(found, truth)


def _apart(a: Array, b: Array) -> float:
    return float(np.max(np.nan_to_num(np.abs(a - b), nan=np.inf), initial=0.0))


def smaller(
    graph: Graph, trace: Trace, most: float = 1.0
) -> tuple[dict[str, Array], dict[str, Any], dict[str, Any]]:
    """Return a trace's parameters brought to at most ``most``, its inputs to 1.

    Its targets are brought to 1 too; indices stay as they are.
    """
    parameters, inputs, targets = given(
        graph, trace, lambda array: most * _at_most_one(array), _at_most_one
    )
    return parameters, inputs, {value: _at_most_one(y) for value, y in targets.items()}


def given(
    graph: Graph,
    trace: Trace,
    of_parameter: Callable[[Array], Array],
    of_input: Callable[[Array], Array],
) -> tuple[dict[str, Array], dict[str, Any], dict[str, Any]]:
    """Return a trace's parameters and inputs changed, and Y as it is; indices stay too."""
    parameters = {name: of_parameter(trace[name]) for name in graph.parameters}
    inputs = {
        one.key: trace[one.value] if one.levels else of_input(trace[one.value])
        for one in graph.inputs
    }
    several = len(graph.costs) > 1
    targets = {c.value: trace["y" + c.value[1:] if several else "y"] for c in graph.costs}
    return parameters, inputs, targets


def is_large(trace: Trace) -> bool:
    """Return whether anything in a trace is beyond `LARGEST`, or no number."""
    return not all((np.abs(array) <= LARGEST).all() for array in trace.values())


def _at_most_one(array: Array) -> Array:
    return np.asarray(array / max(1.0, float(np.max(np.abs(array), initial=0.0))))
