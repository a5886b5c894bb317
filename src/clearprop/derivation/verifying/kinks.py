"""At a kink, such as relu's at 0, a difference is the mean of two slopes; a derivation prints one.

So a difference proves nothing of a step there, for or against: it is said, and the step is verified
at numbers beside these, on both sides. Inputs of zeros and biases of zero, as they are before
training, are such a place. Proved by ``tests/test_derivation_kinks.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.backprop import Trace
from clearprop.derivation.trees.beyond import given
from clearprop.derivation.verifying.numbers import TraceNumbers
from clearprop.expressions import Apply, Array, evaluate, walk
from clearprop.graph import Graph
from clearprop.operations import Function

__all__ = ["beside", "kinked"]

REACH = 1e-3
"""Of the largest number that a function is applied to: so near to a kink, a difference's step may
cross it. Too wide a reach costs nothing: beside these numbers the step is held as strictly."""
BESIDE = 0.05
"""How far numbers are moved, in units of the largest of their array, or of 1."""


def kinked(numbers: TraceNumbers) -> tuple[str, ...]:
    """Return the rows that have a kink near a number which they are applied to."""
    found: dict[str, None] = {}
    values = numbers.trace.arrays
    for step in numbers.plan.steps:
        for node in walk(step.expr) if step.kind == "forward" else ():
            if isinstance(node, Apply) and isinstance(node.function, Function):
                z = evaluate(node.args[0], values)
                if _near(z, node.function.kinks(dict(node.attrs)), float(np.max(np.abs(z)))):
                    found[node.function.name] = None
    several = len(numbers.plan.graph.costs) > 1
    for cost in numbers.plan.graph.costs:
        a, y = values[cost.value], values["y" + cost.value[1:] if several else "y"]
        if a.shape == y.shape and _near(
            a - y, cost.row.kinks(dict(cost.attrs)), float(np.max(np.abs(a)))
        ):
            found[cost.row.name] = None
    return tuple(found)


def _near(z: Array, kinks: tuple[float, ...], largest: float) -> bool:
    if not np.isfinite(largest):  # what overflows is near nothing
        return False
    return any(bool((np.abs(z - kink) <= REACH * max(1.0, largest)).any()) for kink in kinks)


def beside(
    graph: Graph, trace: Trace, side: float
) -> tuple[dict[str, Array], dict[str, Any], dict[str, Any]]:
    """Return parameters and inputs moved a little, always the same way, and Y as it is.

    With ``side`` −1 instead of 1 they are moved the other way.
    """
    random = np.random.default_rng(0)

    def moved(array: Array) -> Array:
        most = BESIDE * max(1.0, float(np.max(np.abs(array), initial=0.0)))
        return np.asarray(array + side * random.uniform(-most, most, np.shape(array)))

    return given(graph, trace, moved, moved)
