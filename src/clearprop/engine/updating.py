"""A plan's own updates, run in NumPy: what the reference does, and rules without a native kernel.

Proved by ``tests/test_reference_runner.py`` and ``tests/test_optimizers_more.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from clearprop.backprop import Plan
from clearprop.engine.contract import Flat, State
from clearprop.expressions import Array, evaluate
from clearprop.network import Parameters

__all__ = ["updated"]


def updated(
    steps: Plan, state: State, values: Mapping[str, Array], rate: float
) -> tuple[Flat, dict[str, Flat]]:
    """Return the parameters and slots after a step, in new arrays.

    Parameters
    ----------
    steps : Plan
        With an optimizer.
    state : State
        Before the step; not changed.
    values : mapping of str to array
        The gradients by their symbols' names; others are not read.
    rate : float
        α of this step.
    """
    graph = steps.graph
    parameters = Parameters(graph, state.parameters.copy())
    slots = {slot: flat.copy() for slot, flat in state.slots.items()}
    homes: dict[str, Array] = dict(parameters)  # views into the new arrays, written in place
    for slot, flat in slots.items():
        homes |= {f"{slot}.{name}": array for name, array in Parameters(graph, flat).items()}
    # The optimizer counts its steps from 1.
    known = {**values, **homes, "learning_rate": np.asarray(rate)}
    known["t"] = np.asarray(state.step + 1.0)
    for step in (one for one in steps.steps if one.kind == "update"):
        homes[step.target.name][...] = evaluate(step.terms[0].expr, known)
    return parameters.flat, slots
