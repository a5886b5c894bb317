"""Each row's own derivatives of each output that a cost reads, by the plan.

The plan's backward pass with the unit vector of one output in place of ∂J/∂a, for each output in
turn, before the sum over rows. No derivative is stated here. `NativeRunner.jacobian` is the same by
the native engine. Proved by ``tests/test_optimizers_whole.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from clearprop.backprop import (
    SAMPLE_WEIGHT,
    Plan,
    Term,
    adjoint_name,
    plan,
    run,
    sample_gradients,
)
from clearprop.expressions import Array, Hadamard, Num, OneHot
from clearprop.graph import Graph
from clearprop.network import Parameters

__all__ = ["PlannedJacobian", "outputs_of"]


def outputs_of(graph: Graph) -> int:
    """Return how many outputs the costs read, each cost its own."""
    return sum(graph.values[cost.value].type.shape[0] for cost in graph.costs)


class PlannedJacobian:
    """R = ∂a/∂w of a network's outputs.

    Parameters
    ----------
    graph : Graph
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._plan = plan(replace(graph, l2=0.0))
        self._seeded = list(_seeded(self._plan))

    def of(
        self, parameters: Parameters, inputs: dict[str, Array], targets: dict[str, Array]
    ) -> Array:
        """Return the derivatives, (outputs, rows, size)."""
        graph = self._graph
        n = len(next(iter(inputs.values())))
        found = np.empty((len(self._seeded), n, graph.size))
        for seeded, R in zip(self._seeded, found, strict=True):
            with np.errstate(all="ignore"):  # seen in what is made of it
                trace = run(seeded, parameters, inputs, targets)
                each = sample_gradients(self._plan, trace)
            for name, section in graph.sections():  # each row's share of a batch is 1/n
                R[:, section] = n * each[name].reshape(n, -1)
        return found


def _seeded(steps: Plan) -> Iterator[Plan]:
    """Yield, for each output of each cost, a plan whose adjoints are the derivatives of it."""
    graph = steps.graph
    kinds = ("forward", "arrive", "adjoint")
    short = replace(steps, steps=tuple(step for step in steps.steps if step.kind in kinds))
    for chosen in graph.costs:
        width = graph.values[chosen.value].type.shape[0]
        for unit in range(width):
            made = short
            for cost in graph.costs:
                mine = cost is chosen
                seed = OneHot(Num(float(unit)), width) if mine else Num(0.0)
                term = Term("cost", Hadamard(SAMPLE_WEIGHT, seed))
                step = made.step(adjoint_name(cost.value))
                terms = tuple(term if one.via == "cost" else one for one in step.terms)
                made = made.with_step(replace(step, terms=terms))
            yield made
